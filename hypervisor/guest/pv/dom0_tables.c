/* SPDX-License-Identifier: MIT */
/* dom0's first page tables: the initial mapping and, when the kernel asked for another
 * place by its INIT_P2M note, the p2m list. They are built as plain memory; afterwards mm
 * validates them as it does any guest's. Frames come from one contiguous run
 * (start_info's pt_base and nr_pt_frames), the level-4 table first. */
#include "guest/pv/dom0_layout.h"
#include "kern/log.h"
#include "lib/string.h"
#include "port/map.h"

#define PTE_P   1ull
#define PTE_RW  2ull
#define PTE_US  4ull
#define PTE_A   0x20ull
#define PTE_D   0x40ull
#define TABLE   (PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D)
#define LEAF_RW (PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D)
#define LEAF_RO (PTE_P | PTE_US | PTE_A | PTE_D)

static unsigned slot(uint64_t va, unsigned level)
{
    return (unsigned)(va >> (12 + 9 * (level - 1))) & 511;
}

/* Tables of `level` that a range needs. */
static uint64_t span(uint64_t start, uint64_t end, unsigned level)
{
    unsigned shift = 12 + 9 * level;

    return start == end ? 0 : ((end - 1) >> shift) - (start >> shift) + 1;
}

uint64_t dom0_count_tables(const struct dom0_image *i)
{
    uint64_t n = 1;

    for (unsigned level = 1; level <= 3; level++) {
        n += span(i->v_start, i->v_end, level);
        if (i->p2m_va < i->v_start || i->p2m_va >= i->v_end)
            n += span(i->p2m_va, i->p2m_va + i->p2m_frames * PAGE_SIZE, level);
    }
    return n;
}

struct pool {
    struct dom0_image *i;
    uint64_t used;
};

static uint64_t *table_at(const struct dom0_image *i, uint64_t pfn)
{
    return map_mfn(i->mfn_of[pfn]);
}

static uint64_t *descend(struct pool *p, uint64_t *table, uint64_t va, unsigned level)
{
    uint64_t *e = &table[slot(va, level)];

    if (!(*e & PTE_P)) {
        uint64_t pfn = p->i->pt_pfn + p->used++;

        ASSERT(p->used <= p->i->nr_pt);
        memset(table_at(p->i, pfn), 0, PAGE_SIZE);
        *e = mfn_to_paddr(p->i->mfn_of[pfn]) | TABLE;
    }
    return map_mfn(paddr_to_mfn(*e & 0x000ffffffffff000ull));
}

static void map_range(struct pool *p, uint64_t va, uint64_t pfn, uint64_t frames)
{
    const struct dom0_image *i = p->i;
    uint64_t *l4 = table_at(i, i->pt_pfn);

    for (uint64_t n = 0; n < frames; n++, va += PAGE_SIZE, pfn++) {
        uint64_t *l3 = descend(p, l4, va, 4), *l2 = descend(p, l3, va, 3),
                 *l1 = descend(p, l2, va, 2);
        bool is_table = pfn >= i->pt_pfn && pfn < i->pt_pfn + i->nr_pt;

        l1[slot(va, 1)] = mfn_to_paddr(i->mfn_of[pfn]) | (is_table ? LEAF_RO : LEAF_RW);
    }
}

void dom0_build_tables(struct dom0_image *i)
{
    struct pool p = {i, 1};

    memset(table_at(i, i->pt_pfn), 0, PAGE_SIZE);
    map_range(&p, i->v_start, (i->v_start - i->elf.virt_base) >> PAGE_SHIFT,
              (i->v_end - i->v_start) >> PAGE_SHIFT);
    if (i->p2m_va < i->v_start || i->p2m_va >= i->v_end)
        map_range(&p, i->p2m_va, i->p2m_pfn, i->p2m_frames);
    /* Frames of the run that were not needed become empty level-1 tables' stand-ins:
     * plain read-only pages. */
    for (uint64_t n = p.used; n < i->nr_pt; n++)
        memset(table_at(i, i->pt_pfn + n), 0, PAGE_SIZE);
}

void *dom0_ptr(const struct dom0_image *i, uint64_t va)
{
    uint64_t off = va - i->elf.virt_base;

    return (char *)map_mfn(i->mfn_of[off >> PAGE_SHIFT]) + (off & (PAGE_SIZE - 1));
}
