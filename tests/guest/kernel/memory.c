/* SPDX-License-Identifier: MIT */
/*
 * Frames and page tables. The image is mapped at VIRT_BASE + pfn, page tables included
 * (read-only), so a machine frame's address follows from the m2p table.
 */
#include "guest.h"

struct hv_start_info *start_info;

static char shared_page[PAGE_SIZE] __attribute__((aligned(4096)));
struct hv_shared_info *shared_info = (void *)shared_page;

#define POOL_PAGES 256
static char pool[POOL_PAGES][PAGE_SIZE] __attribute__((aligned(4096)));
static int pool_used;

void *page_alloc(void)
{
    if (pool_used == POOL_PAGES) {
        test_fail("enough memory", "the pool of %d pages is used up", POOL_PAGES);
        test_end();
    }
    return pool[pool_used++];
}

uint64_t va_mfn(const void *va)
{
    return ((uint64_t *)start_info->mfn_list)[(P(va) - VIRT_BASE) / PAGE_SIZE];
}

uint64_t mfn_pfn(uint64_t mfn)
{
    return ((uint64_t *)HV_MACH2PHYS_VIRT_START)[mfn];
}

void *mfn_va(uint64_t mfn)
{
    return (void *)(VIRT_BASE + mfn_pfn(mfn) * PAGE_SIZE);
}

uint64_t *pte_at(const void *va, int level)
{
    uint64_t *table = (uint64_t *)start_info->pt_base;

    for (int l = 4;; l--) {
        uint64_t *e = table + ((P(va) >> (12 + 9 * (l - 1))) & 511);

        if (l == level || !(*e & PTE_P))
            return e;
        table = mfn_va(PTE_MFN(*e));
    }
}

uint64_t pte_maddr(const void *va, int level)
{
    uint64_t *e = pte_at(va, level);

    return va_mfn(e) << 12 | (P(e) & 4095);
}

long map_mfn(void *va, uint64_t pte)
{
    return update_va_mapping(va, pte, HV_UVMF_INVLPG);
}

void remap(void *va, uint64_t flags)
{
    long rc = map_mfn(va, pte_of(va, flags));

    if (rc) {
        test_fail("a page can be remapped", "update_va_mapping: %ld", rc);
        test_end();
    }
}
