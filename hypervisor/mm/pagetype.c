/* SPDX-License-Identifier: MIT */
/*
 * What a frame is used as.
 *
 * The rule that keeps guests apart: a frame has one type at a time, and is a page table or descriptor page
 * only while no one can write to it except the hypervisor. Types are L1-L4 page table, descriptor page
 * (SEG), and writable; each counts its users: writable mappings, parent entries, base pointers, pins,
 * descriptor-table windows. With a count of 0 the type may change. The first reference checks the contents
 * (page tables: each entry takes its own references, see pt_entry.c), the last one undoes that.
 *
 * States of struct page.type, T being the type:
 *   idle     T, count 0                  may become anything
 *   busy     T, count 1, not VALIDATED   one CPU checks or undoes; others that want T wait, the rest fail
 *   valid    T, count n, VALIDATED
 *   partial  T, count 0, PARTIAL         checked or undone up to partial_idx when it was preempted: entries
 *                                        [0, partial_idx) hold references; with PARTIAL_HALF entry
 *                                        partial_idx holds its frame but no type. Wanting T resumes the
 *                                        check; wanting anything else, or page_settle(), undoes it first.
 * Only the CPU that made a page busy touches partial_idx and partial_flags. Waiting goes from higher levels
 * to lower ones only, so it ends.
 *
 * Stale translations: whoever had a mapping may still have it in a TLB. tlb_stamp says when the last user
 * went; before the next type counts as valid, CPUs of the owner that have not flushed since are flushed.
 *
 * Preemption: L2 to L4 look at softirq_pending() after each entry; an L1 is checked in one go, at most 512
 * entries. Empty entries are skipped eight at a time.
 */
#include "kern/log.h"
#include "kern/softirq.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mm/mm_priv.h"
#include "port/ipi.h"
#include "port/layout.h"
#include "port/map.h"

#define PARTIAL_HALF 1u

static inline bool eight_empty(const uint64_t *e)
{
    return !((e[0] | e[1] | e[2] | e[3] | e[4] | e[5] | e[6] | e[7]) & PTE_P);
}

static void l1_undo(uint64_t *pt, unsigned n, struct domain *d)
{
    for (unsigned i = 0; i < n; i++) {
        if (!(i & 7) && eight_empty(pt + i))
            i += 7;
        else if (pt[i] & PTE_P)
            l1e_put(pt[i], d);
    }
}

static int l1_check(struct page *pg, struct domain *d)
{
    uint64_t *pt = map_mfn(page_mfn(pg));

    for (unsigned i = 0; i < PT_ENTRIES; i++) {
        uint64_t e;
        int rc;

        if (!(i & 7) && eight_empty(pt + i)) {
            i += 7;
            continue;
        }
        e = pt[i];
        if (!(e & PTE_P))
            continue;
        rc = l1e_get(e, d, d);
        if (rc) {
            l1_undo(pt, i, d);
            return rc;
        }
        e = l1e_adjust(e);
        if (e != pt[i])
            pt[i] = e;
    }
    return 0;
}

static void l4_add_hypervisor(uint64_t *pt, struct domain *d)
{
    const uint64_t *master = map_master_l4();

    for (unsigned i = HV_FIRST_SLOT; i <= HV_LAST_SLOT; i++)
        pt[i] = master[i];
    pt[PERDOMAIN_SLOT] = d->mm->window_l4e;
}

static void settle_and_put(struct page *pg)
{
    while (page_settle(pg)) /* each call gets on */
        ;
    page_put(pg);
}

/* Drops what entries [0, partial_idx) hold, from the top. -ERESTART only when may_stop. */
static int table_undo(struct page *pg, unsigned level, bool may_stop)
{
    uint64_t *pt = map_mfn(page_mfn(pg));
    unsigned i = pg->partial_idx;

    if (pg->partial_flags & PARTIAL_HALF) {
        struct page *child = page_of(pte_mfn(pt[i]));

        while (page_settle(child))
            if (may_stop)
                return -ERESTART;
        pg->partial_flags = 0;
        page_put(child);
    }
    while (i-- > 0) {
        if ((i & 7) == 7 && eight_empty(pt + i - 7)) {
            i -= 7;
            continue;
        }
        if (!(pt[i] & PTE_P) || (level == PGT_L4 && i >= HV_FIRST_SLOT && i <= HV_LAST_SLOT))
            continue;
        if (table_entry_put(pt[i], page_mfn(pg))) {
            if (may_stop) {
                pg->partial_idx = i;
                pg->partial_flags = PARTIAL_HALF;
                return -ERESTART;
            }
            settle_and_put(page_of(pte_mfn(pt[i])));
        }
        if (may_stop && i && softirq_pending()) {
            pg->partial_idx = i;
            return -ERESTART;
        }
    }
    pg->partial_idx = 0;
    return 0;
}

