/* SPDX-License-Identifier: MIT */
/*
 * The whole image, before anybody works with it: a cluster is one thing (header, table,
 * data) and, where it is to be written to, no count is lower than what points to it and
 * nothing that is marked as our own is counted twice.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "blkback/qcow2_priv.h"

#define MAX_CLUSTERS  (1ULL << 31)
#define MAX_READ      (1ULL << 30) /* of tables: 8 TiB of clusters of 64 KiB */
#define MAX_SNAPSHOTS 65536U
#define SNAPSHOT_HEAD 40U
#define COUNT_MASK    0x0fffffffU

enum use { USE_HEADER = 1, USE_TABLE = 2, USE_L2 = 4, USE_DATA = 8 };
#define USE_SHIFT 28

struct check {
    struct qcow2 *q;
    uint32_t *seen; /* of each cluster: its uses, and how often it is pointed to */
    uint64_t clusters;
    uint64_t read; /* bytes of tables */
    bool active;   /* the tables walked are the disk's, no snapshot's */
    const char **why;
};

static char reason[160];

static int broken(struct check *c, const char *text)
{
    *c->why = text;
    return -EINVAL;
}

static int broken_at(struct check *c, const char *what, uint64_t cluster)
{
    snprintf(reason, sizeof(reason), "it is corrupt: cluster %llu %s",
             (unsigned long long)cluster, what);
    *c->why = reason;
    return -EINVAL;
}

static int failed(struct check *c, int rc)
{
    *c->why = strerror(-rc);
    return rc;
}

static int spend(struct check *c, uint64_t bytes)
{
    c->read += bytes;
    return c->read > MAX_READ ? broken(c, "its tables are too large to be checked") : 0;
}

/* Something of this kind lies there, or at least begins there. */
static int use(struct check *c, uint64_t host, uint64_t bytes, enum use kind)
{
    uint64_t last = (host + (bytes ? bytes : 1) - 1) / c->q->cluster;

    for (uint64_t i = host / c->q->cluster; i <= last && i < c->clusters; i++) {
        uint32_t was = c->seen[i] >> USE_SHIFT;

        if (was & ~(uint32_t)kind || (was && kind <= USE_TABLE))
            return broken_at(c, "is used for two things", i);
        if ((c->seen[i] & COUNT_MASK) == COUNT_MASK)
            return broken_at(c, "is used too often", i);
        c->seen[i] = (c->seen[i] + 1) | (uint32_t)kind << USE_SHIFT;
    }
    return 0;
}

/* What is marked as our own has one user. */
static int check_own(struct check *c, uint64_t entry)
{
    uint64_t cluster = (entry & ENTRY_OFFSET) / c->q->cluster, count;
    int rc;

    if (!c->active || c->q->readonly || !(entry & ENTRY_COPIED))
        return 0;
    rc = refs_get(c->q, cluster, &count);
    if (rc)
        return failed(c, rc);
    return count == 1 ? 0 : broken_at(c, "is marked as used once and is not", cluster);
}

static int walk_entry(struct check *c, uint64_t entry)
{
    uint64_t host = entry & ENTRY_OFFSET, size = c->q->cluster;
    const char *why = entry_wrong(c->q, entry);
    int rc;

    if (why)
        return broken(c, why);
    if (entry & ENTRY_PACKED)
        entry_packed(c->q, entry, &host, &size);
    if (!host)
        return 0;
    rc = use(c, host, size, USE_DATA);
    return rc || entry & ENTRY_PACKED ? rc : check_own(c, entry);
}

static int walk_l2(struct check *c, uint64_t l1_entry)
{
    uint64_t host = l1_entry & ENTRY_OFFSET, *table;
    int rc = spend(c, c->q->cluster);

    if (!rc)
        rc = use(c, host, c->q->cluster, USE_L2);
    if (!rc)
        rc = check_own(c, l1_entry);
    if (rc)
        return rc;
    rc = table_read(c->q, host, entries_per_table(c->q), &table);
    if (rc)
        return failed(c, rc);
    for (uint64_t i = 0; i < entries_per_table(c->q) && !rc; i++)
        if (table[i])
            rc = walk_entry(c, table[i]);
    free(table);
    return rc;
}

