/* SPDX-License-Identifier: MIT */
/*
 * Stores to page tables, one after the other, as when a kernel unmaps a range: a store or
 * exchange that leaves an entry of an L1 not present, by the instruction that fault.c
 * carried out last, in the table that it went to. All else is left to fault.c.
 *
 * Each store is checked as there: what is remembered only says where to look, and is
 * compared with what is there now (the entry that maps the table, the table's type and
 * owner, the instruction's bytes). Interrupts are off from the guest's instruction to the
 * next, so that nothing can have become pending in between.
 *
 * Nothing here is called or returned from: the processor's stack of return addresses is
 * still the guest's (hw/cpu/extable.h, FILL_RSB), and is not used.
 * tests/check/check-quick looks at the code that was made.
 */
#include "mm/mm_priv.h"
#include "port/context.h"
#include "port/guest_mem.h"
#include "port/map.h"
#include "port/upcall.h"

/* The bits of an address that choose an aligned entry. */
#define ENTRY_AT (PAGE_SIZE - 8)

/* The store at va is one that is known, but for the page's type and owner. */
static inline bool known(const struct vcpu *v, const struct ptwr_quick *q,
                         const struct hv_cpu_user_regs *r, vaddr_t va)
{
    uint64_t code;

    if ((r->error_code & PF_KIND) != (PF_PRESENT | PF_WRITE) ||
        (va & ~ENTRY_AT) != q->at || q->gen != v->domain->mm->tables_gen ||
        !(v->domain->vm_assist & (1ull << HV_VMASST_TYPE_WRITABLE_PAGETABLES)) ||
        pte_read(q->map) != q->map_entry)
        return false;
    if (guest_peek(r->rip, &code))
        return !((code ^ q->code) & q->code_mask);
    cpu_set_fault_va(va); /* the peek's own fault has overwritten it */
    return false;
}

/* Puts the references of an entry that was taken out, if they are not the last ones.
 * Returns an entry whose references are left to be put, or 0. */
static inline uint64_t put(uint64_t e)
{
    struct page *pg = page_of(pte_mfn(e));

    if (!(e & PTE_P))
        return 0;
    if (unlikely(!mfn_valid_first(pte_mfn(e))))
        return e;
    if (e & PTE_RW) {
        if (!page_try_put_writable(pg))
            return e;
    } else if (unlikely(pgt_type(atomic_load_explicit(&pg->type, memory_order_relaxed)) ==
                        PGT_SEG)) {
        return e;
    }
    return page_try_put(pg) ? 0 : e & ~PTE_RW;
}

static void put_late(struct hv_cpu_user_regs *r)
{
    struct vcpu *v = cpu_current();

    (void)r;
    l1e_put(v->mm->quick.late, v->domain);
}

void mmu_quick_fault(struct hv_cpu_user_regs *r, struct vcpu *v, vaddr_t va)
{
    struct ptwr_quick *q = &v->mm->quick;
    uint64_t *reg = (uint64_t *)((char *)r + q->reg), val = *reg, old;
    struct page *pg = q->table;

    if (unlikely(!known(v, q, r, va)) ||
        (val && ((val & PTE_P) || l1tf_vulnerable(val, v->domain))) ||
        unlikely(!l1_try_lock(pg, v->domain)))
        ctx_leave_by(r, pv_page_fault);
    old = __atomic_exchange_n((uint64_t *)map_mfn(page_mfn(pg)) + (va & ENTRY_AT) / 8,
                              val, __ATOMIC_ACQ_REL);
    page_unlock_fast(pg);
    if (q->xchg)
        *reg = old;
    r->rip += q->len;
    q->late = put(old);
    if (unlikely(q->late))
        ctx_leave_by(r, put_late);
    ctx_leave_quick(r);
}
