/* SPDX-License-Identifier: MIT */
/*
 * Changing entries of guests' page tables.
 *
 * Order: take what the new entry needs, write, drop what the old entry held. The table's
 * page lock is held throughout; the guest itself cannot write the table, but CPUs set
 * Accessed and Dirty.
 *
 * Hot: a fork or an mprotect comes here for each page.
 */
#include "lib/errno.h"
#include "mm/mm_priv.h"
#include "mm/mmu.h"
#include "port/layout.h"
#include "port/map.h"

/* An L1 entry that changes only in these needs no new references. */
#define L1_FREE_BITS (PTE_NX | PTE_AVAIL | PTE_G | PTE_D | PTE_A | PTE_US)

static inline void entry_write(uint64_t *p, uint64_t *old, uint64_t val, bool keep_ad)
{
    if (!keep_ad) {
        __atomic_store_n(p, val, __ATOMIC_RELEASE);
        return;
    }
    while (!__atomic_compare_exchange_n(p, old, val | (*old & (PTE_A | PTE_D)), false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        ;
}

/* Both entries map the same RAM and differ in the right to write, and bits that are free:
 * only the type reference comes or goes. */
static inline int l1_change_write(uint64_t *p, uint64_t old, uint64_t val,
                                  struct domain *pg_owner, bool keep_ad)
{
    struct page *pg = page_of(pte_mfn(val));
    int rc;

    if (val & PTE_RW) {
        if (unlikely(pg->owner != pg_owner || pg_owner->dying != DOM_ALIVE))
            return -EINVAL;
        rc = page_get_writable(pg);
        if (unlikely(rc))
            return rc;
    }
    entry_write(p, &old, l1e_adjust(val), keep_ad);
    if (old & PTE_RW)
        page_put_writable(pg);
    return 0;
}

static inline __attribute__((always_inline)) int
l1_update_inline(struct page *table, uint64_t *p, uint64_t val, struct domain *d,
                 struct domain *pg_owner, bool keep_ad)
{
    uint64_t old = pte_read(p);
    int rc;

    if (val & old & PTE_P) {
        uint64_t changed = (old ^ val) & ~L1_FREE_BITS;

        if (!changed) {
            entry_write(p, &old, l1e_adjust(val), keep_ad);
            return 0;
        }
        if (changed == PTE_RW && mfn_valid(pte_mfn(val)))
            return l1_change_write(p, old, val, pg_owner, keep_ad);
    }
    if (val & PTE_P) {
        rc = l1e_get(val, d, pg_owner);
        if (unlikely(rc))
            return rc;
        val = l1e_adjust(val);
        table_mark(table, p);
    } else if (unlikely(l1tf_vulnerable(val, d))) {
        return l1tf_refuse(val, PGT_L1, d);
    }
    entry_write(p, &old, val, keep_ad);
    l1e_put(old, d);
    return 0;
}

static int l1_update(struct page *table, uint64_t *p, uint64_t val, struct domain *d,
                     struct domain *pg_owner, bool keep_ad)
{
    return l1_update_inline(table, p, val, d, pg_owner, keep_ad);
}

/* What the new entry of a higher table needs. *fresh: references were taken, the old
 * one's must go. */
static int table_prepare(uint64_t old, uint64_t *val, unsigned level, struct domain *d,
                         mfn_t self, bool *fresh)
{
    bool half = false;
    int rc;

    *fresh = true;
    if (!(*val & PTE_P))
        return l1tf_check(*val, level, d);
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

/* Before the old entry's references go: who knows the table by heart is told. */
static void table_changed(struct page *pg, const uint64_t *p, unsigned level,
                          struct domain *d)
{
    atomic_fetch_add_explicit(&d->mm->tables_gen, 1, memory_order_relaxed);
    if (level == PGT_L4)
        isolate_l4_changed(pg, p);
}

/* Before the entry that is val is written. */
static void table_expect(struct page *pg, const uint64_t *p, unsigned level, uint64_t val)
{
    table_mark_shared(pg, p);
    if (level == PGT_L4 && (val & PTE_P) && mfn_eq(pte_mfn(val), page_mfn(pg)))
        table_mark_self(pg);
}

static bool slot_is_ours(unsigned level, const uint64_t *p)
{
    unsigned slot = ((uintptr_t)p & (PAGE_SIZE - 1)) / sizeof(*p);

    return level == PGT_L4 && slot >= HV_FIRST_SLOT && slot <= HV_LAST_SLOT;
}

int pt_entry_update(struct mm_vcpu *vm, struct page *pg, uint64_t *p, uint64_t val,
                    struct domain *d, struct domain *pg_owner, bool keep_ad)
{
    unsigned level = pgt_type(pg->type);
    uint64_t old;
    bool fresh;
    int rc;

    if (likely(level == PGT_L1))
        return l1_update(pg, p, val, d, pg_owner, keep_ad);
    if (slot_is_ours(level, p))
        return -EINVAL;
    old = pte_read(p);
    rc = table_prepare(old, &val, level, d, page_mfn(pg), &fresh);
    if (rc)
        return rc;
    table_expect(pg, p, level, val);
    entry_write(p, &old, val, keep_ad);
    table_changed(pg, p, level, d);
    if (fresh)
        table_drop(vm, old, page_mfn(pg));
    return 0;
}

static int l1_cmpxchg(struct page *table, uint64_t *p, uint64_t old, uint64_t val,
                      struct domain *d)
{
    bool fresh = !((old & val & PTE_P) && !((old ^ val) & ~L1_FREE_BITS));
    bool done;
    int rc;

    if (fresh && (val & PTE_P)) {
        rc = l1e_get(val, d, d);
        if (rc)
            return rc;
        table_mark(table, p);
    } else if (!(val & PTE_P)) {
        rc = l1tf_check(val, PGT_L1, d);
        if (rc)
            return rc;
    }
    val = l1e_adjust(val);
    done = __atomic_compare_exchange_n(p, &old, val, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
    if (!done) {
        if (fresh)
            l1e_put(val, d);
        return -EAGAIN;
    }
    if (fresh)
        l1e_put(old, d);
    return 0;
}

int pt_entry_cmpxchg(struct mm_vcpu *vm, struct page *pg, uint64_t *p, uint64_t old,
                     uint64_t val, struct domain *d)
{
    unsigned level = pgt_type(pg->type);
    mfn_t self = page_mfn(pg);
    uint64_t seen = old;
    bool fresh;
    int rc;

    if (likely(level == PGT_L1))
        return l1_cmpxchg(pg, p, old, val, d);
    if (slot_is_ours(level, p))
        return -EINVAL;
    rc = table_prepare(old, &val, level, d, self, &fresh);
    if (rc)
        return rc;
    table_expect(pg, p, level, val);
    if (!__atomic_compare_exchange_n(p, &seen, val, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED)) {
        if (fresh)
            table_drop(vm, val, self);
        return -EAGAIN;
    }
    table_changed(pg, p, level, d);
    if (fresh)
        table_drop(vm, old, self);
    return 0;
}

int pt_l1_exchange(struct page *pg, uint64_t *p, uint64_t val, struct domain *d,
                   uint64_t *old)
{
    if (val & PTE_P) {
        int rc = l1e_get(val, d, d);

        if (unlikely(rc))
            return rc;
        table_mark(pg, p);
    } else if (unlikely(l1tf_vulnerable(val, d))) {
        return l1tf_refuse(val, PGT_L1, d);
    }
    *old = __atomic_exchange_n(p, l1e_adjust(val), __ATOMIC_ACQ_REL);
    l1e_put(*old, d);
    return 0;
}

/* mmu_update. */

/* A page is mapped where none is. */
static inline int l1_install(struct page *table, uint64_t *p, uint64_t val,
                             struct domain *d)
{
    int rc = l1e_get(val, d, d);

    if (unlikely(rc))
        return rc;
    table_mark(table, p);
    __atomic_store_n(p, l1e_adjust(val), __ATOMIC_RELEASE);
    return 0;
}

bool mmu_update_l1(struct vcpu *v, uint64_t ptr, uint64_t val, int *rc)
{
    mfn_t m = paddr_to_mfn(ptr);
    struct page *pg = page_of(m);
    struct domain *d = v->domain;
    bool keep_ad = ptr & HV_MMU_PT_UPDATE_PRESERVE_AD;
    uint64_t *p = (uint64_t *)map_mfn(m) + (ptr & (PAGE_SIZE - 1)) / sizeof(*p);

    if (unlikely(ptr & 7 & ~HV_MMU_PT_UPDATE_PRESERVE_AD) ||
        unlikely(!mfn_valid_first(m)) || unlikely(v->mm->undo) ||
        unlikely(!l1_try_lock(pg, d)))
        return false;
    *rc = (~pte_read(p) & val & PTE_P) && !keep_ad ? l1_install(pg, p, val, d)
                                                   : l1_update(pg, p, val, d, d, keep_ad);
    page_unlock_fast(pg);
    return true;
}

/* The frame is no page table now: a plain write, as if the guest did it itself. */
static int write_plain(struct page *pg, uint64_t *p, uint64_t val,
                       struct domain *pt_owner, bool keep_ad)
{
    if (!page_get_and_type(pg, pt_owner, PGT_WRITABLE))
        return -EINVAL;
    if (keep_ad)
        val |= pte_read(p) & (PTE_A | PTE_D);
    __atomic_store_n(p, val, __ATOMIC_RELAXED);
    page_put_and_type(pg);
    return 0;
}

static int machphys_update(struct domain *pg_owner, uint64_t ptr, uint64_t val)
{
    mfn_t m = paddr_to_mfn(ptr);

    if (!mfn_valid(m) || !page_get(page_of(m), pg_owner))
        return -EINVAL;
    m2p_set(m, mk_gfn(val));
    page_put(page_of(m));
    return 0;
}

/* One request that is not a change of the locked table pg. */
static int update_other(struct domain *pt_owner, struct domain *pg_owner, uint64_t ptr,
                        uint64_t val)
{
    unsigned cmd = ptr & 7;
    mfn_t m = paddr_to_mfn(ptr);

    if (cmd == HV_MMU_MACHPHYS_UPDATE)
        return machphys_update(pg_owner, ptr, val);
    if (cmd > HV_MMU_PT_UPDATE_NO_TRANSLATE)
        return -ENOSYS;
    if (!mfn_valid(m))
        return -EINVAL;
    return write_plain(
        page_of(m), (uint64_t *)map_mfn(m) + (ptr & (PAGE_SIZE - 1)) / sizeof(uint64_t),
        val, pt_owner, cmd == HV_MMU_PT_UPDATE_PRESERVE_AD);
}

/* The table that ptr lies in, locked; NULL when it is none of d's, or the command is
 * another. */
static struct page *lock_table(uint64_t ptr, struct domain *d)
{
    mfn_t m = paddr_to_mfn(ptr);
    struct page *pg;

    if ((ptr & 7) == HV_MMU_MACHPHYS_UPDATE ||
        (ptr & 7) > HV_MMU_PT_UPDATE_NO_TRANSLATE || !mfn_valid(m))
        return NULL;
    pg = page_of(m);
    if (!page_lock(pg))
        return NULL;
    if (likely(pg->owner == d && pgt_type(pg->type) >= PGT_L1 &&
               pgt_type(pg->type) <= PGT_L4))
        return pg;
    page_unlock(pg);
    return NULL;
}

/* Neighbours mostly lie in one table: its lock is held from one to the next. */
int mmu_update_list(struct vcpu *v, struct domain *pt_owner, struct domain *pg_owner,
                    const struct hv_mmu_update *req, unsigned n, unsigned *done)
{
    struct page *pg = NULL;
    char *table = NULL;
    uint64_t key = ~0ull; /* of the locked table: its machine address and the command */
    bool keep_ad = false, l1 = false;
    unsigned i;
    int rc = 0;

    for (i = 0; i < n; i++) {
        uint64_t ptr = req[i].ptr;

        if ((ptr & ~0xff8ull) != key) {
            if (pg)
                page_unlock(pg);
            pg = lock_table(ptr, pt_owner);
            key = pg ? ptr & ~0xff8ull : ~0ull;
            table = pg ? map_mfn(paddr_to_mfn(ptr)) : NULL;
            keep_ad = (ptr & 7) == HV_MMU_PT_UPDATE_PRESERVE_AD;
            l1 = pg && pgt_type(pg->type) == PGT_L1;
        }
        if (likely(l1)) {
            rc = l1_update_inline(pg, (uint64_t *)(table + (ptr & 0xff8)), req[i].val,
                                  pt_owner, pg_owner, keep_ad);
            if (unlikely(rc))
                break;
            continue;
        }
        rc = pg ? pt_entry_update(v->mm, pg, (uint64_t *)(table + (ptr & 0xff8)),
                                  req[i].val, pt_owner, pg_owner, keep_ad)
                : update_other(pt_owner, pg_owner, ptr, req[i].val);
        if (unlikely(rc))
            break;
        if (unlikely(v->mm->undo)) { /* no table is locked while it is settled */
            i++;
            break;
        }
    }
    if (pg)
        page_unlock(pg);
    *done += i;
    return rc;
}

int mmu_update_one(struct vcpu *v, struct domain *pt_owner, struct domain *pg_owner,
                   uint64_t ptr, uint64_t val)
{
    bool keep_ad = (ptr & 7) == HV_MMU_PT_UPDATE_PRESERVE_AD;
    struct page *pg = lock_table(ptr, pt_owner);
    uint64_t *p;
    int rc;

    if (unlikely(!pg))
        return update_other(pt_owner, pg_owner, ptr, val);
    p = (uint64_t *)((char *)map_mfn(paddr_to_mfn(ptr)) + (ptr & 0xff8));
    rc = pt_entry_update(v->mm, pg, p, val, pt_owner, pg_owner, keep_ad);
    page_unlock(pg);
    return rc;
}
