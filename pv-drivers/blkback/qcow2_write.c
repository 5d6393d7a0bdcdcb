/* SPDX-License-Identifier: MIT */
/*
 * Writing where there is no cluster of our own yet. The order is what keeps the image
 * right at any instant: clusters are counted (qcow2_refs.c), data are written, and what
 * was copied is made durable, before an L2 entry points there; an L2 table is durable
 * before its L1 entry is written; counts of what was pointed to go down at a later flush.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "blkback/qcow2_priv.h"

#define DISCARD_MODE (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)

/* What is to be written: a request's memory, piece by piece. */
struct source {
    const struct iovec *iov;
    unsigned int nr;
    size_t did; /* of the first piece */
};

static int write_source(struct qcow2 *q, struct source *s, uint64_t length, uint64_t host)
{
    while (length) {
        size_t left = s->iov->iov_len - s->did, n = left < length ? left : length;
        int rc = file_write(q->fd, (const char *)s->iov->iov_base + s->did, n, host);

        if (rc)
            return rc;
        host += n;
        length -= n;
        s->did += n;
        if (s->did == s->iov->iov_len) {
            s->iov++;
            s->did = 0;
        }
    }
    return 0;
}

/*
 * The part [from, to) of the disk, within one cluster, goes to host as it reads now.
 * *copied: it was something.
 */
static int copy(struct qcow2 *q, uint64_t from, uint64_t to, uint64_t host, bool fresh,
                bool *copied)
{
    struct iovec iov = {.iov_base = q->bounce, .iov_len = to - from};
    struct extent e;
    int rc;

    if (from == to)
        return 0;
    rc = map_find(q, from, to - from, &e);
    if (rc || (fresh && e.kind == EXTENT_ZERO))
        return rc;
    rc = qcow2_read(q, from, &iov, 1);
    if (!rc)
        rc = file_write(q->fd, q->bounce, to - from, host);
    *copied = true;
    return rc;
}

/* Where an L2 table is that may be written to: a new one, or a copy of a shared one. */
static int own_table(struct qcow2 *q, uint64_t offset)
{
    uint64_t nr = offset / q->cluster / entries_per_table(q), old = q->l1[nr];
    uint64_t first, got, *table, *copy = (uint64_t *)q->bounce;
    int rc;

    if (old & ENTRY_COPIED)
        return 0;
    rc = map_table(q, offset, &table);
    if (rc)
        return rc;
    rc = refs_take(q, 1, &first, &got);
    if (rc)
        return rc;
    /* Who shares the table shares the clusters. */
    for (uint64_t i = 0; i < entries_per_table(q); i++)
        copy[i] = table ? table[i] & ~htobe64(ENTRY_COPIED) : 0;
    rc = file_write(q->fd, q->bounce, q->cluster, first * q->cluster);
    if (!rc)
        rc = file_sync(q->fd);
    if (!rc) {
        q->l1[nr] = first * q->cluster | ENTRY_COPIED;
        rc = entry_write(q, q->l1, nr, q->l1_offset);
        /* Unknown now which of the two the file has. The new one is never used for
         * anything else; a leak. */
        if (rc)
            q->l1[nr] = old;
    } else {
        refs_untake(q, first, 1);
    }
    if (!rc && old)
        rc = refs_drop_later(q, old & ENTRY_OFFSET, q->cluster);
    return rc;
}

static int forget_old(struct qcow2 *q, uint64_t entry)
{
    uint64_t host = entry & ENTRY_OFFSET, size = q->cluster;

    if (entry & ENTRY_PACKED)
        entry_packed(q, entry, &host, &size);
    return host ? refs_drop_later(q, host, size) : 0;
}

/* nr entries from that of `offset` on now point to clusters from `first` on. */
static int point(struct qcow2 *q, uint64_t offset, uint64_t first, uint64_t nr)
{
    uint64_t at = offset / q->cluster % entries_per_table(q), *table, *before;
    int rc = map_table(q, offset, &table);

    if (rc || !table)
        return rc ? rc : -EIO;
    before = malloc(nr * sizeof(*before));
    if (!before)
        return -ENOMEM;
    memcpy(before, table + at, nr * sizeof(*before));
    for (uint64_t i = 0; i < nr; i++)
        table[at + i] = htobe64((first + i) * q->cluster | ENTRY_COPIED);
    rc = table_write(q, (const uint8_t *)table, at * 8, nr * 8,
                     q->l1[offset / q->cluster / entries_per_table(q)] & ENTRY_OFFSET);
    for (uint64_t i = 0; i < nr && rc; i++)
        table[at + i] = before[i];
    for (uint64_t i = 0; i < nr && !rc; i++)
        rc = forget_old(q, be64toh(before[i]));
    free(before);
    return rc;
}

