/* SPDX-License-Identifier: MIT */
/* Who owns a frame, how often it is referenced, and what type it has.
 *
 * count: existence references and the owner; type: what the frame is used as (L1-L4 page table, segment
 * descriptor page, writable) with a reference count; a frame has one type at a time, a type is validated when
 * the first reference is taken. pagetype.c tells the model. */
#ifndef MM_PAGE_H
#define MM_PAGE_H

#include "kern/domain.h"
#include "kern/vcpu.h"
#include "lib/list.h"
#include "lib/types.h"

struct page {
    struct list_head list;       /* owner's page list, or the allocator's */
    _Atomic uint64_t count;      /* PGC_* | references */
    _Atomic uint64_t type;       /* PGT_* | references */
    union {
        struct domain *owner;    /* NULL: the hypervisor's */
        uint32_t order;          /* free block's */
    };
    _Atomic uint32_t tlb_stamp;  /* tlb_clock() when it was last unmapped from writable */
    uint16_t partial_idx, partial_flags; /* pagetype.c: where a preempted validation stopped */
};

extern struct page *const frametable; /* at FRAMETABLE_START, holes unmapped */
bool mfn_valid(mfn_t m);              /* there is a struct page for it (RAM) */
static inline struct page *page_of(mfn_t m)
{
    return frametable + m.n;
}
static inline mfn_t page_mfn(const struct page *pg)
{
    return mk_mfn((uint64_t)(pg - frametable));
}

#define PGT_NONE 0ull
#define PGT_L1 1ull
#define PGT_L2 2ull
#define PGT_L3 3ull
#define PGT_L4 4ull
#define PGT_SEG 5ull
#define PGT_WRITABLE 7ull
#define PGT_SHARED_RO 8ull  /* hypervisor's, guest may only read */

/* Reference counting. get: only if d owns it (false otherwise, also while it dies). */
bool page_get(struct page *pg, const struct domain *d);
bool page_get_any(struct page *pg);          /* whoever owns it, as long as somebody does */
void page_put(struct page *pg);
int page_get_type(struct page *pg, unsigned type);  /* 0, -EINVAL: in use as something else, -ERESTART */
void page_put_type(struct page *pg);
bool page_get_and_type(struct page *pg, const struct domain *d, unsigned type);
void page_put_and_type(struct page *pg);

/* Memory of a domain. */
int must_check dom_page_alloc(struct domain *d, unsigned order, unsigned flags, struct page **out);
int must_check dom_page_assign(struct domain *d, struct page *pg, unsigned order); /* a free block becomes d's */
int must_check dom_page_steal(struct domain *d, struct page *pg); /* from d, when nobody else refers to it */
bool dom_page_drop(struct page *pg);  /* clears "allocated": frees it when the last reference goes */
void page_share_with_guest(struct page *pg, struct domain *d, bool writable); /* a hypervisor page */
uint64_t dom_tot_pages(const struct domain *d);
uint64_t dom_max_pages(const struct domain *d);
int dom_set_max_pages(struct domain *d, uint64_t n);
uint64_t dom_shared_pages(const struct domain *d);
int dom_get_memlist(struct domain *d, uint64_t start, uint64_t max, uint64_t *mfns); /* count filled or -errno */

/* Owners that are not guests: DOMID_IO (device memory) and DOMID_XEN (hypervisor's shared pages). */
extern struct domain *dom_io, *dom_xen;

void m2p_set(mfn_t m, gfn_t g);
gfn_t m2p_get(mfn_t m);

extern const struct room mm_room;
void mm_init(void); /* after page_alloc has memory: frame table, dom_io, dom_xen */

#endif
