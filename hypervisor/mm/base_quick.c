/* SPDX-License-Identifier: MIT */
/*
 * The mmuext_op by which a kernel changes to another process: a base pointer for kernel
 * mode and one for user mode, both pinned. Entry code tries it before it makes the
 * hypercall.
 *
 * Each check is that of the long way (mmu.c), which is taken whenever one of them is not
 * passed at once. It begins anew then: a base pointer that is loaded already may be
 * loaded again.
 *
 * As in update_quick.c nothing is called, and interrupts are off.
 */
#include "mm/quick.h"
#include "port/guest_mem.h"
#include "port/map.h"
#include "port/upcall.h"

#define OP_SIZE sizeof(struct hv_mmuext_op)
#define IN_LINE static inline __attribute__((always_inline))

/* References to a valid L4 table, as a pin has made it. */
IN_LINE bool take_table(struct vcpu *v, mfn_t m)
{
    struct page *pg = page_of(m);

    if (unlikely(!mfn_valid_first(m)) || unlikely(!quick_take(pg, v->domain)))
        return false;
    if (likely(table_try_get(pg, PGT_L4)))
        return true;
    return quick_undo(pg);
}

/* What was a base pointer until now. The last references go by the long way. */
IN_LINE bool put_table(struct vcpu *v, mfn_t m)
{
    struct page *pg = page_of(m);
    uint32_t x = atomic_load_explicit(&pg->type, memory_order_relaxed);

    if (likely((x & (PGT_LOCKED | PGT_COUNT)) - 2 < PGT_LOCKED - 2) &&
        likely(atomic_compare_exchange_strong_explicit(
            &pg->type, &x, x - 1, memory_order_acq_rel, memory_order_relaxed))) {
        if (likely(page_try_put(pg)))
            return true;
    } else {
        v->mm->undo_typed = true;
    }
    return quick_undo(pg);
}

IN_LINE bool set_kernel(struct vcpu *v, mfn_t m)
{
    mfn_t old = v->mm->base_kernel;

    if (unlikely(mfn_eq(old, INVALID_MFN)) || unlikely(mfn_eq(m, old)) ||
        unlikely(!take_table(v, m)))
        return false;
    v->mm->base_kernel = m;
    v->hw.cr3_kernel = mfn_to_paddr(m);
    walk_forget(v->mm);
    tlb_quick_cr3(v->hw.cr3_kernel);
    return put_table(v, old);
}

/* 0 is no table: the process has no user mode. */
IN_LINE bool set_user(struct vcpu *v, mfn_t m)
{
    mfn_t old = v->mm->base_user;

    if (unlikely(mfn_eq(m, old)) || (m.n && unlikely(!take_table(v, m))))
        return false;
    v->mm->base_user = m.n ? m : INVALID_MFN;
    v->hw.cr3_user = mfn_to_paddr(m);
    return mfn_eq(old, INVALID_MFN) || put_table(v, old);
}

WITHOUT_RET unsigned mmu_quick_bases(vaddr_t at, uint64_t count, vaddr_t done,
                                     struct vcpu *v)
{
    uint64_t kernel[2], user[2];

    if (likely(!((count ^ 2) | done)) && likely(!v->mm->undo) && tlb_quick() &&
        likely(guest_peek_pair(at, kernel)) &&
        likely(guest_peek_pair(at + OP_SIZE, user)) &&
        (uint32_t)kernel[0] == HV_MMUEXT_NEW_BASEPTR &&
        (uint32_t)user[0] == HV_MMUEXT_NEW_USER_BASEPTR &&
        likely(set_kernel(v, mk_mfn(kernel[1]))) && likely(set_user(v, mk_mfn(user[1]))))
        return 0;
    return HV_CALL_MMUEXT_OP;
}
