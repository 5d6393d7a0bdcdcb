/* SPDX-License-Identifier: MIT */
/* References as functions take them that neither call nor return (port/upcall.h): what is
 * not had at once is left to the long way, with whatever has to be put back there. */
#ifndef MM_QUICK_H
#define MM_QUICK_H

#include "mm/mm_priv.h"

#define PAGE_TYPED_REF (1ull << 32 | 1) /* in type_count: one of both */

/* The long way gives the reference back, before it does anything else. */
static inline bool quick_undo(struct page *pg)
{
    cpu_current()->mm->undo = pg;
    return false;
}

/* A reference to a page of d, the caller's domain, if it is not the first. Nobody dies
 * while a vCPU of its runs: domain_kill() waits for them first. */
static inline bool quick_take(struct page *pg, const struct domain *d)
{
    uint64_t x = atomic_load_explicit(&pg->type_count, memory_order_relaxed);

    if (unlikely(!page_more_users((uint32_t)(x >> 32))) ||
        unlikely(!atomic_compare_exchange_strong_explicit(
            &pg->type_count, &x, x + (1ull << 32), memory_order_acquire,
            memory_order_relaxed)))
        return false;
    if (likely(pg->owner == d))
        return true;
    return quick_undo(pg);
}

/* The same, and one to its type, which is writable and not the first. */
static inline bool quick_take_writable(struct page *pg, const struct domain *d)
{
    uint64_t x = atomic_load_explicit(&pg->type_count, memory_order_relaxed);

    /* Who holds a type holds the page. At its end a count runs into PGC_FREE. */
    if (unlikely((uint32_t)x - PGT_WRITABLE_VALID - 1 >= PGT_MAX - 1) ||
        unlikely((x + PAGE_TYPED_REF) & (uint64_t)PGC_FREE << 32) ||
        unlikely(!atomic_compare_exchange_strong_explicit(
            &pg->type_count, &x, x + PAGE_TYPED_REF, memory_order_acquire,
            memory_order_relaxed)))
        return false;
    if (likely(pg->owner == d))
        return true;
    cpu_current()->mm->undo_typed = true;
    return quick_undo(pg);
}

#endif
