/* SPDX-License-Identifier: MIT */
/*
 * Linux's bzImage: a boot header says where the compressed ELF file lies, and the last
 * four bytes of that say how large it is unpacked. An ELF file packed with gzip ends with
 * its size as well.
 *
 * Reference: Linux Documentation/x86/boot.rst, "The Real-Mode Kernel Header".
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>
#include <zstd.h>

#include "dom/image.h"
#include "xz/xz.h"

#define SETUP_SECTS    0x1f1
#define HEADER_MAGIC   0x202
#define VERSION        0x206
#define PAYLOAD_OFFSET 0x248
#define PAYLOAD_LENGTH 0x24c
#define HEADER_END     0x250

#define GZIP_SMALLEST  18 /* header and trailer; RFC 1952, "Member format" */

#define MAX_UNPACKED   (1UL << 30)
#define XZ_MEMORY      (256UL << 20)
#define CHUNK          (16 * 4096UL)

static uint32_t get32(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, 4);
    return value;
}

bool dom_bzimage_probe(const uint8_t *data, size_t size)
{
    return size >= HEADER_END && !memcmp(data + HEADER_MAGIC, "HdrS", 4);
}

bool dom_gzip_probe(const uint8_t *data, size_t size)
{
    return size >= GZIP_SMALLEST && data[0] == 0x1f && data[1] == 0x8b;
}

int dom_gzip_payload(struct dom_payload *out, const uint8_t *data, size_t size,
                     struct dom_error *err)
{
    *out = (struct dom_payload){data, size, get32(data + size - 4)};
    if (!out->unpacked_size || out->unpacked_size > MAX_UNPACKED)
        return dom_fail(err, -EINVAL, "this gzip file is damaged: wrong size inside");
    return 0;
}

int dom_bzimage_payload(struct dom_payload *out, const uint8_t *data, size_t size,
                        struct dom_error *err)
{
    unsigned int version = data[VERSION] | data[VERSION + 1] << 8;
    unsigned int sectors = data[SETUP_SECTS] ? data[SETUP_SECTS] : 4;
    uint64_t offset = (sectors + 1) * 512 + (uint64_t)get32(data + PAYLOAD_OFFSET);
    uint64_t length = get32(data + PAYLOAD_LENGTH);

    if (version < 0x208)
        return dom_fail(err, -EINVAL, "this bzImage is too old (before Linux 2.6.26)");
    if (length < 8 || offset + length > size)
        return dom_fail(err, -EINVAL, "this bzImage is truncated");
    out->data = data + offset;
    out->size = length;
    out->unpacked_size = get32(out->data + length - 4);
    if (!out->unpacked_size || out->unpacked_size > MAX_UNPACKED)
        return dom_fail(err, -EINVAL, "this bzImage is damaged: wrong size inside");
    return 0;
}

/* Where unpacked bytes go, a chunk at a time: touching all of them at once would cost a
 * page fault for each page, which is dear in a PV dom0. */
struct outlet {
    dom_sink_t *sink;
    void *ctx;
    size_t left;
    int rc; /* of the sink */
    uint8_t chunk[CHUNK];
};

static bool emit(struct outlet *o, size_t n)
{
    if (n > o->left)
        return false;
    o->left -= n;
    o->rc = n ? o->sink(o->ctx, o->chunk, n) : 0;
    return !o->rc;
}

struct xz_outlet {
    struct xz_out xz;
    struct outlet *o;
};

static bool emit_xz(struct xz_out *xz, size_t n, size_t left)
{
    struct outlet *o = ((struct xz_outlet *)xz)->o;

    if (!emit(o, n))
        return false;
    memmove(o->chunk, o->chunk + n, left);
    return true;
}

static bool unpack_xz(const struct dom_payload *p, struct outlet *o)
{
    struct xz_outlet out = {{o->chunk, CHUNK, emit_xz}, o};

    return xz_unpack(p->data, p->size - 4, XZ_MEMORY, &out.xz);
}

static bool unpack_gzip(const struct dom_payload *p, struct outlet *o)
{
    /* The size at the end is gzip's own trailer here. */
    z_stream z = {.next_in = (uint8_t *)p->data, .avail_in = (uInt)p->size};
    int rc = inflateInit2(&z, 16 + MAX_WBITS);

    if (rc != Z_OK)
        return false;
    while (rc == Z_OK) {
        z.next_out = o->chunk;
        z.avail_out = CHUNK;
        rc = inflate(&z, Z_NO_FLUSH);
        if ((rc == Z_OK || rc == Z_STREAM_END) && !emit(o, CHUNK - z.avail_out))
            break;
    }
    inflateEnd(&z);
    return rc == Z_STREAM_END && !o->rc;
}

static bool unpack_zstd(const struct dom_payload *p, struct outlet *o)
{
    ZSTD_DStream *z = ZSTD_createDStream();
    ZSTD_inBuffer in = {.src = p->data, .size = p->size - 4};
    size_t rc = 1;

    while (z && rc && !ZSTD_isError(rc)) {
        ZSTD_outBuffer out = {.dst = o->chunk, .size = CHUNK};
        size_t before = in.pos;

        rc = ZSTD_decompressStream(z, &out, &in);
        if (ZSTD_isError(rc) || !emit(o, out.pos) || (in.pos == before && !out.pos))
            break;
    }
    ZSTD_freeDStream(z);
    return !rc && !o->rc;
}

static const struct {
    const char *name;
    size_t magic_size;
    const char *magic;
    bool (*unpack)(const struct dom_payload *p, struct outlet *o);
} formats[] = {
    {"xz", 6,
     "\xfd"
     "7zXZ\0",
     unpack_xz},
    {"gzip", 2, "\x1f\x8b", unpack_gzip},
    {"zstd", 4, "\x28\xb5\x2f\xfd", unpack_zstd},
    {"bzip2", 3, "BZh", NULL},
    {"lzma", 3, "\x5d\0\0", NULL},
    {"lz4", 4, "\x02\x21\x4c\x18", NULL},
    {"lzo", 4, "\x89LZO", NULL},
};

static int unpack_as(size_t format, const struct dom_payload *payload, struct outlet *o,
                     struct dom_error *err)
{
    if (!formats[format].unpack)
        return dom_fail(err, -EINVAL,
                        "this bzImage is packed with %s; xz, gzip and zstd can be "
                        "unpacked",
                        formats[format].name);
    if (formats[format].unpack(payload, o) && !o->left)
        return 0;
    if (o->rc)
        return dom_fail(err, o->rc, "cannot keep the unpacked kernel: %s",
                        strerror(-o->rc));
    return dom_fail(err, -EINVAL, "this bzImage is damaged: its %s data does not unpack",
                    formats[format].name);
}

int dom_payload_unpack(const struct dom_payload *payload, dom_sink_t *sink, void *ctx,
                       struct dom_error *err)
{
    struct outlet *o;
    int rc;

    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (memcmp(payload->data, formats[i].magic, formats[i].magic_size))
            continue;
        o = malloc(sizeof(*o));
        if (!o)
            return dom_fail(err, -ENOMEM, "out of memory");
        *o = (struct outlet){.sink = sink, .ctx = ctx, .left = payload->unpacked_size};
        rc = unpack_as(i, payload, o, err);
        free(o);
        return rc;
    }
    return dom_fail(err, -EINVAL, "this bzImage is packed in an unknown way");
}
