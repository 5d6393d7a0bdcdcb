/* SPDX-License-Identifier: MIT */
/*
 * The journal's two files. See journal_file.h.
 *
 * Records are built in the first file's window; a commit copies what is new to the second
 * one's and then moves both committed lengths. So whatever either of them says counts is
 * whole in both.
 */
#include "daemon/journal_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/log.h"
#include "daemon/store.h"

#define WINDOW (256u << 10) /* mapped at the files' end; records are much smaller */
#define PAGE   4096u
/*
 * Memory is got in small pieces: it takes longer than all else that a request costs, and
 * who asks for something at that moment waits for it.
 */
#define PIECE (2 * PAGE)

static uint64_t sum_key;

/* --- checks --- */

static uint64_t mix(uint64_t v)
{
    v = (v ^ v >> 31) * 0xff51afd7ed558ccdu;
    v = (v ^ v >> 33) * 0xc4ceb9fe1a85ec53u;
    return v ^ v >> 29;
}

uint64_t journal_word(uint64_t value)
{
    return value | (mix(value + 0x9e3779b97f4a7c15u) & 0xffffffu) << 40;
}

bool journal_word_get(uint64_t word, uint64_t *value)
{
    *value = word & 0xffffffffffu;
    return journal_word(*value) == word;
}

void journal_set_key(uint64_t key)
{
    sum_key = mix(key);
}

uint16_t journal_check(uint16_t len)
{
    return (uint16_t)mix(sum_key + len);
}

uint32_t journal_sum(const void *data, size_t len)
{
    const char *p = data;
    uint64_t sum = sum_key ^ (len * 0x9e3779b97f4a7c15u), word;

    for (; len; p += sizeof(word)) {
        size_t n = len < sizeof(word) ? len : sizeof(word);

        word = 0;
        memcpy(&word, p, n);
        sum = (sum ^ word) * 0xff51afd7ed558ccdu;
        sum ^= sum >> 29;
        len -= n;
    }
    return (uint32_t)(sum >> 32) ^ (uint32_t)sum;
}

void journal_boot_id(char *out)
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, out, 36) : 0;

    if (fd >= 0)
        close(fd);
    memset(out + (n > 0 ? n : 0), 0, 40 - (size_t)(n > 0 ? n : 0));
}

/* --- the files --- */

void journal_path(char *out, size_t size, const char *path, int copy)
{
    snprintf(out, size, "%s%s", path, copy ? ".copy" : "");
}

void journal_file_close(struct journal_file *f)
{
    for (int i = 0; i < JOURNAL_COPIES; i++) {
        if (f->head[i])
            munmap(f->head[i], JOURNAL_HEAD);
        if (f->window[i])
            munmap(f->window[i], WINDOW);
        if (f->fd[i] >= 0)
            close(f->fd[i]);
    }
    *f = JOURNAL_FILE_NONE;
}

/* Brings the second file up to the first one's end. */
static void copy_new(struct journal_file *f)
{
    uint64_t from = f->copied - f->window_at;

    memcpy(f->window[1] + from, f->window[0] + from, f->end - f->copied);
    f->copied = f->end;
}

/* Moves the windows so that they begin on the page that holds the end. */
static int move_windows(struct journal_file *f)
{
    uint64_t at = f->end & ~(PAGE - 1ull);

    if (f->window[0])
        copy_new(f);
    for (int i = 0; i < JOURNAL_COPIES; i++) {
        void *window;

        window =
            mmap(NULL, WINDOW, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd[i], (off_t)at);
        if (window == MAP_FAILED)
            return errno;
        if (f->window[i])
            munmap(f->window[i], WINDOW);
        f->window[i] = window;
    }
    f->window_at = at;
    return 0;
}

/* Storing where the files have no memory would kill us. */
static int back(struct journal_file *f, uint64_t end)
{
    uint64_t from = f->backed, upto = (end + PIECE - 1) & ~(PIECE - 1ull);

    for (int i = 0; i < JOURNAL_COPIES; i++) {
        if (posix_fallocate(f->fd[i], (off_t)from, (off_t)(upto - from)))
            return ENOSPC;
    }
    f->backed = upto;
    return 0;
}

