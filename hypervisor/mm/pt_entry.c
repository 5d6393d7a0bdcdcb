/* SPDX-License-Identifier: MIT */
/*
 * Entries of guests' page tables: what each may hold, and the references it is worth.
 * pt_update.c changes them.
 *
 * A present L1 entry holds a reference to its frame, and a writable type reference when
 * it allows writes; device frames (no struct page) are worth nothing and need permission
 * in d->iomem. A present entry of a higher level holds a reference and a type reference
 * of the level below. An entry that maps its own table read-only (a self map) is worth
 * nothing, so that no cycle of references can arise. An L4 may do that only where the
 * option pv-linear-pt allows it: through itself it leads to the hypervisor's tables. The
 * guest cannot read there, but what it names as the argument of a hypercall is read with
 * the hypervisor's rights.
 *
 * An entry that is not present is the guest's own affair, unless the CPU reads ahead
 * through it (port/l1tf.h). Then it may hold no address up to l1tf_last but 0. A guest
 * that writes one is ended, as by a Xen without shadow page tables; Linux since 4.18
 * inverts the addresses in such entries.
 */
#include "kern/log.h"
#include "kern/param.h"
#include "kern/softirq.h"
#include "lib/errno.h"
#include "lib/rangeset.h"
#include "mm/mm_priv.h"
#include "port/l1tf.h"
#include "port/layout.h"
#include "port/priv.h"

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

/* Cache attributes, device frames, RAM in a smaller range, others' memory. */
int l1e_get_rare(uint64_t e, struct domain *d, struct domain *pg_owner)
{
    mfn_t m = pte_mfn(e);

    if ((e & PTE_CACHE) && !may_choose_cache(d))
        return -EINVAL;
    if (!mfn_valid(m))
        return device_frame_ok(m, pg_owner == dom_io ? d : pg_owner);
    if (!page_get(page_of(m), pg_owner))
        return -EINVAL;
    if (pg_owner != d)
        page_mark_foreign(page_of(m));
    if ((e & PTE_RW) && page_get_type(page_of(m), PGT_WRITABLE)) {
        page_put(page_of(m));
        return -EINVAL;
    }
    return 0;
}

void l1e_put_present(uint64_t e, struct domain *d)
{
    struct page *pg;
    uint32_t type;

    if (!mfn_valid(pte_mfn(e)))
        return;
    pg = page_of(pte_mfn(e));
    if (e & PTE_RW) {
        page_put_writable(pg);
        page_put_fast(pg);
        return;
    }
    /* The guest unmaps a page of its LDT, mostly to use it otherwise: let go of it. */
    type = atomic_load_explicit(&pg->type, memory_order_relaxed);
    if (unlikely(pgt_type(type) == PGT_SEG && (type & PGT_COUNT) && pg->owner == d))
        desc_ldt_unmap_all(d);
    page_put_fast(pg);
}

static int self_map_get(uint64_t e, unsigned level, const struct domain *d)
{
    if (e & PTE_RW)
        return -EINVAL;
    if (level != PGT_L4 || boot_params.pv_linear_pt)
        return 0;
    log_print_guest(LOG_WARN,
                    "domain %u: a top page table maps itself; boot with pv-linear-pt=1 "
                    "for kernels that need that, as NetBSD's\n",
                    d->id);
    return -EINVAL;
}

int table_entry_get(uint64_t e, unsigned level, struct domain *d, mfn_t self, bool *half)
{
    mfn_t m = pte_mfn(e);
    struct page *pg;
    int rc;

    if (!(e & PTE_P))
        return l1tf_check(e, level, d);
    if (e & PTE_TABLE_BAD)
        return -EINVAL;
    if (mfn_eq(m, self))
        return self_map_get(e, level, d);
    if (!mfn_valid(m))
        return -EINVAL;
    pg = page_of(m);
    if (!*half && !page_get_fast(pg, d))
        return -EINVAL;
    *half = false;
    if (table_try_get(pg, level - 1))
        return 0;
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
    rc = table_try_put(pg) ? 0 : page_put_type_preempt(pg);
    if (!rc)
        page_put_fast(pg);
    return rc;
}

void l1tf_init(struct domain *d)
{
    uint64_t safe = l1tf_safe_address(d->privileged);

    d->mm->l1tf_last = safe ? safe - 1 : 0;
}

int l1tf_refuse(uint64_t e, unsigned level, struct domain *d)
{
    domain_crash(d, "d%u L1TF-vulnerable L%ue %016lx - Crashing", d->id, level,
                 (unsigned long)e);
    return -EINVAL;
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
    if (vm->undo_typed) {
        vm->undo_typed = false;
        rc = page_put_type_preempt(vm->undo);
    } else {
        rc = page_settle(vm->undo);
    }
    if (rc)
        return rc;
    page_put(vm->undo);
    vm->undo = NULL;
    return 0;
}
