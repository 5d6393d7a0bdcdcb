/* SPDX-License-Identifier: MIT */
/*
 * The operations by which a PV guest changes its mappings: pins, base pointers, flushes,
 * and entries named by their virtual address or by grants. Arguments have been copied
 * from the guest; pagetype.c and pt_entry.c do the checking, pt_update.c has mmu_update.
 *
 * A page whose teardown was preempted is remembered in mm_vcpu.undo and finished before
 * anything else the vCPU asks for (mmu_pending()); the guest does not run in between, as
 * the hypercall is continued.
 */
#include "mm/mmu.h"
#include "kern/log.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mm/mm_priv.h"
#include "port/ipi.h"
#include "port/layout.h"
#include "port/map.h"
#include "port/priv.h"

int mmu_pending(struct vcpu *v)
{
    return mm_finish(v->mm);
}

/* The page of walk_l1()'s answer, locked, if it is an L1 table of d. */
static struct page *lock_l1(uint64_t *p, struct domain *d)
{
    struct page *pg = page_of(map_to_mfn(p));

    if (likely(l1_try_lock(pg, d)))
        return pg;
    if (!page_lock(pg))
        return NULL;
    if (likely(pg->owner == d && pgt_type(pg->type) == PGT_L1))
        return pg;
    page_unlock(pg);
    return NULL;
}

int mmu_set_va(struct vcpu *v, struct domain *pg_owner, vaddr_t va, uint64_t val)
{
    uint64_t *p = walk_l1(v, va);
    struct page *pg;
    int rc;

    if (!p || !(pg = lock_l1(p, v->domain)))
        return -EINVAL;
    rc = pt_entry_update(v->mm, pg, p, val, v->domain, pg_owner, false);
    page_unlock(pg);
    return rc;
}

static void invalidate(cpumask_t cpus, vaddr_t va)
{
    if (cpus != cpumask_of(cpu_id())) {
        if (cpus)
            tlb_flush_mask(cpus, va);
    } else if (va == TLB_ALL) {
        tlb_flush_local();
    } else {
        tlb_flush_local_page(va);
    }
}

void mmu_flush_vcpus(struct vcpu *v, const uint64_t *vcpus, vaddr_t va)
{
    struct domain *d = v->domain;
    cpumask_t cpus = 0;

    for (unsigned i = 0; i < d->max_vcpus; i++)
        if (d->vcpu[i] && (vcpus[i / 64] >> (i % 64) & 1))
            cpus |= vcpu_tlb_cpus(d->vcpu[i]);
    mmu_flush_cpus(cpus, va);
}

void mmu_flush_cpus(cpumask_t cpus, vaddr_t va)
{
    if (va == TLB_ALL || guest_va_ok(va))
        invalidate(cpus, va);
}

int mmu_update_va(struct vcpu *v, struct domain *pg_owner, vaddr_t va, uint64_t val,
                  uint64_t flags)
{
    vaddr_t what = (flags & HV_UVMF_FLUSHTYPE_MASK) == HV_UVMF_INVLPG ? va : TLB_ALL;
    int rc = mmu_set_va(v, pg_owner, va, val);

    if ((flags & HV_UVMF_FLUSHTYPE_MASK) == HV_UVMF_NONE)
        return rc;
    if ((flags & ~HV_UVMF_FLUSHTYPE_MASK) == HV_UVMF_LOCAL)
        mmu_flush_cpus(cpumask_of(cpu_id()), what);
    else if ((flags & ~HV_UVMF_FLUSHTYPE_MASK) == HV_UVMF_ALL)
        mmu_flush_cpus(dom_dirty_cpus(v->domain), what);
    return rc;
}

void mmu_update_end(struct vcpu *v)
{
    if (unlikely(v->mm->flush_all)) {
        v->mm->flush_all = false;
        invalidate(dom_dirty_cpus(v->domain), TLB_ALL);
    }
}

/* Base pointers. */

