/* SPDX-License-Identifier: MIT */
/*
 * Reference counts, and clusters for what is new. Clusters are counted some at a time
 * before they are used, and that is made durable once for all of them: what a crash
 * leaves counted and unused is leaked. A count goes down only after what pointed to the
 * cluster is durably gone. A cluster that became free is not used again while the image
 * is open.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "blkback/qcow2_priv.h"

#define RESERVE_BYTES (8U << 20)
#define MIN_RESERVE   8U
#define MAX_CLUSTERS  (1ULL << 56) /* bytes, that is: what an entry can point to */
#define MAX_TABLE     (8U << 20)

static uint64_t count_get(const struct qcow2 *q, const uint8_t *block, uint64_t i)
{
    unsigned int order = q->refcount_order, shift;

    switch (order) {
    case 3:
        return block[i];
    case 4:
        return be16toh(((const uint16_t *)block)[i]);
    case 5:
        return be32toh(((const uint32_t *)block)[i]);
    case 6:
        return be64toh(((const uint64_t *)block)[i]);
    }
    shift = (unsigned int)(i << order & 7);
    return block[i >> (3 - order)] >> shift & ((1U << (1U << order)) - 1);
}

static void count_set(const struct qcow2 *q, uint8_t *block, uint64_t i, uint64_t count)
{
    unsigned int order = q->refcount_order, shift, mask;

    switch (order) {
    case 3:
        block[i] = (uint8_t)count;
        return;
    case 4:
        ((uint16_t *)block)[i] = htobe16((uint16_t)count);
        return;
    case 5:
        ((uint32_t *)block)[i] = htobe32((uint32_t)count);
        return;
    case 6:
        ((uint64_t *)block)[i] = htobe64(count);
        return;
    }
    shift = (unsigned int)(i << order & 7);
    mask = ((1U << (1U << order)) - 1) << shift;
    block += i >> (3 - order);
    *block = (uint8_t)((*block & ~mask) | (unsigned int)count << shift);
}

static uint64_t table_entries(const struct qcow2 *q)
{
    return q->table_clusters * entries_per_table(q);
}

/* The block with a cluster's count; *out NULL: there is none. */
static int block_of(struct qcow2 *q, uint64_t cluster, struct table_slot **out)
{
    uint64_t nr = cluster / entries_per_block(q);
    struct table_slot *slot;
    bool hit;
    int rc;

    *out = NULL;
    if (nr >= table_entries(q) || !q->table[nr])
        return 0;
    rc = cache_slot(&q->refs, q, nr, q->table[nr], &slot, &hit);
    if (!rc && !hit)
        rc = file_read(q->fd, slot->data, q->cluster, q->table[nr]);
    if (rc)
        return rc;
    slot->host = q->table[nr];
    *out = slot;
    return 0;
}

int refs_get(struct qcow2 *q, uint64_t cluster, uint64_t *out)
{
    struct table_slot *slot;
    int rc = block_of(q, cluster, &slot);

    *out = 0;
    if (!rc && slot)
        *out = count_get(q, slot->data, cluster % entries_per_block(q));
    return rc;
}

/* nr counts of one block. */
static int set_counts(struct qcow2 *q, struct table_slot *slot, uint64_t first,
                      uint64_t nr, uint64_t count)
{
    uint64_t i = first % entries_per_block(q);
    size_t from = (i << q->refcount_order) / 8;
    size_t to = (((i + nr) << q->refcount_order) + 7) / 8;
    int rc;

    for (uint64_t n = 0; n < nr; n++)
        count_set(q, slot->data, i + n, count);
    rc = table_write(q, slot->data, from, to - from, slot->host);
    if (rc)
        slot->host = 0; /* the file knows better */
    return rc;
}

static void reaches(struct qcow2 *q, uint64_t cluster)
{
    if (q->end < cluster * q->cluster)
        q->end = cluster * q->cluster;
}

