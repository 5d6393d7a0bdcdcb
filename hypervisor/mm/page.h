/* SPDX-License-Identifier: MIT */
/* Who owns a frame, how often it is referenced, and what type it has.
 *
 * count: existence references and the owner; type: what the frame is used as (L1-L4 page
 * table, segment descriptor page, writable) with a reference count; a frame has one type
 * at a time, a type is validated when the first reference is taken. pagetype.c tells the
 * model. */
#ifndef MM_PAGE_H
#define MM_PAGE_H

#include "abi/memory.h"
#include "kern/domain.h"
#include "kern/page_alloc.h"
#include "kern/vcpu.h"
#include "lib/types.h"

#define PGT_NONE      0u
#define PGT_L1        1u
#define PGT_L2        2u
#define PGT_L3        3u
#define PGT_L4        4u
#define PGT_SEG       5u
#define PGT_SHARED_RO 6u /* hypervisor's, guest may only read */
#define PGT_WRITABLE  7u

/* struct page.type is: the type above << 29, state bits, and the number of references. */
#define PGT_TYPE_SHIFT 29
#define PGT_TYPE       (7u << PGT_TYPE_SHIFT)
#define PGT_PINNED     (1u << 28) /* by MMUEXT_PIN_*: worth one reference */
#define PGT_VALIDATED                                                                    \
    (1u << 27) /* contents were checked; count > 0 without it: being worked on */
#define PGT_PARTIAL (1u << 26) /* count 0, but its first entries hold references */
#define PGT_LOCKED  (1u << 25) /* its entries are being changed */
#define PGT_COUNT   (PGT_LOCKED - 1)
#define PGT_MAX     (PGT_COUNT - 1) /* for users: one is left for who locks the page */
static inline unsigned pgt_type(uint32_t t)
{
    return t >> PGT_TYPE_SHIFT;
}

/* Reference counting. get: only if d owns it (false otherwise, also while it dies). */
bool page_get(struct page *pg, const struct domain *d);
bool page_get_any(struct page *pg); /* whoever owns it, as long as somebody does */
void page_put(struct page *pg);
/* Needs a reference. 0, -EINVAL: in use as something else or contents bad, -ERESTART:
 * preempted, call again */
int page_get_type(struct page *pg, unsigned type);
void page_put_type(struct page *pg);
/* As page_put_type, but may stop: -ERESTART, the type reference is gone, then call
 * page_settle() while it answers -ERESTART before the page (still referenced) is used
 * otherwise. */
int must_check page_put_type_preempt(struct page *pg);
int must_check
page_settle(struct page *pg); /* finishes what a preempted validation left behind */
/* A validated page of some type, for changing entries. The lock keeps page and type
 * alive. */
bool page_lock(struct page *pg);
void page_unlock(struct page *pg);
bool page_get_and_type(struct page *pg, const struct domain *d, unsigned type);
void page_put_and_type(struct page *pg);

/* Memory of a domain. */
int must_check dom_page_alloc(struct domain *d, unsigned order, unsigned flags,
                              struct page **out);
/* A free block becomes d's: of zeros, unless d is privileged. */
int must_check dom_page_assign(struct domain *d, struct page *pg, unsigned order);
int must_check dom_page_give_back(
    struct domain *d, struct page *pg); /* ... a stolen page, with what it holds */
/* All zero since d was given it, and whatever it has been used for since. */
static inline bool page_never_written(const struct page *pg, const struct domain *d)
{
    return !d->privileged && !atomic_load_explicit(&pg->type, memory_order_acquire);
}
/* All of it below 2^bits bytes; 0: anywhere. */
int must_check dom_page_alloc_bits(struct domain *d, unsigned order, unsigned bits,
                                   struct page **out);
/* From d, when nobody but the caller (one page_get) refers to it; -EBUSY otherwise. It is
 * then the hypervisor's, as page_alloc() would give it. */
int must_check dom_page_steal(struct domain *d, struct page *pg);
bool dom_page_drop(
    struct page *pg); /* clears "allocated": frees it when the last reference goes */
void page_share_with_guest(struct page *pg, struct domain *d,
                           bool writable); /* a hypervisor page */
void page_free_shared(
    void *p); /* frees such a page, shared or no longer; when the domain goes */
cpumask_t
dom_dirty_cpus(const struct domain *d); /* CPUs whose TLB may hold something of d */
uint64_t dom_tot_pages(const struct domain *d);
uint64_t dom_max_pages(const struct domain *d);
int dom_set_max_pages(struct domain *d, uint64_t n);
uint64_t dom_shared_pages(const struct domain *d);
int dom_get_memlist(struct domain *d, uint64_t start, uint64_t max,
                    uint64_t *mfns); /* count filled or -errno */

/* Owners that are not guests: DOMID_IO (device memory) and DOMID_XEN (hypervisor's shared
 * pages). */
extern struct domain *dom_io, *dom_xen;

void m2p_set(mfn_t m, gfn_t g);
void m2p_set_block(mfn_t m, gfn_t g, uint64_t n); /* m, g and what follows them */
gfn_t m2p_get(mfn_t m);
/* The table's own memory in pieces of 2 MiB: the first frame of one, INVALID_MFN if it
 * tells of no RAM or is still in single pages, which may_gather puts an end to. */
uint64_t m2p_pieces(void);
mfn_t m2p_piece(uint64_t piece, bool may_gather);

/* The E820 map that tools give a domain: takes over the array (heap). get: the count, up
 * to max copied. */
void dom_set_e820(struct domain *d, struct hv_e820entry *map, unsigned n);
unsigned dom_get_e820(struct domain *d, struct hv_e820entry *map, unsigned max);
/* The domain gives a frame back: -EINVAL, or -ERESTART. Preparing does what may take long
 * and leaves the frame there. */
int must_check dom_page_prepare_remove(struct domain *d, mfn_t m);
int must_check dom_page_remove(struct domain *d, mfn_t m);

extern const struct room mm_room;
void mm_init(void); /* after page_alloc has memory: frame table, dom_io, dom_xen */

#endif
