/* SPDX-License-Identifier: MIT */
/* Between the files of the format. Tables in memory: L1 and the refcount table in our
 * byte order; L2 tables and refcount blocks as they are on disk, in caches. */
#ifndef BLKBACK_QCOW2_PRIV_H
#define BLKBACK_QCOW2_PRIV_H

#include <endian.h>

#include "blkback/qcow2.h"

#define QCOW2_SECTOR 512U

#define ENTRY_COPIED (1ULL << 63) /* its reference count is one: may be written to */
#define ENTRY_PACKED (1ULL << 62)
#define ENTRY_ZERO   1ULL
#define ENTRY_OFFSET 0x00fffffffffffe00ULL
/* What must be 0 in an L1 entry, and in an L2 entry that is not packed. */
#define L1_RESERVED 0x7f000000000001ffULL
#define L2_RESERVED 0x3f000000000001feULL

/* Offsets of header fields that we write. */
#define HEADER_REFCOUNT_TABLE 48 /* and its clusters, at 56 */
#define HEADER_AUTOCLEAR      88

/* Tables of a cluster each; where one goes is its number modulo the size. */
struct table_cache {
    unsigned int slots; /* a power of two */
    struct table_slot {
        uint64_t host; /* where it lies in the file; 0: nothing */
        uint8_t *data;
    } * slot;
};

/* A cluster that is not pointed to any more. */
struct old_range {
    uint64_t host, length;
};

struct qcow2 {
    int fd;
    bool readonly;
    bool grows; /* a file; a block device has the size it has */
    unsigned int version, bits, refcount_order, compression;
    uint64_t cluster; /* bytes */
    uint64_t bytes;   /* of the disk */
    uint64_t end;     /* of the file, when nothing else was written than by us */
    uint64_t l1_offset, *l1;
    uint32_t l1_size;
    uint64_t table_offset, *table; /* of refcount blocks */
    uint32_t table_clusters;
    uint32_t nr_snapshots;
    uint64_t snapshots_offset;
    uint64_t incompatible, autoclear;
    char backing[QCOW2_MAX_NAME], backing_format[16];
    struct layer behind;
    bool has_behind;
    struct table_cache l2, refs;
    /* Clusters that are counted already and not used yet. */
    uint64_t pool, pool_end;
    uint64_t scan;  /* no free cluster is looked for below */
    uint64_t fresh; /* from this cluster on the file has never been written to */
    struct old_range *old;
    unsigned int nr_old;
    uint8_t *bounce;   /* for a cluster that is filled up */
    uint8_t *packed;   /* a compressed one, as read: a cluster and two sectors */
    uint8_t *unpacked; /* and what came out of it */
    uint64_t unpacked_entry;
};

#define QCOW2_MAX_OLD 1024U

static inline uint64_t entries_per_table(const struct qcow2 *q)
{
    return q->cluster / sizeof(uint64_t);
}

static inline uint64_t entries_per_block(const struct qcow2 *q)
{
    return q->cluster * 8 >> q->refcount_order;
}

/* qcow2_file.c. What is behind the file's end reads as zeroes. Offsets, sizes and memory
 * are aligned for direct I/O. */
int file_read(int fd, void *out, size_t size, uint64_t at);
int file_write(int fd, const void *from, size_t size, uint64_t at);
/* Memory for direct I/O. */
void *file_memory(size_t size);
/* Writes the sectors that hold `size` bytes at offset `from` of a table. */
int table_write(struct qcow2 *q, const uint8_t *data, size_t from, size_t size,
                uint64_t at);
/* Reads nr big-endian numbers into memory of its own, and the rest of the last sector. */
int table_read(const struct qcow2 *q, uint64_t at, uint64_t nr, uint64_t **out);
/* Writes the sector with entry nr of such a table. */
int entry_write(struct qcow2 *q, const uint64_t *table, uint64_t nr, uint64_t at);
int file_sync(int fd);
int header_write(struct qcow2 *q, unsigned int at, const void *from, unsigned int size);
int cache_open(struct table_cache *c, const struct qcow2 *q, unsigned int max_bytes,
               unsigned int max_slots);
void cache_close(struct table_cache *c);
/* The slot for table nr that lies at host: *hit, or to be filled. */
int cache_slot(struct table_cache *c, const struct qcow2 *q, uint64_t nr, uint64_t host,
               struct table_slot **out, bool *hit);

/* qcow2_map.c */
enum extent_kind { EXTENT_DATA, EXTENT_ZERO, EXTENT_PACKED, EXTENT_BEHIND };
struct extent {
    enum extent_kind kind;
    bool ours;       /* of DATA: may be written to */
    uint64_t host;   /* of DATA; of PACKED the entry */
    uint64_t length; /* from the offset that was asked for */
};
/* What is wrong with an entry of an L2 table; NULL: nothing. */
const char *entry_wrong(const struct qcow2 *q, uint64_t entry);
/* Where a packed cluster lies. */
void entry_packed(const struct qcow2 *q, uint64_t entry, uint64_t *host, uint64_t *size);
/* The longest extent from offset on, of `max` bytes at the most. */
int map_find(struct qcow2 *q, uint64_t offset, uint64_t max, struct extent *out);
/* The L2 table of an offset, on disk's byte order; NULL: there is none. */
int map_table(struct qcow2 *q, uint64_t offset, uint64_t **out);

/* qcow2_refs.c */
/* Counts of one cluster. -EIO: the tables are broken. */
int refs_get(struct qcow2 *q, uint64_t cluster, uint64_t *out);
/* Up to `want` clusters in a row that are counted, durably; how many: *got, at least 1.
 */
int refs_take(struct qcow2 *q, uint64_t want, uint64_t *first, uint64_t *got);
/* Not used after all, but perhaps written to. */
void refs_untake(struct qcow2 *q, uint64_t first, uint64_t nr);
/* Later, when no durable table points there any more. */
int refs_drop_later(struct qcow2 *q, uint64_t host, uint64_t length);
/* Now: what points there durably is gone. */
int refs_drop_old(struct qcow2 *q);
/* Gives back the rest of what was reserved. */
void refs_end(struct qcow2 *q);

#endif