static int open_copy(struct journal_file *f, int i, const char *path, bool resume)
{
    char name[300];
    void *head;
    int rc;

    journal_path(name, sizeof(name), path, i);
    f->fd[i] = open(name, O_RDWR | O_CREAT | O_CLOEXEC | (resume ? 0 : O_TRUNC), 0600);
    if (f->fd[i] < 0)
        return errno;
    rc = posix_fallocate(f->fd[i], 0, JOURNAL_HEAD);
    if (rc)
        return rc;
    head = mmap(NULL, JOURNAL_HEAD, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd[i], 0);
    if (head == MAP_FAILED)
        return errno;
    f->head[i] = head;
    return 0;
}

/* What tells this writing of the journal from the one before. */
static uint64_t new_id(void)
{
    uint64_t id = 0;

    if (getrandom(&id, 5, GRND_NONBLOCK) != 5)
        id = (uint64_t)getpid();
    return id;
}

static void write_heads(struct journal_file *f)
{
    uint64_t id = new_id();

    for (int i = JOURNAL_COPIES - 1; i >= 0; i--) {
        struct journal_head *h = f->head[i];

        journal_boot_id(h->boot_id);
        h->id = journal_word(id);
        h->key = journal_word(store_key());
        h->committed = journal_word(JOURNAL_HEAD);
        __atomic_store_n(&h->magic, JOURNAL_MAGIC, __ATOMIC_RELEASE);
    }
}

int journal_file_open(struct journal_file *f, const char *path, bool resume)
{
    int rc = 0;

    *f = JOURNAL_FILE_NONE;
    for (int i = 0; i < JOURNAL_COPIES && rc == 0; i++)
        rc = open_copy(f, i, path, resume);
    f->end = JOURNAL_HEAD;
    if (rc == 0 && resume && !journal_word_get(f->head[0]->committed, &f->end))
        rc = EIO;
    f->copied = f->end;
    f->backed = f->end & ~(PAGE - 1ull);
    if (rc == 0)
        rc = move_windows(f);
    if (rc) {
        journal_file_close(f);
        return rc;
    }
    journal_set_key(store_key());
    if (!resume)
        write_heads(f);
    return 0;
}

void journal_file_commit(struct journal_file *f)
{
    uint64_t word = journal_word(f->end);

    if (f->head[0]->committed == word)
        return;
    copy_new(f);
    for (int i = JOURNAL_COPIES - 1; i >= 0; i--)
        __atomic_store_n(&f->head[i]->committed, word, __ATOMIC_RELEASE);
}

/* Room for len bytes at the end, or NULL: then the journal is given up. */
static char *room(struct journal_file *f, size_t len)
{
    int rc = 0;

    if (f->end + len > f->window_at + WINDOW)
        rc = move_windows(f);
    if (rc == 0 && f->end + len > f->backed)
        rc = back(f, f->end + len);
    if (rc) {
        log_say("the journal cannot grow (%s): a restart will not find this state again",
                strerror(rc));
        for (int i = 0; i < JOURNAL_COPIES; i++)
            f->head[i]->magic = 0;
        journal_file_close(f);
        return NULL;
    }
    return f->window[0] + (f->end - f->window_at);
}

void journal_file_append(struct journal_file *f, const struct iovec *part, int parts)
{
    struct journal_record r = {0};
    size_t at = sizeof(r), len = 0;
    char *to;

    for (int i = 0; i < parts; i++)
        len += part[i].iov_len;
    to = room(f, sizeof(r) + len);
    if (!to)
        return;
    for (int i = 0; i < parts; i++) {
        if (part[i].iov_len)
            memcpy(to + at, part[i].iov_base, part[i].iov_len);
        at += part[i].iov_len;
    }
    r.len = (uint16_t)len;
    r.check = journal_check(r.len);
    r.sum = journal_sum(to + sizeof(r), len);
    memcpy(to, &r, sizeof(r));
    f->end += sizeof(r) + len;
}

bool journal_file_raw(struct journal_file *f, const void *data, size_t len)
{
    char *to = room(f, len);

    if (!to)
        return false;
    memcpy(to, data, len);
    f->end += len;
    return true;
}
