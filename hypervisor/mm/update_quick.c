/* SPDX-License-Identifier: MIT */
/*
 * The mmu_update that nearly all are: one request, to map RAM of the caller's own by an
 * entry of an L1 that is not present. Entry code tries it before it makes the hypercall.
 *
 * All is done or nothing is. Each check is that of the long way (pt_update.c), which is
 * taken whenever one of them is not passed at once, and finds out why.
 *
 * As in fault_quick.c nothing is called, and the way back is a jump (WITHOUT_RET), since
 * the processor's stack of return addresses is still the guest's. Interrupts are off.
 */
#include "mm/quick.h"
#include "port/guest_mem.h"
#include "port/map.h"
#include "port/upcall.h"

/* The references of an entry. */
static inline bool take(uint64_t e, const struct domain *d)
{
    struct page *pg = page_of(pte_mfn(e));

    if (unlikely(!mfn_valid_first(pte_mfn(e))))
        return false;
    return e & PTE_RW ? likely(quick_take_writable(pg, d)) : likely(quick_take(pg, d));
}

#define PLAIN_BITS (PTE_P | PTE_CACHE | PTE_US | PTE_GUEST_KERNEL)

/* The entry as it is stored. False: not present, or of memory that is no common RAM. */
static inline bool adjust(uint64_t e, uint64_t *as)
{
    *as = e | PTE_G;
    if (likely((e & PLAIN_BITS) == (PTE_P | PTE_US)))
        return true;
    *as = l1e_adjust(e);
    return (e & (PTE_P | PTE_CACHE)) == PTE_P;
}

WITHOUT_RET unsigned mmu_quick_update(vaddr_t at, uint64_t count, vaddr_t done,
                                      struct vcpu *v)
{
    struct domain *d = v->domain;
    struct page *table;
    uint64_t req[2], *p, e;

    if (unlikely((count ^ 1) | done) || unlikely(v->mm->undo) ||
        unlikely(!guest_peek_pair(at, req)) || unlikely(req[0] & 7) ||
        !adjust(req[1], &e) || unlikely(!mfn_valid_first(paddr_to_mfn(req[0]))))
        return HV_CALL_MMU_UPDATE;
    table = page_of(paddr_to_mfn(req[0]));
    if (unlikely(!l1_try_lock(table, d)))
        return HV_CALL_MMU_UPDATE;
    p = (uint64_t *)((char *)map_mfn(mk_mfn(0)) + req[0]);
    if (unlikely(pte_read(p) & PTE_P) || unlikely(!take(e, d))) {
        page_unlock_fast(table);
        return HV_CALL_MMU_UPDATE;
    }
    table_mark(table, p);
    __atomic_store_n(p, e, __ATOMIC_RELEASE);
    page_unlock_fast(table);
    return 0;
}
