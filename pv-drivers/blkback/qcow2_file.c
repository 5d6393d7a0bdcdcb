/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "blkback/qcow2_priv.h"

#define ALIGNMENT 4096U /* of memory: enough for any disk */

int file_read(int fd, void *out, size_t size, uint64_t at)
{
    size_t did = 0;

    while (did < size) {
        ssize_t n = pread(fd, (char *)out + did, size - did, (off_t)(at + did));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        did += (size_t)n;
        /* Direct I/O cannot go on from between two sectors, but there is nothing more. */
        if (!n || n % QCOW2_SECTOR)
            break;
    }
    memset((char *)out + did, 0, size - did);
    return 0;
}

int file_write(int fd, const void *from, size_t size, uint64_t at)
{
    for (size_t did = 0; did < size;) {
        ssize_t n = pwrite(fd, (const char *)from + did, size - did, (off_t)(at + did));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n ? -errno : -ENOSPC;
        did += (size_t)n;
    }
    return 0;
}

int file_sync(int fd)
{
    return fdatasync(fd) ? -errno : 0;
}

void *file_memory(size_t size)
{
    size_t whole = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    void *memory = aligned_alloc(ALIGNMENT, whole);

    if (memory)
        memset(memory, 0, whole);
    return memory;
}

int table_write(struct qcow2 *q, const uint8_t *data, size_t from, size_t size,
                uint64_t at)
{
    size_t first = from / QCOW2_SECTOR * QCOW2_SECTOR;
    size_t last = (from + size + QCOW2_SECTOR - 1) / QCOW2_SECTOR * QCOW2_SECTOR;

    return file_write(q->fd, data + first, last - first, at + first);
}

int table_read(const struct qcow2 *q, uint64_t at, uint64_t nr, uint64_t **out)
{
    size_t size = (nr * 8 + QCOW2_SECTOR - 1) / QCOW2_SECTOR * QCOW2_SECTOR;
    uint64_t *table = file_memory(size ? size : QCOW2_SECTOR);
    int rc = table ? file_read(q->fd, table, size, at) : -ENOMEM;

    for (size_t i = 0; !rc && i < size / 8; i++)
        table[i] = be64toh(table[i]);
    if (rc) {
        free(table);
        table = NULL;
    }
    *out = table;
    return rc;
}

int entry_write(struct qcow2 *q, const uint64_t *table, uint64_t nr, uint64_t at)
{
    uint64_t sector[QCOW2_SECTOR / 8] __attribute__((aligned(4096)));
    uint64_t first = nr / (QCOW2_SECTOR / 8) * (QCOW2_SECTOR / 8);

    for (unsigned int i = 0; i < QCOW2_SECTOR / 8; i++)
        sector[i] = htobe64(table[first + i]);
    return file_write(q->fd, sector, sizeof(sector), at + first * 8);
}

int header_write(struct qcow2 *q, unsigned int at, const void *from, unsigned int size)
{
    uint8_t *sector = file_memory(QCOW2_SECTOR);
    int rc = sector ? file_read(q->fd, sector, QCOW2_SECTOR, 0) : -ENOMEM;

    if (!rc) {
        memcpy(sector + at, from, size);
        rc = file_write(q->fd, sector, QCOW2_SECTOR, 0);
    }
    free(sector);
    return rc ? rc : file_sync(q->fd);
}

int cache_open(struct table_cache *c, const struct qcow2 *q, unsigned int max_bytes,
               unsigned int max_slots)
{
    c->slots = 4;
    while (c->slots * 2 <= max_slots && c->slots * 2 * q->cluster <= max_bytes)
        c->slots *= 2;
    c->slot = calloc(c->slots, sizeof(*c->slot));
    return c->slot ? 0 : -ENOMEM;
}

void cache_close(struct table_cache *c)
{
    for (unsigned int i = 0; c->slot && i < c->slots; i++)
        free(c->slot[i].data);
    free(c->slot);
    c->slot = NULL;
}

int cache_slot(struct table_cache *c, const struct qcow2 *q, uint64_t nr, uint64_t host,
               struct table_slot **out, bool *hit)
{
    struct table_slot *slot = &c->slot[nr & (c->slots - 1)];

    *out = slot;
    *hit = slot->host == host;
    if (*hit)
        return 0;
    slot->host = 0;
    if (!slot->data)
        slot->data = file_memory(q->cluster);
    return slot->data ? 0 : -ENOMEM;
}
