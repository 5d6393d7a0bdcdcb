/* SPDX-License-Identifier: MIT */
/*
 * Where everything lies in a new PV domain's memory, and its first page tables. Pure
 * arithmetic: no hypervisor is needed, so tests run it on any host.
 *
 * Reference: the "Start-of-day memory layout" in Xen's public xen.h: within one virtual
 * region, in this order, kernel, ramdisk, p2m list, start-info page, XenStore page,
 * console page, page tables, boot stack; at least 512 KiB of padding, up to an aligned
 * 4 MiB. A ramdisk named by its pfn, and a p2m list with an address of its own, lie
 * behind the region and are not part of it.
 */
#ifndef DOM_LAYOUT_H
#define DOM_LAYOUT_H

#include "dom/elf.h"

struct pv_range {
    uint64_t first, nr; /* pfns */
};

/* The page tables for a range of virtual addresses, counted at each level. */
struct pv_span {
    uint64_t start, end; /* virtual, end is exclusive */
};

struct pv_layout {
    uint64_t nr_pages;
    uint64_t virt_base;
    struct pv_range kernel, ramdisk, p2m;       /* nr == 0: there is none */
    uint64_t start_info, store, console, stack; /* pfns */
    struct pv_range tables;     /* for the region; the top-level table is the first */
    struct pv_range p2m_tables; /* more of them, for a p2m list with its own address */
    struct pv_span region;      /* mapped from pfn 0 on */
    struct pv_span p2m_span;    /* empty: the list lies in the region */
    uint64_t p2m_virt;
    uint64_t unused; /* from this pfn on nothing has a place */
};

/* -ENOMEM: the domain is too small for all that. */
int pv_layout_compute(struct pv_layout *out, const struct dom_elf *elf, uint64_t nr_pages,
                      uint64_t ramdisk_pages, struct dom_error *err);

/*
 * Fills in the page tables. tables and p2m_tables point to zeroed memory for the
 * ranges of these names; frames[pfn] is the machine frame of each page.
 */
void pv_layout_fill(const struct pv_layout *layout, const uint64_t *frames,
                    uint64_t *tables, uint64_t *p2m_tables);

#endif
