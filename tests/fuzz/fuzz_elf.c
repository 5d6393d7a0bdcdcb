/* SPDX-License-Identifier: MIT */
/* Any bytes as a kernel image: refused, or loaded from within the image into a range that
 * was announced. To get beyond the header, every second input is laid over a good image.
 */
#include "elf_build.h"
#include "lib/elf.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

extern volatile uint8_t fuzz_sink;
volatile uint8_t fuzz_sink;

static int put(void *arg, uint64_t va, const void *src, uint64_t filesz, uint64_t memsz)
{
    const struct elf_image *e = arg;

    if (va < e->start || va > e->end || memsz > e->end - va || filesz > memsz)
        abort();
    for (uint64_t i = 0; i < filesz; i++)
        fuzz_sink ^= ((const uint8_t *)src)[i]; /* the sanitizer looks */
    return 0;
}

static void one(const uint8_t *data, size_t size)
{
    struct elf_image e;
    const char *why = NULL;

    if (elf_parse(&e, data, size, &why)) {
        if (!why)
            abort();
        return;
    }
    if (elf_load(&e, put, &e))
        abort();
}

/* The input is a list of (offset, byte) changes to a good image, whose size the first two
 * bytes choose. */
static void over_good(const uint8_t *data, size_t size)
{
    struct elf_build b;
    uint8_t *copy;
    size_t n;

    elf_build_start(&b);
    elf_build_number(&b, 1, 0x1000);
    elf_build_note(&b, 10, "!writable_page_tables|x", 24);
    n = 0x900 + (data[0] | (size_t)data[1] << 8) % (sizeof(b.data) - 0x900);
    for (size_t i = 2; i + 3 <= size; i += 3)
        b.data[(data[i] | (size_t)data[i + 1] << 8) % 0x280] = data[i + 2];
    copy = malloc(n);
    memcpy(copy, b.data, n);
    one(copy, n);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    one(data, size);
    if (size > 2)
        over_good(data, size);
    return 0;
}
