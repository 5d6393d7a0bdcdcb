/* SPDX-License-Identifier: MIT */
/*
 * What the builder must know of a paravirtualized kernel's ELF file. Everything is
 * checked against the file's size, so that later code may trust it.
 */
#ifndef DOM_ELF_H
#define DOM_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dom/error.h"

#define DOM_ELF_MAX_SEGMENTS 32

struct dom_elf_segment {
    uint64_t paddr, offset, filesz, memsz;
};

struct dom_elf {
    /* Ascending by paddr, no two overlap; paddr is relative to pseudo-physical 0. */
    struct dom_elf_segment segment[DOM_ELF_MAX_SEGMENTS];
    unsigned int nr_segments;
    uint64_t paddr_start, paddr_end; /* of the image in memory */
    uint64_t virt_base;              /* virtual address of pseudo-physical 0 */
    uint64_t entry;                  /* virtual */
    bool has_init_p2m, has_hypercall_page, mod_start_pfn;
    uint64_t init_p2m;
    uint64_t hypercall_page; /* pseudo-physical */
    char guest_os[32];
};

bool dom_elf_probe(const void *data, size_t size);
/* -EINVAL: no kernel that can be started paravirtualized; err says why. */
int dom_elf_parse(struct dom_elf *out, const uint8_t *data, size_t size,
                  struct dom_error *err);

#endif
