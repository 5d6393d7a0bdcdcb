/* SPDX-License-Identifier: MIT */
/*
 * A page with the counts, mapped, and a ring of data behind it, written by system calls:
 * where there is no space for them they are lost, not we. A daemon may be killed between
 * any two steps, so that one store, of `end`, makes bytes ours: what the guest may write
 * over follows from it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "consoled.h"

#define MAGIC     0x314c4b42U
#define HEAD_SIZE 4096

static bool is_his(const struct backlog_head *h, const char *whose, uint32_t size)
{
    return h->magic == MAGIC && h->size == size && h->end >= h->seen &&
           h->end - h->seen <= size && h->logged / 2 <= h->end &&
           !strncmp(h->whose, whose, sizeof(h->whose));
}

static int open_at(struct backlog *b, const char *path)
{
    int rc;

    b->fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)
                 : memfd_create("backlog", MFD_CLOEXEC);
    if (b->fd < 0)
        return -errno;
    /* So that the mapping is not one of a page that there is no memory for. */
    rc = -posix_fallocate(b->fd, 0, HEAD_SIZE);
    if (!rc) {
        b->head = mmap(NULL, HEAD_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, b->fd, 0);
        rc = b->head == MAP_FAILED ? -errno : 0;
    }
    if (rc)
        close(b->fd);
    return rc;
}

int backlog_open(struct backlog *b, const char *path, const char *whose, uint32_t size)
{
    int rc = open_at(b, path);

    if (rc && path) {
        log_line("cannot keep what guests write in %s: %s", path, strerror(-rc));
        rc = open_at(b, NULL);
    }
    if (rc)
        return rc;
    if (!is_his(b->head, whose, size)) {
        *b->head = (struct backlog_head){.size = size};
        strncpy(b->head->whose, whose, sizeof(b->head->whose) - 1);
        __atomic_store_n(&b->head->magic, MAGIC, __ATOMIC_RELEASE);
    }
    b->given = b->head->seen;
    return 0;
}

void backlog_close(struct backlog *b)
{
    munmap(b->head, HEAD_SIZE);
    close(b->fd);
}

/* Reads or writes bytes of the ring; false: it cannot be. */
static bool move(const struct backlog *b, uint64_t at, char *data, size_t len, bool write)
{
    while (len) {
        size_t offset = at % b->head->size, left = b->head->size - offset;
        size_t n = len < left ? len : left;
        off_t where = (off_t)(HEAD_SIZE + offset);
        ssize_t done =
            write ? pwrite(b->fd, data, n, where) : pread(b->fd, data, n, where);

        if (done <= 0)
            return false;
        at += (uint64_t)done;
        data += done;
        len -= (size_t)done;
    }
    return true;
}

void backlog_add(struct backlog *b, const char *data, size_t len, uint32_t at)
{
    struct backlog_head *h = b->head;
    size_t kept = len < h->size ? len : h->size;
    uint64_t end = h->end + len;

    h->base = at - (uint32_t)h->end;
    if (end - h->seen > h->size)
        __atomic_store_n(&h->seen, end - h->size, __ATOMIC_RELEASE);
    if (!move(b, end - kept, (char *)data + (len - kept), kept, true))
        __atomic_store_n(&h->seen, end, __ATOMIC_RELEASE);
    if (b->given < h->seen)
        b->given = h->seen;
    __atomic_store_n(&h->end, end, __ATOMIC_RELEASE);
}

size_t backlog_copy(const struct backlog *b, uint64_t from, char *to, size_t max)
{
    const struct backlog_head *h = b->head;
    uint64_t len = h->end - from;

    if (len > h->size)
        return 0;
    if (len > max)
        len = max;
    return move(b, from, to, len, false) ? len : 0;
}
