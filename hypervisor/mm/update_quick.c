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
#include "mm/mm_priv.h"
#include "port/guest_mem.h"
#include "port/map.h"
#include "port/upcall.h"

/* A reference to a page of d, if it is not the first. A page that is d's no more when it
 * has been taken goes back by the long way, if need be. */
static inline bool take_page(struct mm_vcpu *vm, struct page *pg, const struct domain *d)
{
    uint32_t x = atomic_load_explicit(&pg->count, memory_order_relaxed);

    if (unlikely(!page_more_users(x)) ||
        unlikely(!atomic_compare_exchange_strong_explicit(
            &pg->count, &x, x + 1, memory_order_acquire, memory_order_relaxed)))
        return false;
    if (likely(pg->owner == d && d->dying == DOM_ALIVE))
        return true;
    if (!page_try_put(pg))
        vm->undo = pg;
    return false;
}

/* The references of a present entry. */
static inline bool take(struct mm_vcpu *vm, uint64_t e, const struct domain *d)
{
    struct page *pg = page_of(pte_mfn(e));

    if (unlikely(e & PTE_CACHE) || unlikely(!mfn_valid_first(pte_mfn(e))) ||
        unlikely(!take_page(vm, pg, d)))
        return false;
    if (!(e & PTE_RW) || likely(page_try_get_writable(pg)))
        return true;
    if (!page_try_put(pg))
        vm->undo = pg;
    return false;
}

WITHOUT_RET bool mmu_quick_update(vaddr_t at, uint64_t count, vaddr_t done,
                                  uint64_t whose, struct vcpu *v)
{
    struct domain *d = v->domain;
    struct page *table;
    uint64_t req[2], *p;
    bool ok;

    if (unlikely((count ^ 1) | done | (whose ^ HV_DOMID_SELF)) ||
        unlikely(!guest_peek_pair(at, req)) || unlikely(req[0] & 7) ||
        !(req[1] & PTE_P) || unlikely(!mfn_valid_first(paddr_to_mfn(req[0]))) ||
        unlikely(v->mm->undo))
        return false;
    table = page_of(paddr_to_mfn(req[0]));
    if (unlikely(!l1_try_lock(table, d)))
        return false;
    p = (uint64_t *)((char *)map_mfn(mk_mfn(0)) + req[0]);
    ok = !(pte_read(p) & PTE_P) && take(v->mm, req[1], d);
    if (ok) {
        table_mark(table, p);
        __atomic_store_n(p, l1e_adjust(req[1]), __ATOMIC_RELEASE);
    }
    page_unlock_fast(table);
    return ok;
}
