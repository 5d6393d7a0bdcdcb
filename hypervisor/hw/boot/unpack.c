/* SPDX-License-Identifier: MIT */
/* Unpacking the kernel that the boot loader handed over, by the libraries themselves
 * (docs/DEPENDENCIES.md). They use SSE registers, so this runs only at boot, before any
 * guest's FPU state exists. Reference: Linux Documentation/x86/boot.rst, "The Real-Mode
 * Kernel Header". */
#include "port/unpack.h"
#include "hw/boot/unpack_libs.h"
#include "kern/log.h"
#include "kern/page_alloc.h"
#include "lib/errno.h"
#include "lib/string.h"

#define SETUP_SECTS    0x1f1
#define HEADER_MAGIC   0x202
#define VERSION        0x206
#define PAYLOAD_OFFSET 0x248
#define PAYLOAD_LENGTH 0x24c
#define MAX_KERNEL     (1ull << 30)

static uint32_t le32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool is_elf(const uint8_t *p, size_t n)
{
    return n > 4 && !memcmp(p, "\177ELF", 4);
}

/* Finds the payload of a bzImage; leaves anything else as it is. */
static int find_payload(const uint8_t **p, size_t *n, const char **why)
{
    const uint8_t *b = *p;
    uint64_t start, len;

    if (*n < 0x250 || memcmp(b + HEADER_MAGIC, "HdrS", 4))
        return 0;
    if ((b[VERSION] | b[VERSION + 1] << 8) < 0x208) {
        *why =
            "the bzImage is older than boot protocol 2.08 and has no payload to unpack";
        return -ENOEXEC;
    }
    start = ((uint64_t)(b[SETUP_SECTS] ? b[SETUP_SECTS] : 4) + 1) * 512 +
            le32(b + PAYLOAD_OFFSET);
    len = le32(b + PAYLOAD_LENGTH);
    if (start > *n || len > *n - start || len < 8) {
        *why = "the bzImage is truncated: its payload ends beyond the file";
        return -ENOEXEC;
    }
    *p = b + start;
    *n = len;
    return 0;
}

static int unpack(const uint8_t *p, size_t n, struct unpacked *out, const char **why)
{
    unpack_fn fn = unpack_find(p, n);
    size_t want = le32(
        p + n - 4); /* the kernel's build appends the size; gzip ends with it anyway */
    int rc;

    if (!fn) {
        *why = "the kernel is packed by none of xz, gzip and zstd, and is no ELF image";
        return -ENOEXEC;
    }
    if (want < 4096 || want > MAX_KERNEL) {
        *why = "the packed kernel claims an impossible size; the file is damaged or "
               "truncated";
        return -ENOEXEC;
    }
    out->data = page_alloc_buffer(want);
    if (!out->data) {
        *why = "there is not enough memory to unpack the kernel";
        return -ENOMEM;
    }
    out->size = out->room = want;
    rc = fn(p, n, out->data, &out->size);
    if (!rc && is_elf(out->data, out->size))
        return 0;
    page_free_buffer(out->data, want);
    *why = rc ? "the packed kernel is damaged" : "what was packed is no ELF image";
    return -ENOEXEC;
}

int unpack_kernel(const void *image, size_t size, struct unpacked *out, const char **why)
{
    const uint8_t *p = image;
    size_t n = size;
    int rc;

    memset(out, 0, sizeof(*out));
    if (n < 512) {
        *why = "the kernel module is too short to be a kernel";
        return -ENOEXEC;
    }
    rc = find_payload(&p, &n, why);
    if (rc)
        return rc;
    if (is_elf(p, n)) {
        out->data = (void *)p;
        out->size = n;
        return 0;
    }
    return unpack(p, n, out, why);
}
