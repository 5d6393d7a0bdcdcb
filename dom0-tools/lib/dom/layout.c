/* SPDX-License-Identifier: MIT */
/*
 * Page-table numbering: a table of level n (1 to 3) serves one unit of 2 MiB, 1 GiB or
 * 512 GiB of addresses. The region's tables are numbered top-level first, then level
 * 3, 2 and 1, each by address; a unit that only the p2m list needs has its table among
 * p2m_tables in the same order.
 */
#include <errno.h>
#include <stdbool.h>

#include "dom/layout.h"

#define PAGE         4096ULL
#define MIB          (1024ULL * 1024)
#define PADDING      (512 * 1024ULL)

#define PTE_PRESENT  0x01ULL
#define PTE_WRITE    0x02ULL
#define PTE_USER     0x04ULL
#define PTE_ACCESSED 0x20ULL
#define PTE_DIRTY    0x40ULL
/* Leaf entries without "user": the hypervisor decides how to keep kernel pages. */
#define PTE_LEAF  (PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY)
#define PTE_TABLE (PTE_LEAF | PTE_USER)

#define VA_MASK   ((1ULL << 48) - 1)

static unsigned int unit_shift(unsigned int level)
{
    return 12 + 9 * level;
}

static uint64_t unit_of(uint64_t va, unsigned int level)
{
    return (va & VA_MASK) >> unit_shift(level);
}

static uint64_t units(const struct pv_span *span, unsigned int level)
{
    if (span->start == span->end)
        return 0;
    return unit_of(span->end - 1, level) - unit_of(span->start, level) + 1;
}

static bool has_unit(const struct pv_span *span, uint64_t unit, unsigned int level)
{
    return span->start != span->end && unit >= unit_of(span->start, level) &&
           unit <= unit_of(span->end - 1, level);
}

/* Units of span up to (not with) `below` that are not also the other's. */
static uint64_t units_alone(const struct pv_span *span, const struct pv_span *other,
                            unsigned int level, uint64_t below)
{
    uint64_t nr = 0;

    if (span->start == span->end)
        return 0;
    for (uint64_t u = unit_of(span->start, level);
         u <= unit_of(span->end - 1, level) && u < below; u++)
        nr += !has_unit(other, u, level);
    return nr;
}

static uint64_t pages(uint64_t bytes)
{
    return (bytes + PAGE - 1) / PAGE;
}

static uint64_t place(uint64_t *next, uint64_t nr)
{
    uint64_t first = *next;

    *next += nr;
    return first;
}

/* The region with nr_tables tables in it; returns how many tables that needs. */
static uint64_t place_region(struct pv_layout *l, const struct dom_elf *elf,
                             uint64_t nr_tables)
{
    uint64_t next = pages(elf->paddr_end), end;

    if (!elf->mod_start_pfn)
        l->ramdisk.first = place(&next, l->ramdisk.nr);
    if (!elf->has_init_p2m)
        l->p2m.first = place(&next, l->p2m.nr);
    l->start_info = place(&next, 1);
    l->store = place(&next, 1);
    l->console = place(&next, 1);
    l->tables = (struct pv_range){place(&next, nr_tables), nr_tables};
    l->stack = place(&next, 1);
    end = l->virt_base + next * PAGE + PADDING;
    end = (end + 4 * MIB - 1) & ~(4 * MIB - 1);
    /* A region that reaches the end of the address space ends at its last 4 MiB. */
    l->region = (struct pv_span){l->virt_base, end ? end : -(4 * MIB)};
    return 1 + units(&l->region, 3) + units(&l->region, 2) + units(&l->region, 1);
}

/* What lies behind the region. */
static void place_rest(struct pv_layout *l, const struct dom_elf *elf)
{
    uint64_t next = (l->region.end - l->virt_base) / PAGE, nr = 0;

    if (elf->mod_start_pfn)
        l->ramdisk.first = place(&next, l->ramdisk.nr);
    if (!elf->has_init_p2m)
        return;
    l->p2m.first = place(&next, l->p2m.nr);
    for (unsigned int level = 3; level >= 1; level--)
        nr += units_alone(&l->p2m_span, &l->region, level, UINT64_MAX);
    l->p2m_tables = (struct pv_range){place(&next, nr), nr};
}

static uint64_t last_page(const struct pv_layout *l)
{
    uint64_t last = l->stack + PADDING / PAGE;
    const struct pv_range *behind[] = {&l->ramdisk, &l->p2m, &l->p2m_tables};

    for (unsigned int i = 0; i < 3; i++)
        if (behind[i]->nr && behind[i]->first + behind[i]->nr > last)
            last = behind[i]->first + behind[i]->nr;
    return last;
}

static bool hits_hypervisor(const struct pv_span *span)
{
    /* The hypervisor's own addresses, abi/arch_x86.h. */
    return span->start < 0xffff880000000000ULL && span->end > 0xffff800000000000ULL;
}

