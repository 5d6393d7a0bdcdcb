/* SPDX-License-Identifier: MIT */
/* The header, and the two tables that are kept in memory whole. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "blkback/qcow2_priv.h"

#define MAGIC           0x514649fbU
#define MIN_BITS        9U
#define MAX_BITS        21U
#define HEADER_V2       72U
#define HEADER_V3       104U
#define MAX_L1_BYTES    (32U << 20) /* as QEMU's limits are */
#define MAX_TABLE       (8U << 20)
#define MAX_EXTENSIONS  64U
#define EXT_END         0U
#define EXT_FORMAT      0xe2792acaU
#define EXT_FEATURES    0x6803f857U
#define FEATURE_SIZE    48U
#define FEATURE_NAME    46U
#define CACHE_L2        (8U << 20)
#define CACHE_REFS      (2U << 20)

#define FEATURE_DIRTY   1ULL
#define FEATURE_CORRUPT 2ULL
#define FEATURE_DATA    4ULL
#define FEATURE_PACKING 8ULL
#define FEATURE_L2      16ULL
#define FEATURES        (FEATURE_DIRTY | FEATURE_CORRUPT | FEATURE_PACKING)

static char reason[160];

static int wrong(const char **why, int rc, const char *text)
{
    *why = text;
    return rc;
}

static uint32_t get32(const uint8_t *at)
{
    uint32_t n;

    memcpy(&n, at, sizeof(n));
    return be32toh(n);
}

static uint64_t get64(const uint8_t *at)
{
    uint64_t n;

    memcpy(&n, at, sizeof(n));
    return be64toh(n);
}

