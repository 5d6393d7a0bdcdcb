/* SPDX-License-Identifier: MIT */
/*
 * Reading the journal's two files, and mending one from the other. What both have lost is
 * left out and said; then the journal is written anew as soon as the daemon runs.
 *
 * Both are made equally long and mapped, and read as one: each record from the first file
 * if it is whole there, else from the second, and what is wrong is overwritten with what
 * is right. A file that is missing, or belongs to a journal that was replaced at that
 * very moment, is one that has nothing right in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/journal.h"
#include "daemon/journal_file.h"
#include "daemon/log.h"
#include "daemon/store.h"

#define HEAD_FLIPS 8 /* bits that may be wrong in a head's constants */

static struct {
    int fd[JOURNAL_COPIES];
    char *map[JOURNAL_COPIES];
    bool counts[JOURNAL_COPIES];
    uint64_t size, end;
    bool end_known;
} files;

static struct {
    uint64_t mended; /* records of the first file that came from the second */
    uint64_t lost;   /* bytes that came from nowhere */
    bool head;       /* something was wrong with a head, or there was only one */
    bool copy;       /* ... with records of the second file */
} found;

/* --- opening --- */

static int bits_apart(const void *a, const void *b, size_t len)
{
    const unsigned char *p = a, *q = b;
    int bits = 0;

    for (size_t i = 0; i < len; i++)
        bits += __builtin_popcount(p[i] ^ q[i]);
    return bits;
}

static bool open_file(int i, const char *path, struct journal_head *h)
{
    struct journal_head want = {.magic = JOURNAL_MAGIC};
    size_t constants = offsetof(struct journal_head, id);
    char name[300];
    struct stat st;

    journal_path(name, sizeof(name), path, i);
    files.fd[i] = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (files.fd[i] < 0 || fstat(files.fd[i], &st) ||
        pread(files.fd[i], h, sizeof(*h), 0) != sizeof(*h))
        return false;
    journal_boot_id(want.boot_id);
    if (bits_apart(h, &want, constants) > HEAD_FLIPS)
        return false;
    found.head |= memcmp(h, &want, constants) != 0;
    if (files.size < (uint64_t)st.st_size)
        files.size = (uint64_t)st.st_size;
    return true;
}

static void close_files(void)
{
    for (int i = 0; i < JOURNAL_COPIES; i++) {
        if (files.map[i])
            munmap(files.map[i], files.size);
        if (files.fd[i] >= 0)
            close(files.fd[i]);
    }
    memset(&files, 0, sizeof(files));
    memset(&found, 0, sizeof(found));
}

static bool map_files(void)
{
    for (int i = 0; i < JOURNAL_COPIES; i++) {
        void *map;

        if ((!files.counts[i] && ftruncate(files.fd[i], 0)) ||
            ftruncate(files.fd[i], (off_t)files.size))
            return false;
        map = mmap(NULL, files.size, PROT_READ | PROT_WRITE, MAP_SHARED, files.fd[i], 0);
        if (map == MAP_FAILED)
            return false;
        files.map[i] = map;
    }
    return true;
}

/* The greatest right value of this word in the heads that count. */
static bool head_word(const struct journal_head *h, size_t offset, uint64_t *value)
{
    bool any = false;

    for (int i = 0; i < JOURNAL_COPIES; i++) {
        uint64_t word, v;

        if (!files.counts[i])
            continue;
        memcpy(&word, (const char *)&h[i] + offset, sizeof(word));
        if (!journal_word_get(word, &v)) {
            found.head = true;
            continue;
        }
        if (!any || *value < v)
            *value = v;
        any = true;
    }
    return any;
}

static bool open_files(const char *path)
{
    struct journal_head h[JOURNAL_COPIES];
    uint64_t id[JOURNAL_COPIES], key;
    bool known = true;

    for (int i = 0; i < JOURNAL_COPIES; i++) {
        files.counts[i] = open_file(i, path, &h[i]);
        known &= files.counts[i] && journal_word_get(h[i].id, &id[i]);
    }
    if (known && id[0] != id[1])
        files.counts[1] = false; /* killed between two renames */
    else
        found.head |= !known && (files.counts[0] || files.counts[1]);
    if (!head_word(h, offsetof(struct journal_head, key), &key)) {
        if (found.head)
            log_say("the journal is damaged: without its key nothing can be read");
        return false;
    }
    files.end_known = head_word(h, offsetof(struct journal_head, committed), &files.end);
    if (!files.end_known)
        files.end = files.size;
    if (files.end_known && files.end == JOURNAL_HEAD)
        return false; /* nothing has ever come of it */
    store_set_key(key);
    journal_set_key(key);
    return map_files();
}

