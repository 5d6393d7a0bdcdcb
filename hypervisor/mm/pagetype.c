/* SPDX-License-Identifier: MIT */
/*
 * What a frame is used as.
 *
 * The rule that keeps guests apart: a frame has one type at a time, and is a page table
 * or descriptor page only while no one can write to it except the hypervisor. Types are
 * L1-L4 page table, descriptor page (SEG), and writable; each counts its users: writable
 * mappings, parent entries, base pointers, pins, descriptor-table windows. With a count
 * of 0 the type may change. The first reference checks the contents (page tables: each
 * entry takes its own references, see pt_entry.c), the last one undoes that.
 *
 * States of struct page.type, T being the type:
 *   idle     T, count 0                  may become anything
 *   busy     T, count 1, not VALIDATED   one CPU checks or undoes; others that want T
 * wait, the rest fail valid    T, count n, VALIDATED partial  T, count 0, PARTIAL checked
 * or undone up to partial_idx when it was preempted: entries [0, partial_idx) hold
 * references; with PARTIAL_HALF entry partial_idx holds its frame but no type. Wanting T
 * resumes the check, page_settle() undoes it; until then it is nothing else. Only the CPU
 * that made a page busy touches partial_idx and partial_flags. A partial page comes from
 * a hypercall that the guest goes on with before it does anything else, or never, if it
 * is up to no good: then it stays so until the page or the domain goes.
 *
 * Waiting (for a busy page, or for the lock of a page whose last but one reference shall
 * go) happens from higher levels to lower ones only, and nobody waits for a lock with
 * another in hand, so it ends.
 *
 * Stale translations: whoever had a mapping may still have it in a TLB. tlb_stamp says
 * when the last user went; before the next type counts as valid, CPUs of the owner (all
 * CPUs, if others had the page mapped) that have not flushed since are flushed.
 *
 * Preemption: L2 to L4 look at softirq_pending() after each entry whose table was not
 * checked or used before; an L1 is checked in one go, at most 512 entries. Empty entries
 * are skipped 32 at a time, and a valid table knows in struct page.groups which groups of
 * eight to look at when it is undone; the word lies where partial_idx and the stamp are
 * in other states.
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

#define GROUPS       (PT_ENTRIES / 8)
#define ALL_GROUPS   (~0ull)

static inline uint64_t or_eight(const uint64_t *e)
{
    return e[0] | e[1] | e[2] | e[3] | e[4] | e[5] | e[6] | e[7];
}

/* The groups of eight entries that have one to look at, from the given group on: a
 * present one, or one with an address, if those of others matter. Most tables are nearly
 * empty. */
static uint64_t groups_used(const uint64_t *pt, unsigned from, const struct domain *d)
{
    uint64_t found = 0, bits = d->mm->l1tf_last ? PTE_P | PTE_FRAME : PTE_P;

    for (unsigned n = from & ~3u; n < GROUPS; n += 4) {
        const uint64_t *e = pt + 8 * n;

        if (likely(
                !((or_eight(e) | or_eight(e + 8) | or_eight(e + 16) | or_eight(e + 24)) &
                  bits)))
            continue;
        for (unsigned i = 0; i < 4; i++)
            found |= (uint64_t)((or_eight(e + 8 * i) & bits) != 0) << (n + i);
    }
    return found & (ALL_GROUPS << from);
}

/* Entries [0, n), of which only those in the groups given may be present. */
static void l1_undo(uint64_t *pt, uint64_t groups, unsigned n, struct domain *d)
{
    for (; groups; groups &= groups - 1) {
        unsigned first = 8 * (unsigned)__builtin_ctzll(groups);

        for (unsigned i = first; i < first + 8 && i < n; i++)
            if (pt[i] & PTE_P)
                l1e_put(pt[i], d);
    }
}

