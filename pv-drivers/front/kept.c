/* SPDX-License-Identifier: MIT */
/* See kept.h. */
#include <errno.h>
#include "kept.h"

int kept_take(struct kept *k, uint16_t dom)
{
    struct kept_page *p = &k->of[k->nr];
    int ref;

    if (k->nr_free)
        return k->free[--k->nr_free];
    if (k->nr == KEPT_MAX)
        return -ENOSPC;
    p->page = front_pages(1);
    if (!p->page)
        return -ENOMEM;
    /* Written to by the other end at one time and read at another. */
    ref = front_grant(dom, p->page, false);
    if (ref < 0) {
        front_pages_free(p->page, 1);
        return ref;
    }
    p->ref = (uint32_t)ref;
    return (int)k->nr++;
}

void kept_put(struct kept *k, uint32_t n)
{
    k->free[k->nr_free++] = (uint16_t)n;
}

void kept_end(struct kept *k)
{
    unsigned int left = 0;

    for (unsigned int i = 0; i < k->nr; i++) {
        if (front_revoke(k->of[i].ref))
            k->of[left++] = k->of[i];
        else
            front_pages_free(k->of[i].page, 1);
    }
    k->nr = left;
    k->nr_free = 0;
}

void kept_forget(struct kept *k)
{
    k->nr = 0;
}