/* Takes references for entries from partial_idx on. After an error partial_idx tells what is left. */
static int table_check(struct page *pg, unsigned level, struct domain *d)
{
    uint64_t *pt = map_mfn(page_mfn(pg));
    bool half = pg->partial_flags & PARTIAL_HALF;
    int rc;

    for (unsigned i = pg->partial_idx; i < PT_ENTRIES; i++) {
        if (level == PGT_L4 && i >= HV_FIRST_SLOT && i <= HV_LAST_SLOT) {
            i = HV_LAST_SLOT;
            continue;
        }
        if (!(i & 7) && eight_empty(pt + i)) {
            i += 7;
            continue;
        }
        if (!(pt[i] & PTE_P))
            continue;
        rc = table_entry_get(pt[i], level, d, page_mfn(pg), &half);
        pg->partial_idx = i;
        pg->partial_flags = half ? PARTIAL_HALF : 0;
        if (rc == -ERESTART)
            return rc;
        if (rc) {
            (void)table_undo(pg, level, true);
            return rc;
        }
        if (!(pt[i] & PTE_US))
            pt[i] |= PTE_US;
        if (i + 1 < PT_ENTRIES && softirq_pending()) {
            pg->partial_idx = i + 1;
            return -ERESTART;
        }
    }
    if (level == PGT_L4)
        l4_add_hypervisor(pt, d);
    return 0;
}

static void type_stamp(struct page *pg)
{
    atomic_store_explicit(&pg->tlb_stamp, tlb_clock(), memory_order_relaxed);
}

static bool is_table(unsigned type)
{
    return type >= PGT_L1 && type <= PGT_L4;
}

/* The page is busy as type: undoes what its entries hold and makes it idle or partial. */
static int undo_busy(struct page *pg, unsigned type, bool may_stop)
{
    uint64_t t = (uint64_t)type << PGT_TYPE_SHIFT;
    int rc = 0;

    if (type == PGT_L1)
        l1_undo(map_mfn(page_mfn(pg)), PT_ENTRIES, pg->owner);
    else if (is_table(type))
        rc = table_undo(pg, type, may_stop);
    type_stamp(pg);
    atomic_store_explicit(&pg->type, rc ? t | PGT_PARTIAL : t, memory_order_release);
    return rc;
}

static int settle(struct page *pg, bool may_stop)
{
    uint64_t x = atomic_load_explicit(&pg->type, memory_order_relaxed);

    while (x & PGT_PARTIAL) {
        uint64_t busy = (x & PGT_TYPE) | 1;

        if (atomic_compare_exchange_weak_explicit(&pg->type, &x, busy, memory_order_acquire,
                                                  memory_order_relaxed))
            return undo_busy(pg, pgt_type(x), may_stop);
    }
    return 0;
}

int page_settle(struct page *pg)
{
    return settle(pg, true);
}

/* The page just changed its type, as nobody uses it: no CPU may know it from before. */
static void flush_former_users(struct page *pg)
{
    cpumask_t cpus = dom_dirty_cpus(pg->owner);

    if (cpus)
        cpus = tlb_filter(cpus, pg->tlb_stamp);
    if (cpus)
        tlb_flush_mask(cpus, TLB_ALL);
}

/* The page is busy as type: checks it, and makes it valid, or idle, or partial. */
static int check_busy(struct page *pg, unsigned type)
{
    uint64_t t = (uint64_t)type << PGT_TYPE_SHIFT;
    int rc = 0;

    if (type == PGT_L1)
        rc = l1_check(pg, pg->owner);
    else if (is_table(type))
        rc = table_check(pg, type, pg->owner);
    else if (type == PGT_SEG)
        rc = desc_page_check(pg);
    if (likely(rc == 0)) {
        atomic_fetch_or_explicit(&pg->type, PGT_VALIDATED, memory_order_release);
        return 0;
    }
    if (is_table(type) && type != PGT_L1 && (pg->partial_idx || pg->partial_flags))
        t |= PGT_PARTIAL;
    else if (rc == -ERESTART)
        t |= PGT_PARTIAL;
    type_stamp(pg);
    atomic_store_explicit(&pg->type, t, memory_order_release);
    return rc;
}