/* --- records --- */

/*
 * The whole length of the record at at in this file if it is right; else 0, and in *len
 * what its header says, if that is right.
 */
static uint64_t record_at(int i, uint64_t at, uint64_t *len)
{
    const char *from = files.map[i] + at;
    uint64_t left = files.end < files.size ? files.end : files.size;
    struct journal_record r;

    left = at < left ? left - at : 0;
    if (left < sizeof(r))
        return 0;
    memcpy(&r, from, sizeof(r));
    if (r.check != journal_check(r.len))
        return 0;
    *len = sizeof(r) + r.len;
    if (*len > left || journal_sum(from + sizeof(r), r.len) != r.sum)
        return 0;
    return *len;
}

/* The length of the record at at, which is then right in the first file; 0: none. */
static uint64_t mended_at(uint64_t at, uint64_t *len)
{
    uint64_t n = record_at(0, at, len);

    if (n == 0 && (n = record_at(1, at, len)) != 0) {
        memcpy(files.map[0] + at, files.map[1] + at, n);
        found.mended++;
    }
    return n;
}

/* The next record that is right, from at on, or the end. */
static uint64_t search(uint64_t at)
{
    uint64_t ignored;

    while (at < files.end && !mended_at(at, &ignored))
        at++;
    return at;
}

/* Returns the end of the last record that is right. */
static uint64_t read_records(struct recovered *r)
{
    uint64_t at = JOURNAL_HEAD, good = at;

    while (at < files.end) {
        uint64_t len = 0, n = mended_at(at, &len), next = at + len;
        struct journal_entry e;

        if (n == 0) {
            recover_gap(len ? 1 : 0);
            at = search(len ? next : at + 1);
            if (at >= files.end)
                break;
            found.lost += at - good;
            good = at;
            continue;
        }
        if (!recover_record(files.map[0] + at + sizeof(struct journal_record),
                            (uint32_t)(n - sizeof(struct journal_record))))
            found.lost += n;
        memcpy(&e, files.map[0] + at + sizeof(struct journal_record), sizeof(e.type));
        r->tail += e.type != JOURNAL_TREE;
        at = good = next;
    }
    if (files.end_known)
        found.lost += files.end - good;
    return good;
}

/* --- the whole --- */

/* Makes the second file as the first is now, and both heads as they should be. */
static void make_equal(uint64_t end)
{
    struct journal_head h = {.magic = JOURNAL_MAGIC};

    if (memcmp(files.map[0] + JOURNAL_HEAD, files.map[1] + JOURNAL_HEAD,
               end - JOURNAL_HEAD) != 0) {
        found.copy |= files.counts[1];
        memcpy(files.map[1] + JOURNAL_HEAD, files.map[0] + JOURNAL_HEAD,
               end - JOURNAL_HEAD);
    }
    journal_boot_id(h.boot_id);
    h.id = journal_word(end); /* alike in both is all that matters */
    h.key = journal_word(store_key());
    h.committed = journal_word(end);
    for (int i = 0; i < JOURNAL_COPIES; i++) {
        memcpy(files.map[i], &h, sizeof(h));
        if (ftruncate(files.fd[i], (off_t)end))
            log_say("the journal cannot be cut: %s", strerror(errno));
    }
}

static void report(void)
{
    if (found.lost)
        log_say("the journal is damaged: %llu of its %llu bytes are lost, %llu records "
                "came from its copy",
                (unsigned long long)found.lost,
                (unsigned long long)(files.end - JOURNAL_HEAD),
                (unsigned long long)found.mended);
    else if (found.mended)
        log_say("the journal was damaged: %llu records came from its copy, nothing is "
                "lost",
                (unsigned long long)found.mended);
    else if (found.copy)
        log_say("the journal's copy was damaged: it is made anew, nothing is lost");
    else if (found.head)
        log_say("the journal's head was damaged: it is made anew, nothing is lost");
}

bool recover(const char *dir, struct recovered *r)
{
    char path[256];
    bool ok;

    *r = (struct recovered){0};
    snprintf(path, sizeof(path), "%s/journal", dir);
    files.fd[0] = files.fd[1] = -1;
    ok = open_files(path);
    if (ok) {
        uint64_t end = read_records(r);

        recover_done();
        make_equal(end);
        report();
        r->damaged = found.lost != 0;
        log_say("%llu nodes are back from the journal", (unsigned long long)store.nodes);
    }
    close_files();
    return ok;
}
