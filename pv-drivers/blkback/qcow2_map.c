/* SPDX-License-Identifier: MIT */
/* From the disk's offsets to the file's. A table is checked when it is read: then each of
 * its entries points into the file. */
#include <errno.h>
#include <string.h>

#include "blkback/qcow2_priv.h"

void entry_packed(const struct qcow2 *q, uint64_t entry, uint64_t *host, uint64_t *size)
{
    unsigned int shift = 62 - (q->bits - 8);
    uint64_t sectors = (entry & (ENTRY_PACKED - 1)) >> shift;

    *host = entry & ((1ULL << shift) - 1);
    *size = (sectors + 1) * QCOW2_SECTOR - (*host & (QCOW2_SECTOR - 1));
}

const char *entry_wrong(const struct qcow2 *q, uint64_t entry)
{
    uint64_t host = entry & ENTRY_OFFSET, size;

    if (entry & ENTRY_PACKED) {
        entry_packed(q, entry, &host, &size);
        if (entry & ENTRY_COPIED)
            return "a compressed cluster is marked as one that may be written to";
        return host >= q->end ? "a compressed cluster lies beyond the file's end" : NULL;
    }
    if (entry & L2_RESERVED || ((entry & ENTRY_ZERO) && q->version < 3))
        return "an L2 entry has reserved bits set";
    if (host & (q->cluster - 1))
        return "an L2 entry points between two clusters";
    if (!host && (entry & ENTRY_COPIED))
        return "an L2 entry points to the header";
    return host >= q->end && host ? "an L2 entry points beyond the file's end" : NULL;
}

static int load(struct qcow2 *q, struct table_slot *slot, uint64_t host)
{
    const uint64_t *entries = (const uint64_t *)slot->data;
    int rc = file_read(q->fd, slot->data, q->cluster, host);

    for (uint64_t i = 0; !rc && i < entries_per_table(q); i++)
        if (entries[i] && entry_wrong(q, be64toh(entries[i])))
            rc = -EIO;
    if (!rc)
        slot->host = host;
    return rc;
}

int map_table(struct qcow2 *q, uint64_t offset, uint64_t **out)
{
    uint64_t nr = offset / q->cluster / entries_per_table(q);
    uint64_t host = q->l1[nr] & ENTRY_OFFSET;
    struct table_slot *slot;
    bool hit;
    int rc;

    *out = NULL;
    if (!host)
        return 0;
    rc = cache_slot(&q->l2, q, nr, host, &slot, &hit);
    if (!rc && !hit)
        rc = load(q, slot, host);
    if (!rc)
        *out = (uint64_t *)slot->data;
    return rc;
}

static void describe(const struct qcow2 *q, uint64_t l1, uint64_t entry,
                     struct extent *out)
{
    uint64_t host = entry & ENTRY_OFFSET;

    out->host = 0;
    out->ours = false;
    if (entry & ENTRY_PACKED) {
        out->kind = EXTENT_PACKED;
        out->host = entry;
    } else if (entry & ENTRY_ZERO) {
        out->kind = EXTENT_ZERO;
    } else if (!host) {
        out->kind = q->has_behind ? EXTENT_BEHIND : EXTENT_ZERO;
    } else {
        out->kind = EXTENT_DATA;
        out->host = host;
        out->ours = entry & l1 & ENTRY_COPIED;
    }
}

/* Whether a cluster goes on where an extent, so far of `length` bytes, ends. */
static bool goes_on(const struct extent *e, const struct extent *next, uint64_t length)
{
    if (e->kind != next->kind || e->ours != next->ours || e->kind == EXTENT_PACKED)
        return false;
    return e->kind != EXTENT_DATA || next->host == e->host + length;
}

int map_find(struct qcow2 *q, uint64_t offset, uint64_t max, struct extent *out)
{
    uint64_t nr = offset / q->cluster, in = offset & (q->cluster - 1), length;
    uint64_t at = nr % entries_per_table(q), l1 = q->l1[nr / entries_per_table(q)];
    uint64_t *table;
    struct extent next;
    int rc = map_table(q, offset, &table);

    if (rc)
        return rc;
    if (!table) {
        describe(q, l1, 0, out);
        length = (entries_per_table(q) - at) * q->cluster;
    } else {
        describe(q, l1, be64toh(table[at]), out);
        length = q->cluster;
        while (length - in < max && ++at < entries_per_table(q)) {
            describe(q, l1, be64toh(table[at]), &next);
            if (!goes_on(out, &next, length))
                break;
            length += q->cluster;
        }
    }
    if (out->kind == EXTENT_DATA)
        out->host += in;
    out->length = length - in < max ? length - in : max;
    return 0;
}

bool qcow2_map(struct qcow2 *q, uint64_t offset, uint64_t length, bool write, int *fd,
               uint64_t *at)
{
    struct extent e;

    /* The first write of all has to see to the header. */
    if ((write && q->autoclear) || map_find(q, offset, length, &e) || e.length < length)
        return false;
    if (e.kind == EXTENT_BEHIND && !write && offset + length <= q->behind.bytes) {
        if (q->behind.qcow2)
            return qcow2_map(q->behind.qcow2, offset, length, false, fd, at);
        *fd = q->behind.fd;
        *at = offset;
        return true;
    }
    /* Where the file ends within a cluster the rest is zeroes, which only we know. */
    if (e.kind != EXTENT_DATA || (write ? !e.ours : e.host + length > q->end))
        return false;
    *fd = q->fd;
    *at = e.host;
    return true;
}
