/* SPDX-License-Identifier: MIT */
/* Reading what does not lie in one piece: from clusters, compressed ones, the image
 * behind, or nothing. */
#include <errno.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "blkback/qcow2_priv.h"

/* Decompression stops when there is a cluster; what follows in the last sector is not
 * ours. */
static bool unpack_zlib(const struct qcow2 *q, size_t size)
{
    z_stream z = {.next_in = q->packed,
                  .avail_in = (unsigned int)size,
                  .next_out = q->unpacked,
                  .avail_out = (unsigned int)q->cluster};

    if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
        return false;
    inflate(&z, Z_FINISH);
    inflateEnd(&z);
    return !z.avail_out;
}

static bool unpack_zstd(const struct qcow2 *q, size_t size)
{
    ZSTD_inBuffer in = {.src = q->packed, .size = size};
    ZSTD_outBuffer out = {.dst = q->unpacked, .size = q->cluster};
    ZSTD_DStream *z = ZSTD_createDStream();
    size_t before, rc = 0;

    do {
        before = in.pos + out.pos;
        rc = z ? ZSTD_decompressStream(z, &out, &in) : 0;
    } while (!ZSTD_isError(rc) && out.pos < out.size && in.pos + out.pos > before);
    ZSTD_freeDStream(z);
    return out.pos == out.size;
}

/* The cluster goes to q->unpacked. */
static int unpack(struct qcow2 *q, uint64_t entry)
{
    uint64_t host, size, first;
    bool ok;
    int rc;

    if (q->unpacked_entry == entry)
        return 0;
    q->unpacked_entry = 0;
    entry_packed(q, entry, &host, &size);
    /* No compressed cluster is larger than a plain one would be. */
    if (size > q->cluster + QCOW2_SECTOR)
        return -EIO;
    first = host & ~(QCOW2_SECTOR - 1ULL);
    rc = file_read(q->fd, q->packed, size + (host - first), first);
    if (rc)
        return rc;
    memmove(q->packed, q->packed + (host - first), size);
    ok = q->compression ? unpack_zstd(q, size) : unpack_zlib(q, size);
    if (ok)
        q->unpacked_entry = entry;
    return ok ? 0 : -EIO;
}

int layer_read(const struct layer *layer, uint64_t offset, void *out, size_t length)
{
    struct iovec iov = {.iov_base = out, .iov_len = length};
    uint64_t there = offset < layer->bytes ? layer->bytes - offset : 0;

    if (there < length) {
        memset((char *)out + there, 0, length - there);
        iov.iov_len = there;
    }
    if (!iov.iov_len)
        return 0;
    if (layer->qcow2)
        return qcow2_read(layer->qcow2, offset, &iov, 1);
    return file_read(layer->fd, out, iov.iov_len, offset);
}

/* So much of one extent, into one piece of memory. */
static int read_extent(struct qcow2 *q, const struct extent *e, uint64_t offset,
                       void *out)
{
    int rc = 0;

    switch (e->kind) {
    case EXTENT_DATA:
        rc = file_read(q->fd, out, e->length, e->host);
        break;
    case EXTENT_ZERO:
        memset(out, 0, e->length);
        break;
    case EXTENT_PACKED:
        rc = unpack(q, e->host);
        if (!rc)
            memcpy(out, q->unpacked + (offset & (q->cluster - 1)), e->length);
        break;
    case EXTENT_BEHIND:
        rc = layer_read(&q->behind, offset, out, e->length);
        break;
    }
    return rc;
}

int qcow2_read(struct qcow2 *q, uint64_t offset, const struct iovec *iov, unsigned int nr)
{
    for (unsigned int i = 0; i < nr; i++) {
        for (size_t did = 0; did < iov[i].iov_len;) {
            struct extent e;
            int rc = map_find(q, offset, iov[i].iov_len - did, &e);

            if (!rc)
                rc = read_extent(q, &e, offset, (char *)iov[i].iov_base + did);
            if (rc)
                return rc;
            did += e.length;
            offset += e.length;
        }
    }
    return 0;
}
