/* SPDX-License-Identifier: MIT */
/*
 * Linux's bzImage: a boot header says where the compressed ELF file lies, and the last
 * four bytes of that say how large it is unpacked.
 *
 * Reference: Linux Documentation/x86/boot.rst, "The Real-Mode Kernel Header".
 */
#include <errno.h>
#include <string.h>

#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "dom/image.h"

#define SETUP_SECTS    0x1f1
#define HEADER_MAGIC   0x202
#define VERSION        0x206
#define PAYLOAD_OFFSET 0x248
#define PAYLOAD_LENGTH 0x24c
#define HEADER_END     0x250

#define MAX_UNPACKED   (1UL << 30)
#define XZ_MEMORY      (256UL << 20)

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

static int unpack_xz(const struct dom_payload *p, uint8_t *to, size_t *got)
{
    uint64_t memory = XZ_MEMORY;
    size_t at = 0;

    *got = 0;
    return lzma_stream_buffer_decode(&memory, 0, NULL, p->data, &at, p->size - 4, to, got,
                                     p->unpacked_size) == LZMA_OK;
}

static int unpack_gzip(const struct dom_payload *p, uint8_t *to, size_t *got)
{
    /* The size at the end is gzip's own trailer here. */
    z_stream z = {.next_in = (uint8_t *)p->data,
                  .avail_in = (uInt)p->size,
                  .next_out = to,
                  .avail_out = (uInt)p->unpacked_size};
    int rc;

    if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
        return 0;
    rc = inflate(&z, Z_FINISH);
    *got = z.total_out;
    inflateEnd(&z);
    return rc == Z_STREAM_END;
}

static int unpack_zstd(const struct dom_payload *p, uint8_t *to, size_t *got)
{
    size_t size = ZSTD_findFrameCompressedSize(p->data, p->size - 4);

    if (ZSTD_isError(size))
        return 0;
    *got = ZSTD_decompress(to, p->unpacked_size, p->data, size);
    return !ZSTD_isError(*got);
}

static const struct {
    const char *name;
    size_t magic_size;
    const char *magic;
    int (*unpack)(const struct dom_payload *p, uint8_t *to, size_t *got);
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

int dom_payload_unpack(const struct dom_payload *payload, uint8_t *to,
                       struct dom_error *err)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        size_t got = 0;

        if (memcmp(payload->data, formats[i].magic, formats[i].magic_size))
            continue;
        if (!formats[i].unpack)
            return dom_fail(err, -EINVAL,
                            "this bzImage is packed with %s; xz, gzip and zstd can be "
                            "unpacked",
                            formats[i].name);
        if (!formats[i].unpack(payload, to, &got) || got != payload->unpacked_size)
            return dom_fail(err, -EINVAL,
                            "this bzImage is damaged: its %s data does "
                            "not unpack",
                            formats[i].name);
        return 0;
    }
    return dom_fail(err, -EINVAL, "this bzImage is packed in an unknown way");
}