/* A block, at cluster `at`, with counts of 1 for the first nr clusters that it counts. */
static int write_block(struct qcow2 *q, uint64_t at, uint64_t nr)
{
    uint8_t *block = file_memory(q->cluster);
    int rc = block ? 0 : -ENOMEM;

    for (uint64_t i = 0; !rc && i < nr && i < entries_per_block(q); i++)
        count_set(q, block, i, 1);
    if (!rc)
        rc = file_write(q->fd, block, q->cluster, at * q->cluster);
    if (!rc)
        reaches(q, at + 1);
    free(block);
    return rc;
}

static bool fits(const struct qcow2 *q, uint64_t clusters)
{
    uint64_t bytes = clusters * q->cluster;

    return q->grows ? bytes <= MAX_CLUSTERS : bytes <= q->end;
}

/* A block of counts where there is none: it lies in the first cluster that it counts. */
static int make_block(struct qcow2 *q, uint64_t nr)
{
    uint64_t at = nr * entries_per_block(q);
    int rc;

    /* The first one counts the header: an image without it is broken. */
    if (!nr)
        return -EIO;
    if (!fits(q, at + 1))
        return -ENOSPC;
    rc = write_block(q, at, 1);
    if (!rc)
        rc = file_sync(q->fd);
    if (rc)
        return rc;
    q->table[nr] = at * q->cluster;
    rc = entry_write(q, q->table, nr, q->table_offset);
    if (rc)
        q->table[nr] = 0;
    return rc;
}

static int write_table(struct qcow2 *q, const uint64_t *table, uint64_t clusters,
                       uint64_t at)
{
    int rc = 0;

    for (uint64_t i = 0; i < clusters * entries_per_table(q) && !rc;
         i += QCOW2_SECTOR / 8)
        rc = entry_write(q, table, i, at * q->cluster);
    if (!rc)
        reaches(q, at + clusters);
    return rc ? rc : file_sync(q->fd);
}

static int switch_table(struct qcow2 *q, uint64_t *table, uint64_t at, uint32_t clusters)
{
    uint64_t old = q->table_offset, old_bytes = q->table_clusters * q->cluster;
    struct {
        uint64_t offset;
        uint32_t clusters;
    } __attribute__((packed)) header = {htobe64(at * q->cluster), htobe32(clusters)};
    int rc = header_write(q, HEADER_REFCOUNT_TABLE, &header, sizeof(header));

    if (rc)
        return rc;
    free(q->table);
    q->table = table;
    q->table_offset = at * q->cluster;
    q->table_clusters = clusters;
    return refs_drop_later(q, old, old_bytes);
}

/*
 * The table of blocks is full: a larger one, and the blocks that count it and themselves,
 * behind all clusters that the old one counts.
 */
static int grow_table(struct qcow2 *q)
{
    uint64_t had = table_entries(q), first = had * entries_per_block(q), blocks = 1;
    uint32_t clusters = q->table_clusters * 2;
    uint64_t *table;
    int rc = 0;

    while (blocks * entries_per_block(q) < blocks + clusters)
        blocks++;
    if (clusters * q->cluster > MAX_TABLE)
        return -EFBIG;
    if (!fits(q, first + blocks + clusters))
        return -ENOSPC;
    table = file_memory(clusters * q->cluster);
    if (!table)
        return -ENOMEM;
    memcpy(table, q->table, had * sizeof(*table));
    for (uint64_t b = 0; b < blocks && !rc; b++) {
        table[had + b] = (first + b) * q->cluster;
        rc = write_block(q, first + b, blocks + clusters - b * entries_per_block(q));
    }
    if (!rc)
        rc = write_table(q, table, clusters, first + blocks);
    if (!rc)
        rc = switch_table(q, table, first + blocks, clusters);
    if (rc && q->table != table)
        free(table);
    return rc;
}

/* The first free cluster from *at on, and its block. */
static int find_free(struct qcow2 *q, uint64_t *at, struct table_slot **slot)
{
    for (;;) {
        uint64_t per = entries_per_block(q), nr = *at / per;
        int rc = block_of(q, *at, slot);

        if (!rc && !*slot)
            rc = nr < table_entries(q) ? make_block(q, nr) : grow_table(q);
        if (rc)
            return rc;
        if (!*slot)
            continue;
        for (uint64_t i = *at % per; i < per; i++) {
            *at = nr * per + i;
            if (!count_get(q, (*slot)->data, i))
                return fits(q, *at + 1) ? 0 : -ENOSPC;
        }
        *at = (nr + 1) * per;
    }
}

