/* SPDX-License-Identifier: MIT */
/* References as functions take them that neither call nor return (port/upcall.h): what is
 * not had at once is left to the long way, with whatever has to be put back there. */
#ifndef MM_QUICK_H
#define MM_QUICK_H

#include "mm/mm_priv.h"

/* The long way gives the reference back, before it does anything else. */
static inline bool quick_undo(struct page *pg)
{
    cpu_current()->mm->undo = pg;
    return false;
}

/* A reference to a page of d, the caller's domain, if it is not the first. */
static inline bool quick_take(struct page *pg, const struct domain *d)
{
    uint32_t x = atomic_load_explicit(&pg->count, memory_order_relaxed);

    if (unlikely(!page_more_users(x)) ||
        unlikely(!atomic_compare_exchange_strong_explicit(
            &pg->count, &x, x + 1, memory_order_acquire, memory_order_relaxed)))
        return false;
    if (likely(pg->owner == d && d->dying == DOM_ALIVE))
        return true;
    return quick_undo(pg);
}

#endif