static void drop_base(struct vcpu *v, mfn_t *base)
{
    struct page *pg;

    if (mfn_eq(*base, INVALID_MFN))
        return;
    pg = page_of(*base);
    *base = INVALID_MFN;
    if (page_put_type_preempt(pg))
        mm_undo_later(v->mm, pg);
    else
        page_put(pg);
}

int mmu_set_base(struct vcpu *v, mfn_t l4, bool user)
{
    mfn_t *base = user ? &v->mm->base_user : &v->mm->base_kernel;
    bool none = user && l4.n == 0;
    mfn_t old = *base;
    int rc;

    if (!none && !mfn_eq(l4, old)) {
        if (!mfn_valid(l4) || !page_get(page_of(l4), v->domain))
            return -EINVAL;
        rc = page_get_type(page_of(l4), PGT_L4);
        if (rc) {
            page_put(page_of(l4));
            return rc;
        }
    }
    *base = none ? INVALID_MFN : l4;
    walk_forget(v->mm);
    if (user) {
        v->hw.cr3_user = none ? 0 : mfn_to_paddr(l4);
        if (cpu_current() == v)
            ctx_load_user_cr3(&v->hw);
    } else {
        v->hw.cr3_kernel = mfn_to_paddr(l4);
        if (cpu_current() == v)
            ctx_load_cr3(&v->hw);
    }
    if (!mfn_eq(old, *base))
        drop_base(v, &old);
    return 0;
}

int mmu_drop_bases(struct vcpu *v)
{
    int rc = mm_finish(v->mm);

    desc_drop(v);
    v->hw.cr3_kernel = v->hw.cr3_user = 0;
    walk_forget(v->mm);
    if (!rc) {
        drop_base(v, &v->mm->base_kernel);
        rc = mm_finish(v->mm);
    }
    if (!rc) {
        drop_base(v, &v->mm->base_user);
        rc = mm_finish(v->mm);
    }
    return rc;
}

bool mmu_get_base(struct vcpu *v, mfn_t *l4)
{
    *l4 = v->mm->base_kernel;
    return !mfn_eq(*l4, INVALID_MFN);
}

bool mmu_get_user_base(struct vcpu *v, mfn_t *l4)
{
    *l4 = v->mm->base_user;
    return !mfn_eq(*l4, INVALID_MFN);
}

/* mmuext_op. */

static int pin(struct vcpu *v, struct domain *pg_owner, mfn_t m, unsigned type)
{
    struct page *pg;
    int rc;

    if (!mfn_valid(m) || !page_get(pg = page_of(m), pg_owner))
        return -EINVAL;
    rc = page_get_type(pg, type);
    if (rc) {
        if (rc != -ERESTART && (pg->type & PGT_PARTIAL))
            mm_undo_later(v->mm, pg);
        else
            page_put(pg);
        return rc;
    }
    if (atomic_fetch_or(&pg->type, PGT_PINNED) & PGT_PINNED) {
        page_put_and_type(pg); /* was pinned before; its pin keeps it valid */
        return -EINVAL;
    }
    /* The domain began to die and may have looked at this page already. */
    if (unlikely(pg_owner->dying != DOM_ALIVE) &&
        (atomic_fetch_and(&pg->type, ~PGT_PINNED) & PGT_PINNED))
        page_put_and_type(pg);
    return 0;
}

static int unpin(struct vcpu *v, struct domain *pg_owner, mfn_t m)
{
    struct page *pg;

    if (!mfn_valid(m) || !page_get(pg = page_of(m), pg_owner))
        return -EINVAL;
    if (!(atomic_fetch_and(&pg->type, ~PGT_PINNED) & PGT_PINNED)) {
        page_put(pg);
        return -EINVAL;
    }
    page_put(pg); /* the pin's; ours goes below */
    if (page_put_type_preempt(pg))
        mm_undo_later(v->mm, pg);
    else
        page_put(pg);
    return 0;
}