/* First reference to an idle or partial page whose type word was x. */
static int first_type(struct page *pg, unsigned type, uint64_t x)
{
    bool changed = pgt_type(x) != type && pgt_type(x) != PGT_NONE;

    if (!(x & PGT_PARTIAL)) {
        pg->partial_idx = 0;
        pg->partial_flags = 0;
    }
    if (changed)
        flush_former_users(pg);
    return check_busy(pg, type);
}

int page_get_type(struct page *pg, unsigned type)
{
    const uint64_t want = (uint64_t)type << PGT_TYPE_SHIFT;
    uint64_t x = atomic_load_explicit(&pg->type, memory_order_relaxed), nx;

    for (;;) {
        if (x & PGT_COUNT) {
            if ((x & PGT_TYPE) != want || (x & PGT_COUNT) == PGT_COUNT)
                return -EINVAL;
            if (unlikely(!(x & PGT_VALIDATED))) {
                cpu_relax();
                x = atomic_load_explicit(&pg->type, memory_order_relaxed);
                continue;
            }
            nx = x + 1;
        } else if (unlikely((x & PGT_PARTIAL) && (x & PGT_TYPE) != want)) {
            int rc = page_settle(pg);

            if (rc)
                return rc;
            x = atomic_load_explicit(&pg->type, memory_order_relaxed);
            continue;
        } else if (x == want && type == PGT_WRITABLE) {
            nx = want | PGT_VALIDATED | 1; /* writable again: nothing to look at */
        } else {
            nx = want | 1;
        }
        if (atomic_compare_exchange_weak_explicit(&pg->type, &x, nx, memory_order_acquire,
                                                  memory_order_relaxed))
            break;
    }
    return likely(nx & PGT_VALIDATED) ? 0 : first_type(pg, type, x);
}

static int put_type(struct page *pg, bool may_stop)
{
    uint64_t x = atomic_load_explicit(&pg->type, memory_order_relaxed), nx;

    for (;;) {
        bool last_of_table = (x & PGT_COUNT) == 1 && is_table(pgt_type(x));

        if (unlikely((x & (PGT_LOCKED | PGT_COUNT)) == (PGT_LOCKED | 2))) {
            /* The locker's own reference must not be left the last one. */
            cpu_relax();
            x = atomic_load_explicit(&pg->type, memory_order_relaxed);
            continue;
        }
        if (last_of_table) {
            nx = x & ~PGT_VALIDATED;
        } else if ((x & PGT_COUNT) == 1) {
            type_stamp(pg);
            nx = x & PGT_TYPE;
        } else {
            nx = x - 1;
        }
        if (!atomic_compare_exchange_weak_explicit(&pg->type, &x, nx, memory_order_acq_rel,
                                                   memory_order_relaxed))
            continue;
        if (!last_of_table)
            return 0;
        pg->partial_idx = PT_ENTRIES;
        pg->partial_flags = 0;
        return undo_busy(pg, pgt_type(x), may_stop);
    }
}

void page_put_type(struct page *pg)
{
    if (put_type(pg, false))
        BUG();
}

int page_put_type_preempt(struct page *pg)
{
    return put_type(pg, true);
}

bool page_lock(struct page *pg)
{
    uint64_t x = atomic_load_explicit(&pg->type, memory_order_relaxed);

    for (;;) {
        if (!(x & PGT_VALIDATED) || !(x & PGT_COUNT))
            return false;
        if (unlikely(x & PGT_LOCKED)) {
            cpu_relax();
            x = atomic_load_explicit(&pg->type, memory_order_relaxed);
            continue;
        }
        if (atomic_compare_exchange_weak_explicit(&pg->type, &x, (x + 1) | PGT_LOCKED, memory_order_acquire,
                                                  memory_order_relaxed))
            return true;
    }
}

void page_unlock(struct page *pg)
{
    atomic_fetch_sub_explicit(&pg->type, PGT_LOCKED + 1, memory_order_release);
}
