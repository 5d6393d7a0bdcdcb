/* SPDX-License-Identifier: MIT */
/*
 * The frame allocator: a binary buddy over the frame table, in two zones (below 4 GiB and
 * above), so that memory for 32-bit devices is not spent on others while there is more.
 * When a zone's blocks are too small, fresh RAM is opened (kern/page_fresh.h).
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
#include "kern/page_fresh.h"
#include "kern/page_list.h"
#include "lib/string.h"
#include "port/ipi.h"
#include "port/layout.h"
#include "port/map.h"

enum { ZONE_LOW, ZONE_HIGH, ZONES };
/* Zeroed in one go: a few microseconds, which a wake-up may wait. */
#define SCRUB_ORDER 4

struct page_range page_range[PAGE_RANGES_MAX];
unsigned page_ranges;

static spinlock_t frames_lock = SPINLOCK_INIT(RANK_FRAMES);
static struct page_list blocks[ZONES][MAX_ORDER + 1];
static uint32_t orders[ZONES]; /* bit o: blocks[][o] is not empty */
static uint64_t free_frames;
static _Atomic uint64_t dirty_frames;
static _Atomic bool may_close; /* something was freed since we looked */
static _Atomic bool keep_open; /* idle CPUs close no sections any more */
static unsigned in_flight;     /* CPUs that hold frames while they flush TLBs */

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
    return mfn < PAGE_LOW_END ? ZONE_LOW : ZONE_HIGH;
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

/* Under frames_lock: a range of frames, whatever its ends, is free. */
static void range_free(uint64_t m, uint64_t end, uint32_t state)
{
    while (m < end) {
        unsigned o = MIN((unsigned)__builtin_ctzll(m), (unsigned)MAX_ORDER);

        while (m + (1ull << o) > end)
            o--;
        block_free(m, o, state, 0);
        m += 1ull << o;
    }
}

/* Under frames_lock, which is released meanwhile: CPUs may know the part from before it
 * was opened, from their own reading of guests' frame numbers, or guests from theirs of
 * the M2P. */
static void part_free(const struct fresh *part)
{
    in_flight++;
    spin_unlock(&frames_lock);
    tlb_flush_mask(cpu_online(), TLB_ALL);
    spin_lock(&frames_lock);
    in_flight--;
    range_free(part->start, part->clean, 0);
    range_free(part->clean, part->end, PGB_DIRTY);
}

/* Under frames_lock: how far from start, a section's, free blocks follow each other. */
static uint64_t free_until(uint64_t start, bool *clean)
{
    uint64_t m = start;

    *clean = true;
    while (m < start + FRESH_SECTION) {
        const struct page *pg = page_of(mk_mfn(m));

        if (!(pg->count & PGC_FREE))
            break;
        *clean &= !(pg->state & PGB_DIRTY);
        m += 1ull << pg->order;
    }
    return m;
}

/* A section that is all free, and is neither that nor fresh for a moment. */
struct closing {
    uint64_t start;
    uint64_t first; /* of the frames that were its part of the tables */
    bool clean;
};

/* Under frames_lock. */
static bool section_take(struct closing *c)
{
    mfn_t from = mk_mfn(c->start), to = mk_mfn(c->start + FRESH_SECTION);

    c->first = free_until(c->start, &c->clean);
    if (c->first >= to.n || !map_frames_own(from, to, mk_mfn(c->first)))
        return false;
    for (uint64_t m = c->start; m < c->first;) {
        struct page *pg = page_of(mk_mfn(m));
        unsigned order = pg->order;

        block_unlink(pg, order);
        pg->count = 0;
        m += 1ull << order;
    }
    map_frames_close(from, to);
    return true;
}

static bool section_find(struct closing *c)
{
    for (unsigned z = 0; z < ZONES; z++) {
        const struct page_list *l = &blocks[z][FRESH_ORDER];
        const struct page *pg;

        page_list_for_each(pg, l)
        {
            c->start = page_mfn(pg).n;
            if (!(c->start % FRESH_SECTION) && section_take(c))
                return true;
        }
    }
    return false;
}

/* Under frames_lock, which is released meanwhile: makes a section fresh again. */
static bool section_close(void)
{
    struct closing c;

    if (!fresh_room() || !section_find(&c))
        return false;
    in_flight++;
    spin_unlock(&frames_lock);
    tlb_flush_mask(cpu_online(), TLB_ALL);
    if (c.clean)
        map_zero(mk_mfn(c.first), c.start + FRESH_SECTION - c.first);
    spin_lock(&frames_lock);
    fresh_add(c.start, c.start + FRESH_SECTION, c.clean);
    in_flight--;
    return true;
}