static int walk_l1(struct check *c, const uint64_t *l1, uint64_t nr, uint64_t at)
{
    int rc = use(c, at, nr * 8, USE_TABLE);

    for (uint64_t i = 0; i < nr && !rc; i++) {
        uint64_t host = l1[i] & ENTRY_OFFSET;

        if (l1[i] & L1_RESERVED || host & (c->q->cluster - 1) || host >= c->q->end)
            rc = broken(c, "an L1 entry does not point to a cluster of the file");
        else if (host)
            rc = walk_l2(c, l1[i]);
    }
    return rc;
}

static int walk_snapshot(struct check *c, const uint8_t *head, uint64_t *size)
{
    uint64_t at, *l1;
    uint32_t nr, extra;
    uint16_t id, name;
    int rc;

    memcpy(&at, head, 8);
    memcpy(&nr, head + 8, 4);
    memcpy(&id, head + 12, 2);
    memcpy(&name, head + 14, 2);
    memcpy(&extra, head + 36, 4);
    at = be64toh(at);
    nr = be32toh(nr);
    *size = SNAPSHOT_HEAD + 0ULL + be32toh(extra) + be16toh(id) + be16toh(name);
    *size = (*size + 7) & ~7ULL;
    if (!nr)
        return 0;
    if (at & (c->q->cluster - 1) || at >= c->q->end || nr * 8ULL > c->q->end - at)
        return broken(c, "a snapshot's L1 table does not lie within the file");
    rc = spend(c, nr * 8ULL);
    if (rc)
        return rc;
    rc = table_read(c->q, at, nr, &l1);
    if (rc)
        return failed(c, rc);
    rc = walk_l1(c, l1, nr, at);
    free(l1);
    return rc;
}

static int walk_snapshots(struct check *c)
{
    uint8_t *window = file_memory(2 * QCOW2_SECTOR);
    uint64_t at = c->q->snapshots_offset, size = 0;
    int rc = 0;

    if (c->q->nr_snapshots > MAX_SNAPSHOTS)
        rc = broken(c, "it has too many snapshots");
    for (uint32_t i = 0; i < c->q->nr_snapshots && !rc; i++, at += size) {
        uint64_t in = at & (QCOW2_SECTOR - 1);

        if (at + SNAPSHOT_HEAD > c->q->end)
            rc = broken(c, "its snapshot table does not lie within the file");
        else if (!window || file_read(c->q->fd, window, 2 * QCOW2_SECTOR, at - in))
            rc = failed(c, -EIO);
        else
            rc = walk_snapshot(c, window + in, &size);
    }
    free(window);
    if (!rc && c->q->nr_snapshots)
        rc = use(c, c->q->snapshots_offset, at - c->q->snapshots_offset, USE_TABLE);
    return rc;
}

static int walk_refcounts(struct check *c)
{
    struct qcow2 *q = c->q;
    int rc = use(c, q->table_offset, q->table_clusters * q->cluster, USE_TABLE);

    for (uint64_t i = 0; i < q->table_clusters * entries_per_table(q) && !rc; i++)
        if (q->table[i])
            rc = use(c, q->table[i], q->cluster, USE_TABLE);
    return rc;
}

/* Counts may be too high (leaks), never too low. */
static int compare(struct check *c)
{
    int rc = 0;

    for (uint64_t i = 0; i < c->clusters && !rc; i++) {
        uint64_t count;

        if (!c->seen[i])
            continue;
        rc = refs_get(c->q, i, &count);
        if (rc)
            return failed(c, rc);
        if (count < (c->seen[i] & COUNT_MASK))
            rc = broken_at(c, "is counted less often than it is used", i);
    }
    return rc;
}

static int walk(struct check *c)
{
    int rc = use(c, 0, 1, USE_HEADER);

    if (!rc)
        rc = walk_refcounts(c);
    c->active = true;
    if (!rc)
        rc = walk_l1(c, c->q->l1, c->q->l1_size, c->q->l1_offset);
    c->active = false;
    if (!rc)
        rc = walk_snapshots(c);
    return rc || c->q->readonly ? rc : compare(c);
}

int qcow2_check(struct qcow2 *q, const char **why)
{
    struct check c = {.q = q, .why = why};
    int rc;

    c.clusters = q->end / q->cluster + !!(q->end % q->cluster);
    if (c.clusters > MAX_CLUSTERS)
        return broken(&c, "it is too large to be checked");
    /* Only what is touched takes memory. */
    c.seen = mmap(NULL, c.clusters * sizeof(*c.seen), PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (c.seen == MAP_FAILED)
        return failed(&c, -ENOMEM);
    rc = walk(&c);
    munmap(c.seen, c.clusters * sizeof(*c.seen));
    return rc;
}
