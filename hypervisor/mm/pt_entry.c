/* SPDX-License-Identifier: MIT */
/*
 * Entries of guests' page tables: what each may hold, the references it is worth, and changing one.
 *
 * A present L1 entry holds a reference to its frame, and a writable type reference when it allows writes;
 * device frames (no struct page) are worth nothing and need permission in d->iomem. A present entry of a
 * higher level holds a reference and a type reference of the level below. An entry that maps its own
 * table read-only (a self map) is worth nothing, so that no cycle of references can arise.
 *
 * Change order: take what the new entry needs, write, drop what the old entry held. The table's page lock
 * is held throughout; the guest itself cannot write the table, but CPUs set Accessed and Dirty.
 */
#include "kern/log.h"
#include "kern/softirq.h"
#include "lib/errno.h"
#include "lib/rangeset.h"
#include "mm/mm_priv.h"
#include "port/layout.h"
#include "port/priv.h"

/* An L1 entry that changes only in these needs no new references. */
#define L1_FREE_BITS (PTE_NX | PTE_AVAIL | PTE_G | PTE_D | PTE_A | PTE_US)

/* The user bit tells guest user from guest kernel mappings, but both run in ring 3: so all get it, and the
 * kernel's are marked by a bit of ours. User mappings are the same in both page tables of a process, so
 * they may be global and survive the change between the two. */
uint64_t l1e_adjust(uint64_t e)
{
    if (!(e & PTE_P))
        return e;
    if (!(e & PTE_US) || (e & PTE_GUEST_KERNEL))
        return (e & ~PTE_G) | PTE_US | PTE_GUEST_KERNEL;
    return e | PTE_G;
}

static uint64_t frames_end; /* one past the last frame that the CPU can address */

void pt_entry_init(void)
{
    struct cpuid_regs r;

    cpu_cpuid(0x80000000, 0, &r);
    if (r.a >= 0x80000008)
        cpu_cpuid(0x80000008, 0, &r); /* Intel SDM vol. 2, CPUID: physical address size */
    else
        r.a = 36;
    frames_end = 1ull << ((r.a & 0xff) - PAGE_SHIFT);
}

static int device_frame_ok(mfn_t m, struct domain *d)
{
    bool ok, held = spin_held(&d->lock);

    if (m.n >= frames_end)
        return -EPERM;
    if (!held)
        spin_lock(&d->lock);
    ok = d->iomem && rangeset_has(d->iomem, m.n, m.n);
    if (!held)
        spin_unlock(&d->lock);
    return ok ? 0 : -EPERM;
}

bool may_choose_cache(const struct domain *d)
{
    return d->mm->has_devices || (d->iomem && !rangeset_empty(d->iomem)) ||
           (d->ioports && !rangeset_empty(d->ioports));
}

int l1e_get(uint64_t e, struct domain *d, struct domain *pg_owner)
{
    mfn_t m = pte_mfn(e);
    struct page *pg;
    int rc;

    if (unlikely((e & PTE_CACHE) && !may_choose_cache(d)))
        return -EINVAL;
    if (unlikely(!mfn_valid(m)))
        return device_frame_ok(m, pg_owner == dom_io ? d : pg_owner);
    pg = page_of(m);
    if (!page_get(pg, pg_owner))
        return -EINVAL;
    if (!(e & PTE_RW))
        return 0;
    rc = page_get_type(pg, PGT_WRITABLE);
    if (unlikely(rc))
        page_put(pg);
    return rc;
}

void l1e_put(uint64_t e, struct domain *d)
{
    struct page *pg;
    uint64_t type;

    if (!(e & PTE_P) || !mfn_valid(pte_mfn(e)))
        return;
    pg = page_of(pte_mfn(e));
    if (e & PTE_RW) {
        page_put_and_type(pg);
        return;
    }
    /* The guest unmaps a page of its LDT, mostly to use it otherwise: let go of it. */
    type = atomic_load_explicit(&pg->type, memory_order_relaxed);
    if (unlikely(pgt_type(type) == PGT_SEG && (type & PGT_COUNT) && pg->owner == d))
        desc_ldt_unmap_all(d);
    page_put(pg);
}

int table_entry_get(uint64_t e, unsigned level, struct domain *d, mfn_t self, bool *half)
{
    mfn_t m = pte_mfn(e);
    struct page *pg;
    int rc;

    if (e & PTE_TABLE_BAD)
        return -EINVAL;
    if (mfn_eq(m, self))
        return e & PTE_RW ? -EINVAL : 0;
    if (!mfn_valid(m))
        return -EINVAL;
    pg = page_of(m);
    if (!*half && !page_get(pg, d))
        return -EINVAL;
    *half = false;
    rc = page_get_type(pg, level - 1);
    if (rc == -ERESTART)
        *half = true;
    else if (rc)
        page_put(pg);
    return rc;
}

int table_entry_put(uint64_t e, mfn_t self)
{
    struct page *pg;
    int rc;

    if (!(e & PTE_P) || mfn_eq(pte_mfn(e), self))
        return 0;
    pg = page_of(pte_mfn(e));
    rc = page_put_type_preempt(pg);
    if (!rc)
        page_put(pg);
    return rc;
}

