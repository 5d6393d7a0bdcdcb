/* SPDX-License-Identifier: MIT */
/*
 * A guest's granted pages. With persistent grants a reference stands for the same page as
 * long as the device is connected: it is mapped when it is first used, and stays. What is
 * not mapped (no persistent grants, or too many of them) is copied by the hypervisor.
 */
#ifndef BLKBACK_PAGES_H
#define BLKBACK_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "hv/door.h"

#define PAGES_MAX_MAPPED 4096U /* 16 MiB */

struct page_map {
    void *addr; /* NULL: a free entry */
    uint64_t index;
    uint32_t ref;
};

struct pages {
    struct door_grants *grants;
    hv_domid_t domid;
    bool persistent;
    unsigned int nr;
    struct page_map *map; /* a hash table of 2 * PAGES_MAX_MAPPED entries */
};

int pages_open(struct pages *p, struct door_grants *grants, hv_domid_t domid,
               bool persistent);
/* Nothing may be using them any more. */
void pages_close(struct pages *p);
/* The page's address; NULL if it is not to be had by mapping: copy. */
void *pages_get(struct pages *p, uint32_t ref);

#endif