/* Under frames_lock. */
static struct page *block_or_fresh(unsigned zone, unsigned order, uint64_t end)
{
    uint64_t from = zone == ZONE_LOW ? 0 : PAGE_LOW_END,
             to = zone == ZONE_LOW ? PAGE_LOW_END : ~0ull;
    struct fresh part;
    struct page *pg;

    while (!(pg = block_find(zone, order, end))) {
        if (fresh_open(order, from, to, end, &part)) {
            part_free(&part);   /* another CPU may take it first */
        } else if (in_flight) { /* soon there may be enough */
            spin_unlock(&frames_lock);
            cpu_relax();
            spin_lock(&frames_lock);
        } else if (order <= FRESH_ORDER || !section_close()) {
            break; /* where a section's own part of the tables lies no block goes beyond
                      it, until it is closed */
        }
    }
    return pg;
}

static struct page *block_take(unsigned order, uint64_t end, uint32_t *state,
                               uint32_t *stamp)
{
    struct page *pg = NULL;

    spin_lock(&frames_lock);
    if (end > PAGE_LOW_END)
        pg = block_or_fresh(ZONE_HIGH, order, end);
    if (!pg)
        pg = block_or_fresh(ZONE_LOW, order, end);
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
        end_mfn = MIN(end_mfn, PAGE_LOW_END);
    pg = block_take(order, end_mfn, &state, &stamp);
    if (!pg)
        return INVALID_MFN;
    if (state & PGB_STALE)
        flush_stale(stamp);
    if ((flags & PAGE_ZERO) && (state & PGB_DIRTY))
        map_zero(page_mfn(pg), 1ull << order);
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
    may_close = true;
    spin_unlock(&frames_lock);
}

void page_alloc_keep_open(void)
{
    keep_open = true;
}

/* Under frames_lock. */
static bool close_one(void)
{
    if (in_flight || keep_open || !may_close)
        return false;
    may_close = section_close();
    return may_close;
}

void page_alloc_add(mfn_t start, mfn_t end)
{
    uint64_t m = MAX(start.n, 1ull); /* frame 0 stays unused: 0 means "none" in places */
    bool ok = true;

    if (m >= end.n)
        return;
    if (!mfn_valid(start))
        page_add_range(start, end);
    spin_lock(&frames_lock);
    if (m < PAGE_LOW_END)
        ok = fresh_add(m, MIN(end.n, PAGE_LOW_END), false);
    if (end.n > PAGE_LOW_END)
        ok &= fresh_add(MAX(m, PAGE_LOW_END), end.n, false);
    spin_unlock(&frames_lock);
    if (!ok)
        log_warn("memory: free range %#lx-%#lx is one too many, not used\n",
                 (unsigned long)m, (unsigned long)end.n);
}

uint64_t page_alloc_free_count(void)
{
    return free_frames + fresh_frames;
}

uint64_t page_alloc_usable_count(void)
{
    return free_frames + fresh_usable();
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

static bool leave_fresh;

void page_alloc_leave_fresh_dirty(void)
{
    leave_fresh = true;
}

bool page_alloc_scrub(void)
{
    unsigned order;
    uint32_t state, stamp;
    struct page *pg;

    if (!dirty_frames && (!fresh_dirty || leave_fresh) && (keep_open || !may_close))
        return false;
    if (!spin_trylock(&frames_lock)) /* others need it, or do this already */
        return false;
    pg = dirty_take(&order, &state, &stamp);
    if (!pg) {
        bool some = close_one() || (!leave_fresh && fresh_scrub());

        spin_unlock(&frames_lock);
        return some;
    }
    spin_unlock(&frames_lock);
    if (state & PGB_STALE) /* a stale writable translation could dirty it again */
        flush_stale(stamp);
    map_zero_cold(page_mfn(pg), 1ull << order);
    spin_lock(&frames_lock);
    block_free(page_mfn(pg).n, order, 0, 0);
    may_close = true;
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

void *page_alloc_buffer(uint64_t bytes)
{
    uint64_t m;

    spin_lock(&frames_lock);
    m = fresh_take(ROUND_UP(bytes, PAGE_SIZE) >> PAGE_SHIFT);
    spin_unlock(&frames_lock);
    return m ? map_mfn(mk_mfn(m)) : NULL;
}

void page_free_buffer(void *p, uint64_t bytes)
{
    mfn_t m;

    if (!p)
        return;
    m = map_to_mfn(p);
    page_alloc_add(m, mfn_add(m, ROUND_UP(bytes, PAGE_SIZE) >> PAGE_SHIFT));
}
