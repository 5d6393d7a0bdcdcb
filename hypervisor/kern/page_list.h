/* SPDX-License-Identifier: MIT */
/* Lists of frames: rings linked by frame numbers through struct page, half as large as
 * pointers. A list's head is its first frame, 0 when it is empty; frame 0 is in no list.
 * A frame is in one list at most. */
#ifndef KERN_PAGE_LIST_H
#define KERN_PAGE_LIST_H

#include "kern/page_alloc.h"

static inline uint32_t page_index(const struct page *pg)
{
    return (uint32_t)(pg - frametable);
}
static inline bool page_list_empty(const struct page_list *l)
{
    return !l->first;
}
static inline struct page *page_list_first(const struct page_list *l) /* NULL: empty */
{
    return l->first ? frametable + l->first : NULL;
}
static inline struct page *page_list_last(const struct page_list *l)
{
    return l->first ? frametable + frametable[l->first].prev : NULL;
}
static inline struct page *page_list_next(const struct page_list *l,
                                          const struct page *pg) /* NULL: was the last */
{
    return pg->next == l->first ? NULL : frametable + pg->next;
}
static inline void page_list_add_tail(struct page_list *l, struct page *pg)
{
    uint32_t n = page_index(pg), first = l->first ? l->first : n,
             last = l->first ? frametable[first].prev : n;

    pg->next = first;
    pg->prev = last;
    frametable[first].prev = frametable[last].next = n;
    l->first = first;
}
/* n frames that follow each other. */
static inline void page_list_add_tail_block(struct page_list *l, struct page *pg,
                                            uint64_t n)
{
    uint32_t from = page_index(pg), to = from + (uint32_t)n - 1,
             first = l->first ? l->first : from,
             last = l->first ? frametable[first].prev : to;

#pragma GCC unroll 8
    for (uint64_t i = 0; i < n; i++) {
        pg[i].prev = from + (uint32_t)i - 1;
        pg[i].next = from + (uint32_t)i + 1;
    }
    pg[0].prev = last;
    pg[n - 1].next = first;
    frametable[last].next = from;
    frametable[first].prev = to;
    l->first = first;
}
static inline void page_list_add(struct page_list *l, struct page *pg) /* at the front */
{
    page_list_add_tail(l, pg);
    l->first = page_index(pg);
}
static inline void page_list_del(struct page_list *l, struct page *pg)
{
    uint32_t n = page_index(pg);

    if (l->first == n)
        l->first = pg->next == n ? 0 : pg->next;
    frametable[pg->prev].next = pg->next;
    frametable[pg->next].prev = pg->prev;
}
static inline struct page *page_list_take(struct page_list *l) /* NULL: empty */
{
    struct page *pg = page_list_first(l);

    if (pg)
        page_list_del(l, pg);
    return pg;
}
#define page_list_for_each(pg, l)                                                        \
    for ((pg) = page_list_first(l); (pg); (pg) = page_list_next(l, pg))

#endif
