/* SPDX-License-Identifier: MIT */
/* Frames: one struct page each, and the buddy allocator under everything. mm/page.h says
 * what an allocated frame means to a domain. */
#ifndef KERN_PAGE_ALLOC_H
#define KERN_PAGE_ALLOC_H

#include "lib/types.h"

struct domain;

/* What is known of a frame. The table lies at FRAMETABLE_START; outside RAM it is not
 * there, so ask mfn_valid() first. A frame is free (PGC_FREE on the first of its block),
 * the hypervisor's (count 0, no owner), a domain's (count > 0, owner set), or fresh: RAM
 * that was never given out reads as the hypervisor's, all zero, and cannot be written
 * (kern/page_fresh.h). */
struct page {
    union {
        struct {
            _Atomic uint32_t type;  /* mm/page.h: type, state and references */
            _Atomic uint32_t count; /* PGC_* | references */
        };
        _Atomic uint64_t type_count; /* both, count in the upper half */
    };
    uint32_t next, prev; /* kern/page_list.h: owner's page list, or the allocator's */
    union {
        struct domain *owner; /* NULL: the hypervisor's */
        struct {
            uint32_t order, state; /* free block's; PGB_* */
        };
    };
    union {
        struct {
            _Atomic uint32_t
                tlb_stamp; /* tlb_clock() when its last mapping of its last type went */
            uint16_t partial_idx,
                partial_flags; /* mm/pagetype.c: where a preempted validation stopped */
        };
        uint64_t groups; /* of a valid page table: bit i is set if one of entries 8i to
                            8i+7 may be present */
    };
};

_Static_assert(sizeof(struct page) == 32, "one for each frame of the machine");

/* The owner has not given it back; worth one reference. */
#define PGC_ALLOCATED (1u << 31)
#define PGC_HV        (1u << 30) /* the hypervisor's own page, shared with its owner */
#define PGC_FOREIGN   (1u << 29) /* others than its owner have mapped it */
#define PGC_FREE      (1u << 28) /* first page of a free block */
#define PGC_COUNT     (PGC_FREE - 1)

#define PGB_DIRTY     1u /* contents are not known to be zero */
#define PGB_STALE     2u /* TLBs may hold it unless they flushed since tlb_stamp */

struct page_list {
    uint32_t first;
};

extern struct page *const frametable; /* the machine's to define, or a test's */
static inline struct page *page_of(mfn_t m)
{
    return frametable + m.n;
}
static inline mfn_t page_mfn(const struct page *pg)
{
    return (mfn_t){(uint64_t)(pg - frametable)};
}

/* RAM ranges, biggest first, so that mfn_valid() mostly answers at the first. Complete
 * before CPUs start. */
#define PAGE_RANGES_MAX 64
extern struct page_range {
    uint64_t start, frames;
} page_range[PAGE_RANGES_MAX];
extern unsigned page_ranges;
/* Boot: [start, end) is RAM and has frame-table entries. For every RAM range, used or
 * not, before page_alloc_add(). */
void page_add_range(mfn_t start, mfn_t end);
bool mfn_valid_slow(mfn_t m);
static inline bool mfn_valid_first(mfn_t m) /* in the biggest range */
{
    return m.n - page_range[0].start < page_range[0].frames;
}
static inline bool mfn_valid(mfn_t m) /* there is a struct page for it (RAM) */
{
    return likely(mfn_valid_first(m)) || mfn_valid_slow(m);
}

#define MAX_ORDER    18 /* 1 GiB */

#define PAGE_LOW_END (1ull << (32 - PAGE_SHIFT)) /* first frame beyond 4 GiB */

#define PAGE_ZERO    1u /* contents zeroed */
#define PAGE_LOW     2u /* below 4 GiB */

void page_alloc_add(mfn_t start, mfn_t end);      /* boot: this RAM is free */
mfn_t page_alloc(unsigned order, unsigned flags); /* INVALID_MFN when there is none */
mfn_t page_alloc_below(unsigned order, unsigned flags,
                       uint64_t end_mfn); /* all of it below that frame */
void page_free(mfn_t m, unsigned order);
uint64_t page_alloc_free_count(void); /* frames, fresh ones among them */
/* Of the free ones, those left for use when all fresh ones have been opened. */
uint64_t page_alloc_usable_count(void);
/* For the idle loop: zeroes a little of what is free, or takes back what the frame table
 * and the M2P have for frames that are. False when there is nothing to do. */
bool page_alloc_scrub(void);
/* From now on that leaves RAM alone that was never used: it is zeroed as it is given out.
 */
void page_alloc_leave_fresh_dirty(void);
/* Guests come now, and go: idle CPUs leave the tables of what is free as they are, for
 * the next guest. Only who needs a larger block than fits between them has them taken
 * back. */
void page_alloc_keep_open(void);

/* The hypervisor's own pages, by address. Zeroed. */
void *page_alloc_mapped(unsigned order);
void page_free_mapped(void *p, unsigned order);

/* Boot: a large buffer for a while, not zeroed, NULL: there is none. Its frames stay
 * fresh, so that it leaves nothing behind. */
void *page_alloc_buffer(uint64_t bytes);
void page_free_buffer(void *p, uint64_t bytes); /* NULL is fine */

#endif