/* What the image itself calls a feature. */
static void feature_name(const uint8_t *names, uint32_t size, unsigned int bit)
{
    snprintf(reason, sizeof(reason), "it needs feature %u, which is not served", bit);
    for (; size >= FEATURE_SIZE; size -= FEATURE_SIZE, names += FEATURE_SIZE)
        if (names[0] == 0 && names[1] == bit)
            snprintf(reason, sizeof(reason), "it needs '%.*s', which is not served",
                     (int)FEATURE_NAME, (const char *)names + 2);
    for (char *c = reason; *c; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
}

static int check_features(struct qcow2 *q, const uint8_t *names, uint32_t size,
                          const char **why)
{
    uint64_t unknown = q->incompatible & ~FEATURES;

    if (q->incompatible & FEATURE_DATA)
        return wrong(why, -ENOTSUP, "its data are in an external file: not served");
    if (q->incompatible & FEATURE_L2)
        return wrong(why, -ENOTSUP, "it has extended L2 entries: not served");
    if (unknown) {
        feature_name(names, size, (unsigned int)__builtin_ctzll(unknown));
        return wrong(why, -ENOTSUP, reason);
    }
    if (q->readonly)
        return 0;
    if (q->incompatible & FEATURE_CORRUPT)
        return wrong(why, -EINVAL,
                     "it is marked as corrupt: 'qemu-img check -r all' may mend it");
    if (q->incompatible & FEATURE_DIRTY)
        return wrong(why, -EINVAL,
                     "it was not closed cleanly: 'qemu-img check -r all' mends it");
    return 0;
}

/* Between the header and the end of the first cluster. */
static int read_extensions(struct qcow2 *q, const uint8_t *head, uint64_t at,
                           const char **why)
{
    const uint8_t *names = NULL;
    uint32_t names_size = 0;

    for (unsigned int i = 0; i < MAX_EXTENSIONS && at + 8 <= q->cluster; i++) {
        uint32_t type = get32(head + at), size = get32(head + at + 4);

        at += 8;
        if (type == EXT_END)
            break;
        if (size > q->cluster - at)
            return wrong(why, -EINVAL, "a header extension is longer than the header");
        if (type == EXT_FEATURES) {
            names = head + at;
            names_size = size;
        } else if (type == EXT_FORMAT && size < sizeof(q->backing_format)) {
            memcpy(q->backing_format, head + at, size);
            q->backing_format[size] = 0;
        }
        at += (size + 7ULL) & ~7ULL;
    }
    return check_features(q, names, names_size, why);
}

static int read_backing(struct qcow2 *q, const uint8_t *head, const char **why)
{
    uint64_t at = get64(head + 8);
    uint32_t size = get32(head + 16);

    if (!at)
        return 0;
    if (!size || size >= QCOW2_MAX_NAME || at > q->cluster || size > q->cluster - at)
        return wrong(why, -EINVAL, "its backing file's name does not lie in the header");
    memcpy(q->backing, head + at, size);
    q->backing[size] = 0;
    if (strlen(q->backing) != size)
        return wrong(why, -EINVAL, "its backing file's name is no text");
    return 0;
}

/* Whether a table of so many bytes can lie there. */
static bool placed(const struct qcow2 *q, uint64_t at, uint64_t bytes)
{
    return at && !(at & (q->cluster - 1)) && at < q->end && bytes <= q->end - at;
}

static int check_sizes(const struct qcow2 *q, const char **why)
{
    uint64_t per_l1 = q->cluster * entries_per_table(q);
    uint64_t wanted = q->bytes / per_l1 + !!(q->bytes % per_l1);

    if (!q->bytes)
        return wrong(why, -EINVAL, "it is empty");
    if (q->bytes > 1ULL << 62)
        return wrong(why, -EINVAL, "its size is out of range");
    if (q->l1_size * 8ULL > MAX_L1_BYTES || wanted > q->l1_size)
        return wrong(why, -EINVAL, "its L1 table's size does not fit the disk's");
    if (!placed(q, q->l1_offset, q->l1_size * 8ULL))
        return wrong(why, -EINVAL, "its L1 table does not lie within the file");
    if (!q->table_clusters || q->table_clusters > MAX_TABLE / q->cluster + 1 ||
        !placed(q, q->table_offset, q->table_clusters * q->cluster))
        return wrong(why, -EINVAL, "its refcount table does not lie within the file");
    if (q->nr_snapshots && !placed(q, q->snapshots_offset, 1))
        return wrong(why, -EINVAL, "its snapshot table does not lie within the file");
    return 0;
}

static int parse_v3(struct qcow2 *q, const uint8_t *head, uint32_t *length,
                    const char **why)
{
    q->incompatible = get64(head + 72);
    q->autoclear = get64(head + HEADER_AUTOCLEAR);
    q->refcount_order = get32(head + 96);
    *length = get32(head + 100);
    if (*length < HEADER_V3 || *length > q->cluster || *length % 8)
        return wrong(why, -EINVAL, "its header's length is out of range");
    if (q->refcount_order > 6)
        return wrong(why, -EINVAL, "its refcounts' width is out of range");
    if (q->incompatible & FEATURE_PACKING)
        q->compression = *length > HEADER_V3 ? head[HEADER_V3] : 0;
    if (q->compression > 1 || (q->incompatible & FEATURE_PACKING && !q->compression))
        return wrong(why, -ENOTSUP, "its kind of compression is not served");
    return 0;
}

static int parse(struct qcow2 *q, const uint8_t *head, const char **why)
{
    uint32_t length = HEADER_V2;
    int rc;

    q->l1_size = get32(head + 36);
    q->l1_offset = get64(head + 40);
    q->table_offset = get64(head + HEADER_REFCOUNT_TABLE);
    q->table_clusters = get32(head + 56);
    q->nr_snapshots = get32(head + 60);
    q->snapshots_offset = get64(head + 64);
    q->bytes = get64(head + 24);
    q->refcount_order = 4;
    if (get32(head + 32))
        return wrong(why, -ENOTSUP, "it is encrypted: not served");
    if (q->version == 3) {
        rc = parse_v3(q, head, &length, why);
        if (rc)
            return rc;
    }
    rc = read_extensions(q, head, length, why);
    if (!rc)
        rc = read_backing(q, head, why);
    return rc ? rc : check_sizes(q, why);
}

static int read_header(struct qcow2 *q, const char **why)
{
    uint8_t start[QCOW2_SECTOR] __attribute__((aligned(4096)));
    uint8_t *head;
    int rc = file_read(q->fd, start, sizeof(start), 0);

    if (rc)
        return wrong(why, rc, strerror(-rc));
    q->version = get32(start + 4);
    q->bits = get32(start + 20);
    if (q->end < HEADER_V2 || get32(start) != MAGIC)
        return wrong(why, -EINVAL, "it is no qcow2 image");
    if (q->version != 2 && q->version != 3)
        return wrong(why, -ENOTSUP, "its version is neither 2 nor 3");
    if (q->bits < MIN_BITS || q->bits > MAX_BITS)
        return wrong(why, -EINVAL, "its clusters' size is out of range");
    q->cluster = 1ULL << q->bits;
    head = file_memory(q->cluster);
    rc = head ? file_read(q->fd, head, q->cluster, 0) : -ENOMEM;
    if (rc)
        wrong(why, rc, strerror(-rc));
    else
        rc = parse(q, head, why);
    free(head);
    return rc;
}

static const char *l1_wrong(const struct qcow2 *q)
{
    for (uint32_t i = 0; i < q->l1_size; i++) {
        uint64_t host = q->l1[i] & ENTRY_OFFSET;

        if (q->l1[i] & L1_RESERVED)
            return "an L1 entry has reserved bits set";
        if (q->l1[i] && !placed(q, host, 1))
            return "an L1 entry does not point to a cluster of the file";
    }
    return NULL;
}

static const char *table_wrong(const struct qcow2 *q)
{
    for (uint64_t i = 0; i < q->table_clusters * entries_per_table(q); i++)
        if (q->table[i] && !placed(q, q->table[i], 1))
            return "a refcount block does not lie within the file";
    return NULL;
}

static int read_tables(struct qcow2 *q, const char **why)
{
    int rc = table_read(q, q->l1_offset, q->l1_size, &q->l1);

    if (!rc)
        rc = table_read(q, q->table_offset, q->table_clusters * entries_per_table(q),
                        &q->table);
    if (!rc)
        rc = cache_open(&q->l2, q, CACHE_L2, CACHE_L2 >> MIN_BITS);
    if (!rc)
        rc = cache_open(&q->refs, q, CACHE_REFS, 32);
    if (rc)
        return wrong(why, rc, strerror(-rc));
    *why = l1_wrong(q);
    if (!*why)
        *why = table_wrong(q);
    return *why ? -EINVAL : 0;
}

static int measure(struct qcow2 *q)
{
    struct stat st;
    off_t end;

    /* Not fstat(), which asks by name: a filter of system calls does not allow that. */
    if (syscall(SYS_fstat, q->fd, &st))
        return -errno;
    q->grows = S_ISREG(st.st_mode);
    end = q->grows ? st.st_size : lseek(q->fd, 0, SEEK_END);
    if (end < 0)
        return -errno;
    q->end = (uint64_t)end;
    return 0;
}

static int make_room(struct qcow2 *q)
{
    q->fresh = q->grows ? q->end / q->cluster + !!(q->end % q->cluster) : UINT64_MAX;
    q->bounce = file_memory(q->cluster);
    q->packed = file_memory(q->cluster + 2 * QCOW2_SECTOR);
    q->unpacked = file_memory(q->cluster);
    q->old = calloc(QCOW2_MAX_OLD, sizeof(*q->old));
    return q->bounce && q->packed && q->unpacked && q->old ? 0 : -ENOMEM;
}

int qcow2_open(struct qcow2 **out, int fd, bool readonly, const char **why)
{
    struct qcow2 *q = calloc(1, sizeof(*q));
    int rc;

    *out = NULL;
    if (!q)
        return wrong(why, -ENOMEM, "out of memory");
    q->fd = fd;
    q->readonly = readonly;
    rc = measure(q);
    if (rc)
        wrong(why, rc, strerror(-rc));
    else
        rc = read_header(q, why);
    if (!rc)
        rc = read_tables(q, why);
    if (!rc && (rc = make_room(q)))
        wrong(why, rc, "out of memory");
    if (rc) {
        q->readonly = true;
        qcow2_close(q);
        return rc;
    }
    *out = q;
    return 0;
}

void qcow2_close(struct qcow2 *q)
{
    if (!q->readonly)
        refs_end(q);
    cache_close(&q->l2);
    cache_close(&q->refs);
    free(q->l1);
    free(q->table);
    free(q->bounce);
    free(q->packed);
    free(q->unpacked);
    free(q->old);
    free(q);
}

uint64_t qcow2_bytes(const struct qcow2 *q)
{
    return q->bytes;
}

unsigned int qcow2_cluster(const struct qcow2 *q)
{
    return (unsigned int)q->cluster;
}

const char *qcow2_behind(const struct qcow2 *q, const char **format)
{
    *format = q->backing_format;
    return *q->backing ? q->backing : NULL;
}

void qcow2_put_behind(struct qcow2 *q, const struct layer *behind)
{
    q->behind = *behind;
    q->has_behind = true;
}
