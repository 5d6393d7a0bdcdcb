/* SPDX-License-Identifier: MIT */
/*
 * Pages that stay granted as long as there is a back end (persistent grants): data are
 * copied to and from them, so that the other end need map each of them only once.
 */
#ifndef PV_FRONT_KEPT_H
#define PV_FRONT_KEPT_H

#include "port.h"

#define KEPT_MAX 512U /* 2 MiB */

struct kept {
    struct kept_page {
        char *page;
        uint32_t ref;
    } of[KEPT_MAX];
    uint16_t free[KEPT_MAX]; /* a stack: what was used last is used next */
    unsigned int nr, nr_free;
};

/* The number of a page that is granted to dom, or a negative errno: none is to be had. */
int kept_take(struct kept *k, uint16_t dom);
void kept_put(struct kept *k, uint32_t n);
/* Takes back all of them but those that the other end still has mapped; may be called
 * again for these. */
void kept_end(struct kept *k);
/* Those stay granted, and out of use. */
void kept_forget(struct kept *k);

#endif
