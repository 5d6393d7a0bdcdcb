/* SPDX-License-Identifier: MIT */
/*
 * The frame allocator: a binary buddy over the frame table, in two zones (below 4 GiB and
 * above), so that memory for 32-bit devices is not spent on others while there is more.
 *
 * Invariants: a free block of order o is aligned to 2^o frames and lies in one RAM range;
 * only its first page carries PGC_FREE and the order; two free buddies of the same
 * cleanness are never left unmerged. Free blocks remember whether their contents are zero
 * (PGB_DIRTY) and whether some TLB may still hold a translation to them (PGB_STALE, since
 * tlb_stamp): zeroing and flushing happen when a block is taken, and only when they are
 * needed. Lists hold clean blocks in front, dirty ones behind.
 *
 * Lock: frames_lock (RANK_FRAMES) covers lists, counters and the struct page of free
 * blocks.
 */
#include "kern/page_alloc.h"
#include "kern/lock.h"
#include "kern/log.h"
#include "kern/page_list.h"
#include "lib/string.h"
#include "port/ipi.h"
#include "port/layout.h"
#include "port/map.h"

enum { ZONE_LOW, ZONE_HIGH, ZONES };
#define LOW_END     (1ull << (32 - PAGE_SHIFT))
#define SCRUB_ORDER 9 /* zeroed in one go */

struct page_range page_range[PAGE_RANGES_MAX];
unsigned page_ranges;

static spinlock_t frames_lock = SPINLOCK_INIT(RANK_FRAMES);
static struct page_list blocks[ZONES][MAX_ORDER + 1];
static uint32_t orders[ZONES]; /* bit o: blocks[][o] is not empty */
static uint64_t free_frames, total_frames;
static _Atomic uint64_t dirty_frames;

void page_add_range(mfn_t start, mfn_t end)
{
    struct page_range r = {start.n, end.n - start.n};
    unsigned i = page_ranges;

    if (start.n >= end.n)
        return;
    if (page_ranges == PAGE_RANGES_MAX) {
        log_warn("memory: range %#lx-%#lx is one too many, not used\n",
                 (unsigned long)start.n, (unsigned long)end.n);
        return;
    }
    for (; i > 0 && page_range[i - 1].frames < r.frames; i--)
        page_range[i] = page_range[i - 1];
    page_range[i] = r;
    page_ranges++;
}

bool mfn_valid_slow(mfn_t m)
{
    for (unsigned i = 1; i < page_ranges; i++)
        if (m.n - page_range[i].start < page_range[i].frames)
            return true;
    return false;
}

static unsigned zone_of(uint64_t mfn)
{
    return mfn < LOW_END ? ZONE_LOW : ZONE_HIGH;
}

static void block_unlink(struct page *pg, unsigned order)
{
    unsigned z = zone_of(page_mfn(pg).n);

    page_list_del(&blocks[z][order], pg);
    if (page_list_empty(&blocks[z][order]))
        orders[z] &= ~(1u << order);
    if (pg->state & PGB_DIRTY)
        dirty_frames -= 1ull << order;
    free_frames -= 1ull << order;
}

static void block_link(struct page *pg, unsigned order, uint32_t state, uint32_t stamp)
{
    unsigned z = zone_of(page_mfn(pg).n);

    pg->order = order;
    pg->state = state;
    pg->tlb_stamp = stamp;
    pg->count = PGC_FREE;
    if (state & PGB_DIRTY) {
        dirty_frames += 1ull << order;
        page_list_add_tail(&blocks[z][order], pg);
    } else {
        page_list_add(&blocks[z][order], pg);
    }
    orders[z] |= 1u << order;
    free_frames += 1ull << order;
}

/* A stamp that is safe for both: the later one; 0 (unknown) wins over all. */
static uint32_t later_stamp(uint32_t a_state, uint32_t a, uint32_t b_state, uint32_t b)
{
    if (!(a_state & PGB_STALE))
        return b;
    if (!(b_state & PGB_STALE))
        return a;
    if (a == 0 || b == 0)
        return 0;
    return (int32_t)(a - b) > 0 ? a : b;
}

/* Under frames_lock: puts a block back, merged with its free buddies. */
static void block_free(uint64_t mfn, unsigned order, uint32_t state, uint32_t stamp)
{
    for (; order < MAX_ORDER; order++) {
        uint64_t other = mfn ^ (1ull << order);
        struct page *b;
        uint32_t b_state;

        if (!mfn_valid(mk_mfn(other)))
            break;
        b = page_of(mk_mfn(other));
        b_state = b->state;
        if (!(b->count & PGC_FREE) || b->order != order ||
            ((b_state ^ state) & PGB_DIRTY))
            break;
        block_unlink(b, order);
        stamp = later_stamp(state, stamp, b_state, b->tlb_stamp);
        state |= b_state & PGB_STALE;
        b->count = 0;
        b->owner = NULL;
        mfn &= ~(1ull << order);
    }
    block_link(page_of(mk_mfn(mfn)), order, state, stamp);
}

/* Under frames_lock: cuts the unlinked block pg down to order and gives back the upper
 * halves. */
static void block_cut(struct page *pg, unsigned have, unsigned order, uint32_t state,
                      uint32_t stamp)
{
    while (have > order) {
        have--;
        block_link(pg + (1ull << have), have, state, stamp);
    }
}

static struct page *first_below(const struct page_list *l, unsigned order, uint64_t end)
{
    struct page *pg;

    page_list_for_each(pg, l) if (page_mfn(pg).n + (1ull << order) <= end) return pg;
    return NULL;
}

