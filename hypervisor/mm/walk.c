/* SPDX-License-Identifier: MIT */
/*
 * Reading guests' current page tables. Another vCPU may change or free them meanwhile: every frame number is
 * checked before it is followed, so that the worst outcome is a wrong answer about a racing change, which
 * whoever acts on it (under the page lock) finds out.
 */
#include "lib/errno.h"
#include "mm/mm_priv.h"
#include "mm/mmu.h"
#include "port/layout.h"
#include "port/map.h"

uint64_t *walk_l1_rights(struct vcpu *v, vaddr_t va, uint64_t *rights)
{
    uint64_t cr3 = v->hw.kernel_mode ? v->hw.cr3_kernel : v->hw.cr3_user;
    uint64_t e = (cr3 & PTE_FRAME) | PTE_P;

    *rights = ~0ull;
    if (!cr3 || !guest_va_ok(va))
        return NULL;
    for (unsigned level = 4;; level--) {
        uint64_t *pt;

        if (!(e & PTE_P) || !mfn_valid(pte_mfn(e)))
            return NULL;
        pt = map_mfn(pte_mfn(e));
        pt += pt_index(va, level);
        if (level == 1)
            return pt;
        e = pte_read(pt);
        *rights &= e;
    }
}

uint64_t *walk_l1(struct vcpu *v, vaddr_t va)
{
    uint64_t rights;

    return walk_l1_rights(v, va, &rights);
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
