/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "blkback/pages.h"

#define TABLE (2 * PAGES_MAX_MAPPED)

int pages_open(struct pages *p, struct door_grants *grants, hv_domid_t domid,
               bool persistent)
{
    *p = (struct pages){.grants = grants, .domid = domid, .persistent = persistent};
    if (!persistent)
        return 0;
    p->map = calloc(TABLE, sizeof(*p->map));
    return p->map ? 0 : -ENOMEM;
}

void pages_close(struct pages *p)
{
    for (unsigned int i = 0; p->map && i < TABLE; i++)
        if (p->map[i].addr)
            door_grant_unmap(p->grants, p->map[i].addr, 1, p->map[i].index);
    free(p->map);
    p->map = NULL;
}

/* The entry of ref, or the free one where it belongs. The table is never full. */
static struct page_map *find(struct pages *p, uint32_t ref)
{
    uint32_t at = ref * 2654435761U % TABLE;

    while (p->map[at].addr && p->map[at].ref != ref)
        at = (at + 1) % TABLE;
    return &p->map[at];
}

void *pages_get(struct pages *p, uint32_t ref)
{
    struct page_map *entry;
    void *addr;

    if (!p->persistent)
        return NULL;
    entry = find(p, ref);
    if (entry->addr)
        return entry->addr;
    if (p->nr == PAGES_MAX_MAPPED ||
        door_grant_map(p->grants, p->domid, &ref, 1, &addr, &entry->index))
        return NULL;
    entry->ref = ref;
    entry->addr = addr;
    p->nr++;
    return addr;
}
