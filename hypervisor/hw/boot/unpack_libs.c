/* SPDX-License-Identifier: MIT */
/* liblzma, zlib and zstd, each given memory from the heap. They were built for user
 * space: they find a stack protector word at %fs:0x28, for which hw's FS base points at a
 * dummy while they run. */
#include "hw/boot/unpack_libs.h"
#include <zlib.h>
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>
#include <xz/xz.h>
#include "hw/cpu/msr.h"
#include "kern/heap.h"
#include "lib/string.h"
#include "port/cpu.h"

static uint64_t fake_tls[16];

void *malloc(size_t n);
void *calloc(size_t n, size_t size);
void free(void *p);
void __stack_chk_fail(void);

void *malloc(size_t n)
{
    return heap_alloc(n);
}
void *calloc(size_t n, size_t size)
{
    return size && n > SIZE_MAX / size ? NULL : heap_alloc(n * size);
}
void free(void *p)
{
    heap_free(p);
}
void __stack_chk_fail(void)
{
    __builtin_trap();
}

static bool stays(struct xz_out *o, size_t n, size_t left)
{
    o->at += n;
    o->room -= n;
    return true;
}

static int unpack_xz(const void *src, size_t n, void *dst, size_t *out)
{
    struct xz_out o = {dst, *out, stays};

    if (!xz_unpack(src, n, UINT64_MAX, &o))
        return -1;
    *out -= o.room;
    return 0;
}

static int unpack_gzip(const void *src, size_t n, void *dst, size_t *out)
{
    z_stream z = {.next_in = (Bytef *)src,
                  .avail_in = (uInt)n,
                  .next_out = dst,
                  .avail_out = (uInt)*out};
    int rc;

    if (inflateInit2(&z, 15 + 16) != Z_OK)
        return -1;
    rc = inflate(&z, Z_FINISH);
    *out = z.total_out;
    inflateEnd(&z);
    return rc == Z_STREAM_END ? 0 : -1;
}

static int unpack_zstd(const void *src, size_t n, void *dst, size_t *out)
{
    size_t frame = ZSTD_findFrameCompressedSize(src, n), done;

    if (ZSTD_isError(frame))
        return -1;
    done = ZSTD_decompress(dst, *out, src, frame);
    if (ZSTD_isError(done))
        return -1;
    *out = done;
    return 0;
}

static unpack_fn chosen;

static int with_tls(const void *src, size_t n, void *dst, size_t *out)
{
    irqflags_t f = irq_save(); /* an interrupt would take its frame from their red zone */
    int rc;

    wrmsr(MSR_FS_BASE, (uint64_t)fake_tls);
    rc = chosen(src, n, dst, out);
    wrmsr(MSR_FS_BASE, 0);
    irq_restore(f);
    return rc;
}

unpack_fn unpack_find(const void *src, size_t n)
{
    static const uint8_t xz[] = {0xfd, '7', 'z', 'X', 'Z', 0}, gz[] = {0x1f, 0x8b, 8},
                         zs[] = {0x28, 0xb5, 0x2f, 0xfd};

    if (n < 16)
        return NULL;
    chosen = !memcmp(src, xz, sizeof(xz))   ? unpack_xz
             : !memcmp(src, gz, sizeof(gz)) ? unpack_gzip
             : !memcmp(src, zs, sizeof(zs)) ? unpack_zstd
                                            : NULL;
    return chosen ? with_tls : NULL;
}
