/* SPDX-License-Identifier: MIT */
/*
 * Reading guests' current page tables. Another vCPU may change or free them meanwhile:
 * every frame number is checked before it is followed, so that the worst outcome is a
 * wrong answer about a racing change, which whoever acts on it (under the page lock)
 * finds out.
 */
#include "lib/errno.h"
#include "mm/mm_priv.h"
#include "mm/mmu.h"
#include "port/layout.h"
#include "port/map.h"

/* The entry for va in the table that e names; NULL: e names none. */
static inline uint64_t *step(uint64_t e, vaddr_t va, unsigned level)
{
    if (unlikely(!(e & PTE_P) || !mfn_valid(pte_mfn(e))))
        return NULL;
    return (uint64_t *)map_mfn(pte_mfn(e)) + pt_index(va, level);
}

static inline uint64_t *walk_from(uint64_t cr3, vaddr_t va, uint64_t *rights)
{
    uint64_t e4, e3, e2, *p;

    if (unlikely(!cr3 || !guest_va_ok(va)))
        return NULL;
    if (!(p = step(cr3 | PTE_P, va, 4)))
        return NULL;
    e4 = pte_read(p);
    if (!(p = step(e4, va, 3)))
        return NULL;
    e3 = pte_read(p);
    if (!(p = step(e3, va, 2)))
        return NULL;
    e2 = pte_read(p);
    *rights = e4 & e3 & e2;
    return step(e2, va, 1);
}

uint64_t *walk_l1_rights(struct vcpu *v, vaddr_t va, uint64_t *rights)
{
    return walk_from(v->hw.kernel_mode ? v->hw.cr3_kernel : v->hw.cr3_user, va, rights);
}

uint64_t *walk_l1_kernel(struct vcpu *v, vaddr_t va)
{
    uint64_t rights;

    return walk_from(v->hw.cr3_kernel, va, &rights);
}

uint64_t *walk_l1(struct vcpu *v, vaddr_t va)
{
    uint64_t rights;

    return walk_l1_rights(v, va, &rights);
}

int mmu_read_kernel(struct vcpu *v, vaddr_t va, uint8_t *out)
{
    uint64_t *p = guest_va_ok(va) ? walk_l1_kernel(v, va) : NULL, e = p ? pte_read(p) : 0;
    struct page *pg;

    if (!(e & PTE_P) || !mfn_valid(pte_mfn(e)))
        return -EFAULT;
    pg = page_of(pte_mfn(e));
    if (!page_get(pg, v->domain))
        return -EFAULT;
    *out = *((const uint8_t *)map_mfn(pte_mfn(e)) + (va & (PAGE_SIZE - 1)));
    page_put(pg);
    return 0;
}

int mmu_walk(struct vcpu *v, vaddr_t va, uint64_t *l1e)
{
    uint64_t *p = walk_l1(v, va);

    if (!p)
        return -EFAULT;
    *l1e = pte_read(p);
    return 0;
}

void *mmu_guest_ptr(struct vcpu *v, vaddr_t va, bool write)
{
    uint64_t *p = walk_l1(v, va), e;

    if (!p)
        return NULL;
    e = pte_read(p);
    if (!(e & PTE_P) || (write && !(e & PTE_RW)) || !mfn_valid(pte_mfn(e)))
        return NULL;
    return (char *)map_mfn(pte_mfn(e)) + (va & (PAGE_SIZE - 1));
}