void mm_undo_later(struct mm_vcpu *vm, struct page *pg)
{
    if (vm && !vm->undo) {
        vm->undo = pg;
        return;
    }
    while (page_settle(pg)) /* no place to remember it: finish here */
        ;
    page_put(pg);
}

int mm_finish(struct mm_vcpu *vm)
{
    int rc;

    if (likely(!vm->undo))
        return 0;
    rc = page_settle(vm->undo);
    if (rc)
        return rc;
    page_put(vm->undo);
    vm->undo = NULL;
    return 0;
}

static void entry_write(uint64_t *p, uint64_t *old, uint64_t val, bool keep_ad)
{
    if (!keep_ad) {
        __atomic_store_n(p, val, __ATOMIC_RELEASE);
        return;
    }
    while (!__atomic_compare_exchange_n(p, old, val | (*old & (PTE_A | PTE_D)), false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED))
        ;
}

static int l1_update(uint64_t *p, uint64_t val, struct domain *d, struct domain *pg_owner, bool keep_ad)
{
    uint64_t old = pte_read(p);
    int rc;

    if (val & PTE_P) {
        bool same = (old & PTE_P) && !((old ^ val) & ~L1_FREE_BITS);

        if (!same) {
            rc = l1e_get(val, d, pg_owner);
            if (unlikely(rc))
                return rc;
        }
        entry_write(p, &old, l1e_adjust(val), keep_ad);
        if (!same)
            l1e_put(old, d);
        return 0;
    }
    entry_write(p, &old, val, keep_ad);
    l1e_put(old, d);
    return 0;
}

/* What the new entry of a higher table needs. *fresh: references were taken, the old one's must go. */
static int table_prepare(uint64_t old, uint64_t *val, unsigned level, struct domain *d, mfn_t self, bool *fresh)
{
    bool half = false;
    int rc;

    *fresh = true;
    if (!(*val & PTE_P))
        return 0;
    if (*val & PTE_TABLE_BAD)
        return -EINVAL;
    *val |= PTE_US;
    if ((old & PTE_P) && mfn_eq(pte_mfn(old), pte_mfn(*val)) &&
        (!mfn_eq(pte_mfn(old), self) || !(*val & PTE_RW))) {
        *fresh = false;
        return 0;
    }
    rc = table_entry_get(*val, level, d, self, &half);
    if (rc == -ERESTART && half)
        page_put(page_of(pte_mfn(*val))); /* the child remembers how far it is */
    return rc;
}

static void table_drop(struct mm_vcpu *vm, uint64_t old, mfn_t self)
{
    if (table_entry_put(old, self))
        mm_undo_later(vm, page_of(pte_mfn(old)));
}

static bool slot_is_ours(unsigned level, const uint64_t *p)
{
    unsigned slot = ((uintptr_t)p & (PAGE_SIZE - 1)) / sizeof(*p);

    return level == PGT_L4 && slot >= HV_FIRST_SLOT && slot <= HV_LAST_SLOT;
}

int pt_entry_update(struct mm_vcpu *vm, struct page *pg, uint64_t *p, uint64_t val, struct domain *d,
                    struct domain *pg_owner, bool keep_ad)
{
    unsigned level = pgt_type(pg->type);
    uint64_t old;
    bool fresh;
    int rc;

    if (likely(level == PGT_L1))
        return l1_update(p, val, d, pg_owner, keep_ad);
    if (slot_is_ours(level, p))
        return -EINVAL;
    old = pte_read(p);
    rc = table_prepare(old, &val, level, d, page_mfn(pg), &fresh);
    if (rc)
        return rc;
    entry_write(p, &old, val, keep_ad);
    if (fresh)
        table_drop(vm, old, page_mfn(pg));
    return 0;
}

static int l1_cmpxchg(uint64_t *p, uint64_t old, uint64_t val, struct domain *d)
{
    bool fresh = !((old & val & PTE_P) && !((old ^ val) & ~L1_FREE_BITS));
    bool done;
    int rc;

    if (fresh && (val & PTE_P)) {
        rc = l1e_get(val, d, d);
        if (rc)
            return rc;
    }
    val = l1e_adjust(val);
    done = __atomic_compare_exchange_n(p, &old, val, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
    if (!done) {
        if (fresh)
            l1e_put(val, d);
        return -EAGAIN;
    }
    if (fresh)
        l1e_put(old, d);
    return 0;
}

int pt_entry_cmpxchg(struct mm_vcpu *vm, struct page *pg, uint64_t *p, uint64_t old, uint64_t val,
                     struct domain *d)
{
    unsigned level = pgt_type(pg->type);
    mfn_t self = page_mfn(pg);
    uint64_t seen = old;
    bool fresh;
    int rc;

    if (likely(level == PGT_L1))
        return l1_cmpxchg(p, old, val, d);
    if (slot_is_ours(level, p))
        return -EINVAL;
    rc = table_prepare(old, &val, level, d, self, &fresh);
    if (rc)
        return rc;
    if (!__atomic_compare_exchange_n(p, &seen, val, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
        if (fresh)
            table_drop(vm, val, self);
        return -EAGAIN;
    }
    if (fresh)
        table_drop(vm, old, self);
    return 0;
}