static uint64_t free_run(const struct qcow2 *q, const struct table_slot *slot,
                         uint64_t at)
{
    uint64_t want = RESERVE_BYTES / q->cluster, nr = 1, i = at % entries_per_block(q);

    if (want < MIN_RESERVE)
        want = MIN_RESERVE;
    while (nr < want && i + nr < entries_per_block(q) && fits(q, at + nr + 1) &&
           !count_get(q, slot->data, i + nr))
        nr++;
    return nr;
}

static int reserve(struct qcow2 *q)
{
    struct table_slot *slot;
    uint64_t at = q->scan, nr;
    int rc = find_free(q, &at, &slot);

    if (rc)
        return rc;
    nr = free_run(q, slot, at);
    rc = set_counts(q, slot, at, nr, 1);
    /* What is in the file reads as zeroes without a look at its size. */
    if (!rc && q->grows && q->end < (at + nr) * q->cluster) {
        if (ftruncate(q->fd, (off_t)((at + nr) * q->cluster)))
            rc = -errno;
        else
            reaches(q, at + nr);
    }
    if (!rc)
        rc = file_sync(q->fd);
    if (rc) {
        /* As often as it is tried nothing is to be left behind. */
        if (slot->host)
            set_counts(q, slot, at, nr, 0);
        return rc;
    }
    q->pool = at;
    q->scan = q->pool_end = at + nr;
    return 0;
}

int refs_take(struct qcow2 *q, uint64_t want, uint64_t *first, uint64_t *got)
{
    int rc = q->pool == q->pool_end ? reserve(q) : 0;

    if (rc)
        return rc;
    *first = q->pool;
    *got = want < q->pool_end - q->pool ? want : q->pool_end - q->pool;
    q->pool += *got;
    return 0;
}

void refs_untake(struct qcow2 *q, uint64_t first, uint64_t nr)
{
    if (q->pool == first + nr)
        q->pool = first;
    if (q->fresh < first + nr)
        q->fresh = first + nr;
}

int refs_drop_later(struct qcow2 *q, uint64_t host, uint64_t length)
{
    int rc = 0;

    if (q->nr_old == QCOW2_MAX_OLD) {
        rc = file_sync(q->fd);
        if (!rc)
            rc = refs_drop_old(q);
    }
    /* Those that are forgotten are leaked. */
    if (q->nr_old < QCOW2_MAX_OLD)
        q->old[q->nr_old++] = (struct old_range){.host = host, .length = length};
    return rc;
}

static int drop(struct qcow2 *q, uint64_t cluster)
{
    struct table_slot *slot;
    uint64_t count;
    int rc = block_of(q, cluster, &slot);

    if (rc || !slot)
        return rc ? rc : -EIO;
    count = count_get(q, slot->data, cluster % entries_per_block(q));
    return count ? set_counts(q, slot, cluster, 1, count - 1) : -EIO;
}

int refs_drop_old(struct qcow2 *q)
{
    int rc = 0;

    while (q->nr_old && !rc) {
        const struct old_range *old = &q->old[--q->nr_old];
        uint64_t last = (old->host + old->length - 1) / q->cluster;

        for (uint64_t c = old->host / q->cluster; c <= last && !rc; c++)
            rc = drop(q, c);
    }
    return rc;
}

void refs_end(struct qcow2 *q)
{
    uint64_t from = q->pool, nr = q->pool_end - q->pool;
    struct table_slot *slot;

    if ((!nr && !q->nr_old) || file_sync(q->fd) || refs_drop_old(q))
        return;
    q->pool = q->pool_end;
    if (!nr || block_of(q, from, &slot) || !slot || set_counts(q, slot, from, nr, 0))
        return;
    if (q->grows && q->end == (from + nr) * q->cluster &&
        !ftruncate(q->fd, (off_t)(from * q->cluster)))
        q->end = from * q->cluster;
}