/* A page that is zero still needs no zeroing. */
static bool is_clear(struct domain *pg_owner, mfn_t m)
{
    bool clear;

    if (!mfn_valid(m) || !page_get_fast(page_of(m), pg_owner))
        return false;
    clear = page_never_written(page_of(m), pg_owner);
    page_put_fast(page_of(m));
    return clear;
}

static int clear_or_copy(struct domain *pg_owner, mfn_t to, mfn_t from, bool copy)
{
    if (!copy && is_clear(pg_owner, to))
        return 0;
    if (copy && (!mfn_valid(from) || !page_get_fast(page_of(from), pg_owner)))
        return -EINVAL;
    if (!mfn_valid(to) || (!page_try_get_and_writable(page_of(to), pg_owner) &&
                           !page_get_and_type(page_of(to), pg_owner, PGT_WRITABLE))) {
        if (copy)
            page_put(page_of(from));
        return -EINVAL;
    }
    if (copy) {
        map_copy(map_mfn(to), map_mfn(from), PAGE_SIZE);
        page_put_fast(page_of(from));
    } else {
        map_zero(to, 1);
    }
    page_put_and_type(page_of(to));
    return 0;
}

static void flush_caches(void *unused)
{
    (void)unused;
    cpu_flush_caches();
}

static int flush_op(struct vcpu *v, struct domain *pg_owner,
                    const struct hv_mmuext_op *op)
{
    cpumask_t self = cpumask_of(cpu_id());

    if (pg_owner != v->domain)
        return -EPERM;
    switch (op->cmd) {
    case HV_MMUEXT_TLB_FLUSH_LOCAL:
        invalidate(self, TLB_ALL);
        break;
    case HV_MMUEXT_INVLPG_LOCAL:
        mmu_flush_cpus(self, op->arg1.linear_addr);
        break;
    case HV_MMUEXT_TLB_FLUSH_ALL:
        mmu_flush_cpus(dom_dirty_cpus(v->domain), TLB_ALL);
        break;
    case HV_MMUEXT_INVLPG_ALL:
        mmu_flush_cpus(dom_dirty_cpus(v->domain), op->arg1.linear_addr);
        break;
    case HV_MMUEXT_FLUSH_CACHE:
    case HV_MMUEXT_FLUSH_CACHE_GLOBAL:
        if (!may_choose_cache(v->domain))
            return -EACCES;
        if (op->cmd == HV_MMUEXT_FLUSH_CACHE)
            cpu_flush_caches();
        else
            ipi_call(cpu_online(), flush_caches, NULL);
        break;
    }
    return 0;
}

int mmu_ext(struct vcpu *v, struct domain *pg_owner, const struct hv_mmuext_op *op)
{
    mfn_t m = mk_mfn(op->arg1.mfn);
    bool foreign = pg_owner != v->domain;

    switch (op->cmd) {
    case HV_MMUEXT_PIN_L1_TABLE:
    case HV_MMUEXT_PIN_L2_TABLE:
    case HV_MMUEXT_PIN_L3_TABLE:
    case HV_MMUEXT_PIN_L4_TABLE:
        return pin(v, pg_owner, m, PGT_L1 + (op->cmd - HV_MMUEXT_PIN_L1_TABLE));
    case HV_MMUEXT_UNPIN_TABLE:
        return unpin(v, pg_owner, m);
    case HV_MMUEXT_NEW_BASEPTR:
        return foreign ? -EPERM : mmu_set_base(v, m, false);
    case HV_MMUEXT_NEW_USER_BASEPTR:
        return foreign ? -EPERM : mmu_set_base(v, m, true);
    case HV_MMUEXT_TLB_FLUSH_LOCAL:
    case HV_MMUEXT_INVLPG_LOCAL:
    case HV_MMUEXT_TLB_FLUSH_ALL:
    case HV_MMUEXT_INVLPG_ALL:
    case HV_MMUEXT_FLUSH_CACHE:
    case HV_MMUEXT_FLUSH_CACHE_GLOBAL:
        return flush_op(v, pg_owner, op);
    case HV_MMUEXT_SET_LDT:
        return foreign ? -EPERM : mmu_set_ldt(v, op->arg1.linear_addr, op->arg2.nr_ents);
    case HV_MMUEXT_CLEAR_PAGE:
        return clear_or_copy(pg_owner, m, m, false);
    case HV_MMUEXT_COPY_PAGE:
        return clear_or_copy(pg_owner, m, mk_mfn(op->arg2.src_mfn), true);
    case HV_MMUEXT_MARK_SUPER:
    case HV_MMUEXT_UNMARK_SUPER:
        return -EOPNOTSUPP;
    default:
        return -ENOSYS;
    }
}