int pv_layout_compute(struct pv_layout *out, const struct dom_elf *elf, uint64_t nr_pages,
                      uint64_t ramdisk_pages, struct dom_error *err)
{
    uint64_t need, mapped, tables = 4;

    *out = (struct pv_layout){.nr_pages = nr_pages,
                              .virt_base = elf->virt_base,
                              .ramdisk.nr = ramdisk_pages,
                              .p2m.nr = pages(nr_pages * 8)};
    out->kernel.first = elf->paddr_start / PAGE;
    out->kernel.nr = pages(elf->paddr_end) - out->kernel.first;
    /* Both before multiplication by a page could overflow anything below. */
    if (elf->paddr_end / PAGE + ramdisk_pages + out->p2m.nr > 2 * nr_pages)
        goto too_small;
    mapped = elf->paddr_end + (elf->mod_start_pfn ? 0 : ramdisk_pages * PAGE) +
             (elf->has_init_p2m ? 0 : out->p2m.nr * PAGE);
    if (elf->virt_base + mapped + mapped / 128 + 16 * MIB < elf->virt_base)
        return dom_fail(err, -EINVAL, "the kernel's virtual addresses wrap around");
    while ((need = place_region(out, elf, tables)) > tables)
        tables = need;
    out->p2m_virt =
        elf->has_init_p2m ? elf->init_p2m : elf->virt_base + out->p2m.first * PAGE;
    if (elf->has_init_p2m)
        out->p2m_span =
            (struct pv_span){elf->init_p2m, elf->init_p2m + out->p2m.nr * PAGE};
    if (hits_hypervisor(&out->region) || hits_hypervisor(&out->p2m_span) ||
        out->region.end <= out->region.start)
        return dom_fail(err, -EINVAL, "the kernel's virtual addresses are not a guest's");
    place_rest(out, elf);
    out->unused = last_page(out);
    if (out->unused <= nr_pages)
        return 0;
too_small:
    return dom_fail(err, -ENOMEM,
                    "kernel and ramdisk do not fit into %llu MiB of memory: set memory "
                    "higher",
                    (unsigned long long)(nr_pages * PAGE / MIB));
}

struct fill {
    const struct pv_layout *l;
    const uint64_t *frames;
    uint64_t *tables, *p2m_tables;
};

/* The table of a level for an address, and its pfn. */
static uint64_t *table_for(const struct fill *f, unsigned int level, uint64_t va,
                           uint64_t *pfn)
{
    const struct pv_layout *l = f->l;
    uint64_t unit = unit_of(va, level), nr = 0;

    if (level == 4 || has_unit(&l->region, unit, level)) {
        if (level < 4)
            nr = 1 + unit - unit_of(l->region.start, level);
        for (unsigned int above = 3; above > level; above--)
            nr += units(&l->region, above);
        *pfn = l->tables.first + nr;
        return f->tables + nr * 512;
    }
    for (unsigned int above = 3; above > level; above--)
        nr += units_alone(&l->p2m_span, &l->region, above, UINT64_MAX);
    nr += units_alone(&l->p2m_span, &l->region, level, unit);
    *pfn = l->p2m_tables.first + nr;
    return f->p2m_tables + nr * 512;
}

/* Links the tables that serve va, from the top down. */
static void link_tables(const struct fill *f, uint64_t va)
{
    uint64_t pfn, *table = table_for(f, 4, va, &pfn);

    for (unsigned int level = 3; level >= 1; level--) {
        uint64_t *next = table_for(f, level, va, &pfn);

        table[unit_of(va, level) % 512] = f->frames[pfn] << 12 | PTE_TABLE;
        table = next;
    }
}

/* A page table may only be mapped read-only: the hypervisor's first law. Of nr entries,
 * of pages from pfn on. */
static void protect(uint64_t *entry, uint64_t pfn, uint64_t nr,
                    const struct pv_range *tables)
{
    for (uint64_t t = tables->first; t < tables->first + tables->nr; t++)
        if (t - pfn < nr)
            entry[t - pfn] &= ~(uint64_t)(PTE_WRITE | PTE_DIRTY);
}

static void map_span(const struct fill *f, const struct pv_span *span, uint64_t pfn)
{
    uint64_t left = (span->end - span->start) / PAGE, va = span->start;

    if (left > f->l->nr_pages - pfn)
        left = f->l->nr_pages - pfn;
    while (left) {
        uint64_t first = (va >> 12) % 512, nr = 512 - first < left ? 512 - first : left,
                 table_pfn, *entry;
        const uint64_t *frame = f->frames + pfn;

        link_tables(f, va);
        entry = table_for(f, 1, va, &table_pfn) + first;
#pragma GCC unroll 8
        for (uint64_t i = 0; i < nr; i++)
            entry[i] = frame[i] << 12 | PTE_LEAF;
        protect(entry, pfn, nr, &f->l->tables);
        protect(entry, pfn, nr, &f->l->p2m_tables);
        pfn += nr;
        va += nr * PAGE;
        left -= nr;
    }
}

void pv_layout_fill(const struct pv_layout *layout, const uint64_t *frames,
                    uint64_t *tables, uint64_t *p2m_tables)
{
    struct fill f = {layout, frames, tables, p2m_tables};

    map_span(&f, &layout->region, 0);
    map_span(&f, &layout->p2m_span, layout->p2m.first);
}
