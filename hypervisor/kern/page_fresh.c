/* SPDX-License-Identifier: MIT */
/*
 * RAM that is not in use, nor known frame by frame: ranges, opened from their lower end
 * in sections, so that what is left stays in one piece. The frames behind a section's
 * part of the frame table and of the M2P are its last ones; they have no owner.
 *
 * Lock: frames_lock of page_alloc.c.
 */
#include "kern/page_fresh.h"
#include "kern/page_alloc.h"
#include "lib/string.h"
#include "port/map.h"

#define RANGES_MAX   128
#define SCRUB_FRAMES 8u /* zeroed in one go, with the lock held */

static struct fresh ranges[RANGES_MAX];
static unsigned count;
uint64_t fresh_frames, fresh_dirty;

static void recount(void)
{
    uint64_t frames = 0, dirty = 0;

    for (unsigned i = 0; i < count;) {
        struct fresh *r = &ranges[i];

        if (r->start == r->end) {
            *r = ranges[--count];
            continue;
        }
        r->clean = MAX(MIN(r->clean, r->end), r->start);
        frames += r->end - r->start;
        dirty += r->end - r->clean;
        i++;
    }
    fresh_frames = frames;
    fresh_dirty = dirty;
}

bool fresh_add(uint64_t start, uint64_t end, bool clean)
{
    struct fresh *below = NULL, *above = NULL, new = {start, clean ? end : start, end};

    for (unsigned i = 0; i < count; i++) {
        if (ranges[i].end == start && start != PAGE_LOW_END)
            below = &ranges[i];
        if (ranges[i].start == end && end != PAGE_LOW_END)
            above = &ranges[i];
    }
    if (!below && !above && count == RANGES_MAX)
        return false;
    if (above) {
        new.clean = clean ? above->clean : start;
        new.end = above->end;
        above->end = above->start;
    }
    if (below) {
        if (below->clean == below->end)
            below->clean = new.clean;
        below->end = new.end;
    } else if (above) {
        *above = new;
    } else {
        ranges[count++] = new;
    }
    recount();
    return true;
}

bool fresh_room(void)
{
    return count < RANGES_MAX;
}

/* Where the part of r ends that would be opened; 0: it has no such block. *cost: how many
 * of its last frames that takes. */
static uint64_t part_end(const struct fresh *r, unsigned order, uint64_t end,
                         uint64_t *cost)
{
    uint64_t size = 1ull << order, block_end = ROUND_UP(r->start, size) + size,
             e = MAX(r->start + 1, block_end);

    if (block_end > MIN(r->end, end))
        return 0;
    for (;; e++) {
        e = MIN(ROUND_UP(e, FRESH_SECTION), r->end);
        *cost = map_frames_cost(mk_mfn(r->start), mk_mfn(e));
        if (e - r->start >= *cost && e - *cost >= block_end)
            return e;
        if (e == r->end)
            return 0;
    }
}

bool fresh_open(unsigned order, uint64_t from, uint64_t to, uint64_t end,
                struct fresh *part)
{
    uint64_t size = 1ull << order, cost = 0, e = 0;
    struct fresh *best = NULL;

    for (unsigned i = 0; i < count; i++) { /* the highest: low memory is for devices */
        struct fresh *r = &ranges[i];
        uint64_t c, r_end;

        if (r->start < from || r->start >= to || (best && r->start < best->start))
            continue;
        r_end = part_end(r, order, end, &c);
        if (!r_end) {
            if (!order && r->start < end) /* too small for its own bookkeeping */
                r->end = r->start;
            continue;
        }
        best = r;
        e = r_end;
        cost = c;
    }
    if (!best) {
        recount();
        return false;
    }
    map_frames_open(mk_mfn(best->start), mk_mfn(e), mk_mfn(e - cost));
    *part = (struct fresh){best->start, MIN(best->clean, e - cost), e - cost};
    /* What is asked for is one block, all of it clean or not. */
    if (part->clean < ROUND_UP(part->start, size) + size)
        part->clean = MIN(part->clean, ROUND_UP(part->start, size));
    best->start = e;
    recount();
    return true;
}

uint64_t fresh_take(uint64_t frames)
{
    for (unsigned i = 0; i < count; i++) {
        uint64_t start = ranges[i].start;

        if (ranges[i].end - start < frames)
            continue;
        ranges[i].start += frames;
        recount();
        return start;
    }
    return 0;
}

bool fresh_scrub(void)
{
    for (unsigned i = 0; i < count; i++) {
        struct fresh *r = &ranges[i];
        uint64_t n = MIN(r->end - r->clean, (uint64_t)SCRUB_FRAMES);

        if (!n)
            continue;
        map_zero_cold(mk_mfn(r->clean), n);
        r->clean += n;
        recount();
        return true;
    }
    return false;
}

uint64_t fresh_usable(void)
{
    uint64_t usable = 0;

    for (unsigned i = 0; i < count; i++) {
        uint64_t n = ranges[i].end - ranges[i].start,
                 cost = map_frames_cost(mk_mfn(ranges[i].start), mk_mfn(ranges[i].end));

        usable += n - MIN(n, cost);
    }
    return usable;
}