static int l1_check(struct page *pg, struct domain *d, uint64_t *groups)
{
    uint64_t *pt = map_mfn(page_mfn(pg));

    *groups = groups_used(pt, 0, d);
    for (uint64_t left = *groups; left; left &= left - 1) {
        unsigned first = 8 * (unsigned)__builtin_ctzll(left);

        for (unsigned i = first; i < first + 8; i++) {
            uint64_t e = pt[i], adjusted = l1e_adjust(e);
            int rc;

            if (!(e & PTE_P) && likely(!l1tf_vulnerable(e, d)))
                continue;
            rc = e & PTE_P ? l1e_get(e, d, d) : l1tf_refuse(e, PGT_L1, d);
            if (unlikely(rc)) {
                l1_undo(pt, *groups, i, d);
                return rc;
            }
            if (e != adjusted)
                pt[i] = adjusted;
        }
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

/* The groups of a table that are the guest's. */
static uint64_t guest_groups(unsigned level)
{
    _Static_assert(HV_FIRST_SLOT % 8 == 0 && HV_LAST_SLOT - HV_FIRST_SLOT == 15,
                   "the hypervisor has two groups of an L4");
    return level == PGT_L4 ? ~(3ull << HV_FIRST_SLOT / 8) : ALL_GROUPS;
}

/* References to a table that others refer to as well, as tables of a kernel's half are.
 * False: table_entry_get() has to, with *half. */
static inline bool entry_get_quick(uint64_t e, unsigned level, struct domain *d,
                                   mfn_t self, bool *half)
{
    struct page *pg = page_of(pte_mfn(e));

    if (unlikely(e & PTE_TABLE_BAD) || unlikely(mfn_eq(pte_mfn(e), self)) ||
        unlikely(!mfn_valid_first(pte_mfn(e))) || unlikely(*half) ||
        unlikely(!page_get_fast(pg, d)))
        return false;
    *half = !table_try_get(pg, level - 1);
    return likely(!*half);
}

/* Puts them if there are more; false: table_entry_put() has to. */
static inline bool entry_put_quick(uint64_t e, mfn_t self)
{
    struct page *pg = page_of(pte_mfn(e));

    if (unlikely(mfn_eq(pte_mfn(e), self)) || !table_try_put(pg))
        return false;
    page_put_fast(pg);
    return true;
}

/* Drops what entries [0, partial_idx) hold, from the top; present ones lie in the groups
 * given. -ERESTART only when may_stop. */
static int table_undo(struct page *pg, unsigned level, uint64_t groups, bool may_stop)
{
    mfn_t self = page_mfn(pg);
    uint64_t *pt = map_mfn(self);
    unsigned end = pg->partial_idx;

    if (pg->partial_flags & PARTIAL_HALF) {
        struct page *child = page_of(pte_mfn(pt[end]));

        while (page_settle(child))
            if (may_stop)
                return -ERESTART;
        pg->partial_flags = 0;
        page_put(child);
    }
    groups &= guest_groups(level);
    while (groups) {
        unsigned n = 63 - (unsigned)__builtin_clzll(groups), i = MIN(8 * n + 8, end);

        groups &= ~(1ull << n);
        while (i-- > 8 * n) {
            if (!(pt[i] & PTE_P) || entry_put_quick(pt[i], self))
                continue;
            if (table_entry_put(pt[i], self)) {
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
    }
    pg->partial_idx = 0;
    return 0;
}

/* Takes references for entries from partial_idx on. After an error partial_idx tells what
 * is left. */
static int table_check(struct page *pg, unsigned level, struct domain *d,
                       uint64_t *groups)
{
    mfn_t self = page_mfn(pg);
    uint64_t *pt = map_mfn(self), left;
    unsigned start = pg->partial_idx;
    bool half = pg->partial_flags & PARTIAL_HALF;
    int rc;

    left = groups_used(pt, start / 8, d) & guest_groups(level);
    *groups = left | ((1ull << start / 8) -
                      1); /* what an earlier round found is not known any more */
    for (; left; left &= left - 1) {
        unsigned first = 8 * (unsigned)__builtin_ctzll(left);

        for (unsigned i = MAX(first, start); i < first + 8; i++) {
            bool quick;

            if (!(pt[i] & PTE_P) && likely(!l1tf_vulnerable(pt[i], d)))
                continue;
            quick = (pt[i] & PTE_P) && entry_get_quick(pt[i], level, d, self, &half);
            rc = likely(quick) ? 0 : table_entry_get(pt[i], level, d, self, &half);
            if (level == PGT_L4 && !quick && mfn_eq(pte_mfn(pt[i]), self))
                *groups |= GROUP_SELF;
            if (unlikely(rc)) {
                pg->partial_idx = i;
                pg->partial_flags = half ? PARTIAL_HALF : 0;
                if (rc != -ERESTART) /* may stop, and leave the page partial */
                    (void)table_undo(pg, level, *groups, true);
                return rc;
            }
            if (!(pt[i] & PTE_US))
                pt[i] |= PTE_US;
            if (!quick && i + 1 < PT_ENTRIES && softirq_pending()) {
                pg->partial_idx = i + 1;
                pg->partial_flags = 0;
                return -ERESTART;
            }
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
static int undo_busy(struct page *pg, unsigned type, uint64_t groups, bool may_stop)
{
    uint32_t t = type << PGT_TYPE_SHIFT;
    int rc = 0;

    if (type == PGT_L4)
        isolate_l4_gone(pg);
    if (type == PGT_L1)
        l1_undo(map_mfn(page_mfn(pg)), groups, PT_ENTRIES, pg->owner);
    else if (is_table(type))
        rc = table_undo(pg, type, groups, may_stop);
    type_stamp(pg);
    atomic_store_explicit(&pg->type, rc ? t | PGT_PARTIAL : t, memory_order_release);
    return rc;
}

static int settle(struct page *pg, bool may_stop)
{
    uint32_t x = atomic_load_explicit(&pg->type, memory_order_relaxed);

    while (x & PGT_PARTIAL) {
        uint32_t busy = (x & PGT_TYPE) | 1;

        if (atomic_compare_exchange_weak_explicit(
                &pg->type, &x, busy, memory_order_acquire, memory_order_relaxed))
            return undo_busy(pg, pgt_type(x), ALL_GROUPS, may_stop);
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
    cpumask_t cpus = pg->count & PGC_FOREIGN ? cpu_online() : dom_dirty_cpus(pg->owner);

    if (cpus)
        cpus = tlb_filter(cpus, pg->tlb_stamp);
    if (cpus)
        tlb_flush_mask(cpus, TLB_ALL);
}

/* The page is busy as type: checks it, and makes it valid, or idle, or partial. */
static int check_busy(struct page *pg, unsigned type)
{
    uint32_t t = type << PGT_TYPE_SHIFT;
    uint64_t groups = 0;
    int rc = 0;

    if (type == PGT_L1)
        rc = l1_check(pg, pg->owner, &groups);
    else if (is_table(type))
        rc = table_check(pg, type, pg->owner, &groups);
    else if (type == PGT_SEG)
        rc = desc_page_check(pg);
    if (likely(rc == 0)) {
        if (is_table(type))
            pg->groups = groups;
        atomic_fetch_or_explicit(&pg->type, PGT_VALIDATED, memory_order_release);
        return 0;
    }
    /* An L1 has undone itself: what interrupted it was another page that had to be
     * settled. */
    if (is_table(type) && type != PGT_L1 && (pg->partial_idx || pg->partial_flags))
        t |= PGT_PARTIAL;
    type_stamp(pg);
    atomic_store_explicit(&pg->type, t, memory_order_release);
    return rc;
}

/* First reference to an idle or partial page whose type word was x. */
static int first_type(struct page *pg, unsigned type, uint32_t x)
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

/* Another CPU is checking the page. It may be waiting for this one to flush its TLB,
 * which an interrupt does not do here if a selector is being loaded: interrupts are off.
 */
static void wait_for_check(void)
{
    ipi_serve();
    cpu_relax();
}

int page_get_type(struct page *pg, unsigned type)
{
    const uint32_t want = type << PGT_TYPE_SHIFT;
    uint32_t x = atomic_load_explicit(&pg->type, memory_order_relaxed), nx;

    for (;;) {
        if (x & PGT_COUNT) {
            if ((x & PGT_TYPE) != want || (x & PGT_COUNT) >= PGT_MAX)
                return -EINVAL;
            if (unlikely(!(x & PGT_VALIDATED))) {
                wait_for_check();
                x = atomic_load_explicit(&pg->type, memory_order_relaxed);
                continue;
            }
            nx = x + 1;
        } else if (unlikely((x & PGT_PARTIAL) && (x & PGT_TYPE) != want)) {
            return -EINVAL; /* settling it here could wait for a page lock that the caller
                               holds */
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
    uint32_t x = atomic_load_explicit(&pg->type, memory_order_relaxed), nx;
    uint64_t groups;

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
        if (!atomic_compare_exchange_weak_explicit(
                &pg->type, &x, nx, memory_order_acq_rel, memory_order_relaxed))
            continue;
        if (!last_of_table)
            return 0;
        groups = pg->groups; /* lies where the next two do */
        pg->partial_idx = PT_ENTRIES;
        pg->partial_flags = 0;
        return undo_busy(pg, pgt_type(x), groups, may_stop);
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
    uint32_t x = atomic_load_explicit(&pg->type, memory_order_relaxed);

    for (;;) {
        if (!(x & PGT_VALIDATED) || !(x & PGT_COUNT))
            return false;
        if (unlikely(x & PGT_LOCKED)) {
            cpu_relax();
            x = atomic_load_explicit(&pg->type, memory_order_relaxed);
            continue;
        }
        if (atomic_compare_exchange_weak_explicit(&pg->type, &x, (x + 1) | PGT_LOCKED,
                                                  memory_order_acquire,
                                                  memory_order_relaxed))
            return true;
    }
}

void page_unlock(struct page *pg)
{
    atomic_fetch_sub_explicit(&pg->type, PGT_LOCKED + 1, memory_order_release);
}
