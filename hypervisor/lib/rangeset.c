/* SPDX-License-Identifier: MIT */
/*
 * Sets of numbers as a sorted list of ranges that neither overlap nor touch, so that
 * "has" looks at one range only. What can fail (a new node) is allocated before the list
 * is changed.
 */
#include "lib/alloc.h"
#include "lib/errno.h"
#include "lib/list.h"
#include "lib/rangeset.h"

struct range {
    struct list_head list;
    unsigned long first, last; /* inclusive */
};

struct rangeset {
    struct list_head ranges;
};

struct rangeset *rangeset_new(void)
{
    struct rangeset *r = lib_alloc(sizeof(*r));

    if (r)
        list_init(&r->ranges);
    return r;
}

static void drop(struct range *x)
{
    list_del(&x->list);
    lib_free(x);
}

void rangeset_free(struct rangeset *r)
{
    struct list_head *p, *tmp;

    if (!r)
        return;
    list_for_each_safe(p, tmp, &r->ranges) drop(list_entry(p, struct range, list));
    lib_free(r);
}

/* The first range that ends at or behind n, or NULL. */
static struct range *find(const struct rangeset *r, unsigned long n)
{
    struct list_head *p;

    list_for_each(p, &r->ranges) if (list_entry(p, struct range, list)->last >=
                                     n) return list_entry(p, struct range, list);
    return NULL;
}

static struct range *next_of(const struct rangeset *r, const struct range *x)
{
    return x->list.next == &r->ranges ? NULL
                                      : list_entry(x->list.next, struct range, list);
}

static int insert_before(struct rangeset *r, struct range *at, unsigned long first,
                         unsigned long last)
{
    struct range *x = lib_alloc(sizeof(*x));

    if (!x)
        return -ENOMEM;
    x->first = first;
    x->last = last;
    list_add_tail(&x->list, at ? &at->list : &r->ranges);
    return 0;
}

int rangeset_add(struct rangeset *r, unsigned long first, unsigned long last)
{
    /* A range that ends just before the new one is merged as well. */
    struct range *x, *n;

    if (first > last)
        return -EINVAL;
    x = find(r, first ? first - 1 : 0);
    if (!x || (last != ~0ul && x->first > last + 1))
        return insert_before(r, x, first, last);
    x->first = MIN(x->first, first);
    x->last = MAX(x->last, last);
    while ((n = next_of(r, x)) && (x->last == ~0ul || n->first <= x->last + 1)) {
        x->last = MAX(x->last, n->last);
        drop(n);
    }
    return 0;
}

int rangeset_remove(struct rangeset *r, unsigned long first, unsigned long last)
{
    struct range *x, *n;
    int rc;

    if (first > last)
        return -EINVAL;
    x = find(r, first);
    if (x && x->first < first && x->last > last) { /* a hole: one range becomes two */
        rc = insert_before(r, x, x->first, first - 1);
        if (!rc)
            x->first = last + 1;
        return rc;
    }
    for (; x && x->first <= last; x = n) {
        n = next_of(r, x);
        if (x->first < first) {
            x->last = first - 1;
        } else if (x->last > last) {
            x->first = last + 1;
        } else {
            drop(x);
        }
    }
    return 0;
}

bool rangeset_has(const struct rangeset *r, unsigned long first, unsigned long last)
{
    const struct range *x = find(r, first);

    return first <= last && x && x->first <= first && x->last >= last;
}

bool rangeset_empty(const struct rangeset *r)
{
    return list_empty(&r->ranges);
}

int rangeset_each(const struct rangeset *r,
                  int (*fn)(void *arg, unsigned long first, unsigned long last),
                  void *arg)
{
    struct range *x;
    int rc = 0;

    list_for_each_entry(x, &r->ranges, list)
    {
        rc = fn(arg, x->first, x->last);
        if (rc)
            break;
    }
    return rc;
}
