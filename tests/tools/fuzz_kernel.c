/* SPDX-License-Identifier: MIT */
/* Any bytes as a kernel: what passes must have a layout that keeps to its rules. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dom/image.h"
#include "dom/layout.h"
#include "gather.h"

static void try_elf(const uint8_t *data, size_t size)
{
    struct dom_error err = {{0}};
    struct pv_layout l;
    struct dom_elf elf;

    if (dom_elf_parse(&elf, data, size, &err)) {
        if (!err.text[0])
            abort();
        return;
    }
    for (unsigned int i = 0; i < elf.nr_segments; i++)
        if (elf.segment[i].offset + elf.segment[i].filesz > size)
            abort();
    if (pv_layout_compute(&l, &elf, 16384, 100, &err))
        return;
    if (l.stack >= l.nr_pages || l.kernel.first + l.kernel.nr > l.nr_pages ||
        l.tables.first + l.tables.nr > l.stack || l.p2m.first + l.p2m.nr > l.nr_pages)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dom_error err = {{0}};
    struct dom_payload payload;
    struct gathered g = {0};

    if (!dom_bzimage_probe(data, size)) {
        try_elf(data, size);
        return 0;
    }
    if (dom_bzimage_payload(&payload, data, size, &err) ||
        payload.unpacked_size > 1 << 20)
        return 0;
    g.data = malloc(payload.unpacked_size);
    if (!dom_payload_unpack(&payload, gather, &g, &err))
        try_elf(g.data, g.size);
    free(g.data);
    return 0;
}