/* How many clusters in a row, from that of offset on, are to be made, of `max`. */
static int count_foreign(struct qcow2 *q, uint64_t offset, uint64_t max, uint64_t *out)
{
    uint64_t at = offset / q->cluster % entries_per_table(q), *table;
    int rc = map_table(q, offset, &table);

    if (max > entries_per_table(q) - at)
        max = entries_per_table(q) - at;
    *out = 0;
    while (!rc && *out < max) {
        struct extent e;

        rc = map_find(q, (offset / q->cluster + *out) * q->cluster, q->cluster, &e);
        if (rc || e.ours)
            break;
        ++*out;
    }
    return rc;
}

/* The guest's data, and what they leave of the first and last cluster. */
static int fill(struct qcow2 *q, uint64_t offset, uint64_t end, struct source *s,
                uint64_t first)
{
    uint64_t begin = offset & ~(q->cluster - 1), host = first * q->cluster;
    uint64_t stop = (end + q->cluster - 1) & ~(q->cluster - 1);
    bool fresh = first >= q->fresh, copied = false;
    int rc = copy(q, begin, offset, host, fresh, &copied);

    if (!rc)
        rc = copy(q, end, stop, host + (end - begin), fresh, &copied);
    if (!rc)
        rc = write_source(q, s, end - offset, host + (offset - begin));
    return rc || !copied ? rc : file_sync(q->fd);
}

/* Makes clusters for [offset, end), or for the first part of it; *did says how much. */
static int allocate(struct qcow2 *q, uint64_t offset, uint64_t end, struct source *s,
                    uint64_t *did)
{
    uint64_t begin = offset & ~(q->cluster - 1), first, nr, got;
    int rc = own_table(q, offset);

    if (!rc)
        rc = count_foreign(q, offset, (end - 1) / q->cluster - offset / q->cluster + 1,
                           &nr);
    if (!rc)
        rc = refs_take(q, nr, &first, &got);
    if (rc)
        return rc;
    if (end > begin + got * q->cluster)
        end = begin + got * q->cluster;
    rc = fill(q, offset, end, s, first);
    if (!rc)
        rc = point(q, offset, first, got);
    else
        refs_untake(q, first, got);
    *did = end - offset;
    return rc;
}

/* Others' marks about the image's contents do not stay true. */
static int clear_marks(struct qcow2 *q)
{
    uint64_t none = 0;
    int rc = q->autoclear ? header_write(q, HEADER_AUTOCLEAR, &none, sizeof(none)) : 0;

    if (!rc)
        q->autoclear = 0;
    return rc;
}

int qcow2_write(struct qcow2 *q, uint64_t offset, const struct iovec *iov,
                unsigned int nr)
{
    struct source s = {.iov = iov, .nr = nr};
    uint64_t end = offset, did = 0;
    int rc = clear_marks(q);

    for (unsigned int i = 0; i < nr; i++)
        end += iov[i].iov_len;
    for (; offset < end && !rc; offset += did) {
        struct extent e;

        rc = map_find(q, offset, end - offset, &e);
        if (rc)
            break;
        did = e.length;
        if (e.kind == EXTENT_DATA && e.ours)
            rc = write_source(q, &s, did, e.host);
        else
            rc = allocate(q, offset, end, &s, &did);
    }
    return rc;
}

int qcow2_discard(struct qcow2 *q, uint64_t offset, uint64_t length)
{
    uint64_t end = offset + length;
    int rc = clear_marks(q);

    while (offset < end && !rc) {
        struct extent e;

        rc = map_find(q, offset, end - offset, &e);
        if (!rc && e.kind == EXTENT_DATA && e.ours &&
            fallocate(q->fd, DISCARD_MODE, (off_t)e.host, (off_t)e.length))
            rc = -errno;
        if (!rc)
            offset += e.length;
    }
    return rc;
}

bool qcow2_flush_needed(const struct qcow2 *q)
{
    return q->nr_old;
}

int qcow2_flush(struct qcow2 *q)
{
    int rc = file_sync(q->fd);

    return rc ? rc : refs_drop_old(q);
}