/* Under frames_lock: the smallest block that has room for order frames below end; a clean
 * one, if there is any, before all dirty ones: zeroing is for idle CPUs. */
static struct page *block_find(unsigned zone, unsigned order, uint64_t end)
{
    uint32_t left = orders[zone] & ~((1u << order) - 1);
    struct page *dirty = NULL;

    for (; left; left &= left - 1) {
        struct page *pg = first_below(&blocks[zone][__builtin_ctz(left)], order, end);

        if (pg && !(pg->state & PGB_DIRTY))
            return pg;
        dirty = dirty ? dirty : pg;
    }
    return dirty;
}

static struct page *block_take(unsigned order, uint64_t end, uint32_t *state,
                               uint32_t *stamp)
{
    struct page *pg = NULL;

    spin_lock(&frames_lock);
    if (end > LOW_END)
        pg = block_find(ZONE_HIGH, order, end);
    if (!pg)
        pg = block_find(ZONE_LOW, order, end);
    if (pg) {
        unsigned have = pg->order;

        *state = pg->state;
        *stamp = pg->tlb_stamp;
        block_unlink(pg, have);
        block_cut(pg, have, order, *state, *stamp);
        pg->count = 0;
        pg->owner = NULL;
    }
    spin_unlock(&frames_lock);
    return pg;
}

static void flush_stale(uint32_t stamp)
{
    cpumask_t cpus = tlb_filter(cpu_online(), stamp);

    if (cpus)
        tlb_flush_mask(cpus, TLB_ALL);
}

mfn_t page_alloc_below(unsigned order, unsigned flags, uint64_t end_mfn)
{
    uint32_t state, stamp;
    struct page *pg;

    if (order > MAX_ORDER)
        return INVALID_MFN;
    if (flags & PAGE_LOW)
        end_mfn = MIN(end_mfn, LOW_END);
    pg = block_take(order, end_mfn, &state, &stamp);
    if (!pg)
        return INVALID_MFN;
    if (state & PGB_STALE)
        flush_stale(stamp);
    if ((flags & PAGE_ZERO) && (state & PGB_DIRTY))
        memset(map_mfn(page_mfn(pg)), 0, PAGE_SIZE << order);
    return page_mfn(pg);
}

mfn_t page_alloc(unsigned order, unsigned flags)
{
    return page_alloc_below(order, flags, ~0ull);
}

void page_free(mfn_t m, unsigned order)
{
    struct page *pg = page_of(m);
    uint32_t now = tlb_clock();

    ASSERT(mfn_valid(m) && !(m.n & ((1ull << order) - 1)));
    ASSERT(pg->count == 0);
    spin_lock(&frames_lock);
    block_free(m.n, order, PGB_DIRTY | PGB_STALE, now);
    spin_unlock(&frames_lock);
}

void page_alloc_add(mfn_t start, mfn_t end)
{
    uint64_t m = MAX(start.n, 1ull); /* frame 0 stays unused: 0 means "none" in places */

    if (start.n < end.n && !mfn_valid(start))
        page_add_range(start, end);
    spin_lock(&frames_lock);
    while (m < end.n) {
        unsigned o = MIN((unsigned)__builtin_ctzll(m), (unsigned)MAX_ORDER);

        while (m + (1ull << o) > end.n)
            o--;
        block_free(m, o, PGB_DIRTY, 0);
        total_frames += 1ull << o;
        m += 1ull << o;
    }
    spin_unlock(&frames_lock);
}

uint64_t page_alloc_free_count(void)
{
    return free_frames;
}

uint64_t page_alloc_total_count(void)
{
    return total_frames;
}

/* Under frames_lock: a dirty block, unlinked and cut to at most SCRUB_ORDER. The smallest
 * goes first: large ones stay whole, and what one was cut into is clean and merged again
 * before the next is touched. */
static struct page *dirty_take(unsigned *order, uint32_t *state, uint32_t *stamp)
{
    for (unsigned z = 0; z < ZONES; z++) {
        for (unsigned o = 0; o <= MAX_ORDER; o++) {
            struct page *pg;

            if (!(orders[z] & (1u << o)))
                continue;
            pg = page_list_last(&blocks[z][o]);
            if (!(pg->state & PGB_DIRTY))
                continue;
            *state = pg->state;
            *stamp = pg->tlb_stamp;
            *order = MIN(o, (unsigned)SCRUB_ORDER);
            block_unlink(pg, o);
            block_cut(pg, o, *order, *state, *stamp);
            pg->count = 0;
            pg->owner = NULL;
            return pg;
        }
    }
    return NULL;
}

bool page_alloc_scrub(void)
{
    unsigned order;
    uint32_t state, stamp;
    struct page *pg;

    if (!dirty_frames)
        return false;
    spin_lock(&frames_lock);
    pg = dirty_take(&order, &state, &stamp);
    spin_unlock(&frames_lock);
    if (!pg)
        return false;
    if (state & PGB_STALE) /* a stale writable translation could dirty it again */
        flush_stale(stamp);
    memset(map_mfn(page_mfn(pg)), 0, PAGE_SIZE << order);
    spin_lock(&frames_lock);
    block_free(page_mfn(pg).n, order, 0, 0);
    spin_unlock(&frames_lock);
    return true;
}

void *page_alloc_mapped(unsigned order)
{
    mfn_t m = page_alloc(order, PAGE_ZERO);

    return mfn_eq(m, INVALID_MFN) ? NULL : map_mfn(m);
}

void page_free_mapped(void *p, unsigned order)
{
    if (p)
        page_free(map_to_mfn(p), order);
}
