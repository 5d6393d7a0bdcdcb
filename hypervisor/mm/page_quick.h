/* SPDX-License-Identifier: MIT */
/* The common cases of page.h's functions, in line, for what is done very often. */
#ifndef MM_PAGE_QUICK_H
#define MM_PAGE_QUICK_H

#include "mm/page.h"

/* The count is neither 0 nor at its end. */
static inline bool page_more_users(uint32_t count)
{
    return (count + 1) & PGC_COUNT & ~1u;
}
/* Another user is there already, and remains. */
static inline bool page_get_fast(struct page *pg, const struct domain *d)
{
    uint32_t x = atomic_load_explicit(&pg->count, memory_order_relaxed);

    if (likely(page_more_users(x)) &&
        likely(atomic_compare_exchange_strong_explicit(
            &pg->count, &x, x + 1, memory_order_acquire, memory_order_relaxed))) {
        if (likely(pg->owner == d && d->dying == DOM_ALIVE))
            return true;
        page_put(pg);
        return false;
    }
    return page_get(pg, d);
}
/* False: nothing was done, page_put() has to. */
static inline bool page_try_put(struct page *pg)
{
    uint32_t x = atomic_load_explicit(&pg->count, memory_order_relaxed);

    return likely((x & PGC_COUNT) >= 2) &&
           likely(atomic_compare_exchange_strong_explicit(
               &pg->count, &x, x - 1, memory_order_acq_rel, memory_order_relaxed));
}
static inline void page_put_fast(struct page *pg)
{
    if (unlikely(!page_try_put(pg)))
        page_put(pg);
}
#define PGT_WRITABLE_VALID (PGT_WRITABLE << PGT_TYPE_SHIFT | PGT_VALIDATED)
static inline bool page_try_get_writable(struct page *pg) /* false: nothing was done */
{
    uint32_t x = atomic_load_explicit(&pg->type, memory_order_relaxed);

    return likely(x - PGT_WRITABLE_VALID - 1 < PGT_MAX - 1) &&
           likely(atomic_compare_exchange_strong_explicit(
               &pg->type, &x, x + 1, memory_order_acquire, memory_order_relaxed));
}
/* A reference to a page of d that has another user, and one to its type, which is
 * writable or becomes that without a look at anything. False: nothing was done. */
static inline bool page_try_get_and_writable(struct page *pg, const struct domain *d)
{
    uint64_t x = atomic_load_explicit(&pg->type_count, memory_order_relaxed);
    uint32_t type = (uint32_t)x, count = (uint32_t)(x >> 32);

    if (type == PGT_NONE || type == PGT_WRITABLE << PGT_TYPE_SHIFT)
        type = PGT_WRITABLE_VALID;
    else if (unlikely(type - PGT_WRITABLE_VALID - 1 >= PGT_MAX - 1))
        return false;
    if (unlikely(!page_more_users(count)) ||
        unlikely(!atomic_compare_exchange_strong_explicit(
            &pg->type_count, &x, (uint64_t)(count + 1) << 32 | (type + 1),
            memory_order_acquire, memory_order_relaxed)))
        return false;
    if (likely(pg->owner == d && d->dying == DOM_ALIVE))
        return true;
    page_put_and_type(pg);
    return false;
}
static inline int page_get_writable(struct page *pg)
{
    return likely(page_try_get_writable(pg)) ? 0 : page_get_type(pg, PGT_WRITABLE);
}
static inline bool page_try_put_writable(struct page *pg) /* false: as above */
{
    uint32_t x = atomic_load_explicit(&pg->type, memory_order_relaxed);

    /* Neither the last one, nor locked. */
    return likely(x - PGT_WRITABLE_VALID - 2 <= PGT_MAX - 2) &&
           likely(atomic_compare_exchange_strong_explicit(
               &pg->type, &x, x - 1, memory_order_acq_rel, memory_order_relaxed));
}
static inline void page_put_writable(struct page *pg)
{
    if (unlikely(!page_try_put_writable(pg)))
        page_put_type(pg);
}

#endif
