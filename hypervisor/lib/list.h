/* SPDX-License-Identifier: MIT */
/* Doubly linked circular lists; an empty list is a head that points at itself. */
#ifndef LIB_LIST_H
#define LIB_LIST_H

#include "lib/types.h"

struct list_head {
    struct list_head *next, *prev;
};

#define LIST_INIT(name)                                                                  \
    {                                                                                    \
        &(name), &(name)                                                                 \
    }
static inline void list_init(struct list_head *h)
{
    h->next = h->prev = h;
}
static inline bool list_empty(const struct list_head *h)
{
    return h->next == h;
}
static inline void list_insert(struct list_head *n, struct list_head *prev,
                               struct list_head *next)
{
    n->prev = prev;
    n->next = next;
    prev->next = n;
    next->prev = n;
}
static inline void list_add(struct list_head *n, struct list_head *h) /* at the front */
{
    list_insert(n, h, h->next);
}
static inline void list_add_tail(struct list_head *n, struct list_head *h)
{
    list_insert(n, h->prev, h);
}
static inline void list_del(struct list_head *n) /* n is then an empty list */
{
    n->prev->next = n->next;
    n->next->prev = n->prev;
    list_init(n);
}
#define list_entry(p, type, member) container_of(p, type, member)
#define list_for_each(pos, head)                                                         \
    for ((pos) = (head)->next; (pos) != (head); (pos) = (pos)->next)
#define list_for_each_safe(pos, tmp, head)                                               \
    for ((pos) = (head)->next, (tmp) = (pos)->next; (pos) != (head);                     \
         (pos) = (tmp), (tmp) = (pos)->next)
#define list_for_each_entry(e, head, member)                                             \
    for ((e) = list_entry((head)->next, __typeof__(*(e)), member);                       \
         &(e)->member != (head);                                                         \
         (e) = list_entry((e)->member.next, __typeof__(*(e)), member))

#endif