/* Grant mappings. */

static struct page *grant_entry(struct vcpu *v, uint64_t host_addr, bool is_pte,
                                uint64_t **p)
{
    if (!is_pte) {
        *p = walk_l1(v, host_addr);
    } else {
        mfn_t m = paddr_to_mfn(host_addr);

        *p = mfn_valid(m) && !(host_addr & 7)
                 ? (uint64_t *)map_mfn(m) +
                       (host_addr & (PAGE_SIZE - 1)) / sizeof(uint64_t)
                 : NULL;
    }
    return *p ? lock_l1(*p, v->domain) : NULL;
}

int mmu_grant_map(struct vcpu *v, uint64_t host_addr, bool is_pte, mfn_t frame,
                  uint64_t pte_flags)
{
    uint64_t *p, old, e;
    struct page *pg = grant_entry(v, host_addr, is_pte, &p);

    if (!pg)
        return -EINVAL;
    e = pte_make(frame, PTE_P | PTE_A | PTE_D |
                            (pte_flags & (PTE_RW | PTE_US | PTE_AVAIL | PTE_CACHE)));
    if (page_of(frame)->owner != v->domain)
        page_mark_foreign(page_of(frame));
    old = pte_read(p);
    table_mark(pg, p);
    __atomic_store_n(p, l1e_adjust(e), __ATOMIC_RELEASE);
    l1e_put(old, v->domain);
    page_unlock(pg);
    return 0;
}

/* Takes the entry away from new_addr (a virtual address), references included. */
static int take_entry(struct vcpu *v, uint64_t new_addr, uint64_t *e)
{
    uint64_t *p = walk_l1(v, new_addr);
    struct page *pg = p ? lock_l1(p, v->domain) : NULL;

    if (!pg)
        return -EINVAL;
    *e = __atomic_exchange_n(p, 0, __ATOMIC_ACQ_REL);
    page_unlock(pg);
    return 0;
}

/* It holds the references that a grant mapping brought, or the same by other means. */
static bool maps_like_grant(uint64_t e, mfn_t frame, bool writable)
{
    return mfn_eq(pte_mfn(e), frame) &&
           (e & (PTE_P | PTE_RW)) == (PTE_P | (writable ? PTE_RW : 0));
}

int mmu_grant_unmap(struct vcpu *v, uint64_t host_addr, bool is_pte, mfn_t frame,
                    bool writable, uint64_t new_addr)
{
    uint64_t *p, old, e = 0;
    struct page *pg;

    if (new_addr && is_pte)
        return -EINVAL;
    pg = grant_entry(v, host_addr, is_pte, &p);
    if (!pg)
        return -EINVAL;
    old = pte_read(p);
    page_unlock(pg);
    if (!maps_like_grant(old, frame, writable))
        return -EINVAL;
    if (new_addr && take_entry(v, new_addr, &e))
        return -EINVAL;
    pg = grant_entry(v, host_addr, is_pte, &p);
    if (!pg || !maps_like_grant(pte_read(p), frame, writable)) {
        /* the guest changed it under our hands */
        l1e_put(e, v->domain);
        if (pg)
            page_unlock(pg);
        return -EINVAL;
    }
    table_mark(pg, p);
    __atomic_store_n(p, e, __ATOMIC_RELEASE);
    page_unlock(pg);
    v->mm->flush_all = true;
    return 0;
}
