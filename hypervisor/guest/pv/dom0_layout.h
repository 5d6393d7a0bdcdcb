/* SPDX-License-Identifier: MIT */
/* Furniture of the dom0 builder: where everything lies in the new domain, shared by
 * dom0.c and dom0_tables.c. */
#ifndef GUEST_PV_DOM0_LAYOUT_H
#define GUEST_PV_DOM0_LAYOUT_H

#include "kern/domain.h"
#include "lib/elf.h"

struct dom0_image {
    struct domain *d;
    struct elf_image elf;
    uint64_t nr_pages;       /* of the domain */
    mfn_t *mfn_of;           /* pfn -> mfn, nr_pages entries */
    uint64_t v_start, v_end; /* initial mapping, virtual; pfn 0 is at virt_base */
    uint64_t initrd_va, initrd_pfn, initrd_len; /* va 0: not mapped */
    uint64_t p2m_va, p2m_pfn, p2m_frames;
    uint64_t start_info_va, console_va, store_va;
    uint64_t pt_va, pt_pfn, nr_pt;
    uint64_t stack_va; /* of its page */
};

void *dom0_ptr(const struct dom0_image *i, uint64_t va); /* within the initial mapping */
uint64_t dom0_count_tables(
    const struct dom0_image *i); /* frames for v_start..v_end and the p2m list */
void dom0_build_tables(struct dom0_image *i);

#endif
