/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fake_door.h"

uint8_t (*fake_page)[PAGE_SIZE];
bool fake_granted[FAKE_PAGES];
unsigned int fake_mapped;

void fake_open(void)
{
    if (!fake_page)
        fake_page = aligned_alloc(PAGE_SIZE, FAKE_PAGES * PAGE_SIZE);
    memset(fake_page, 0, FAKE_PAGES * PAGE_SIZE);
    memset(fake_granted, true, sizeof(fake_granted));
    fake_mapped = 0;
}

int door_grant_map(struct door_grants *gr, hv_domid_t domid, const uint32_t *refs,
                   size_t nr, void **out, uint64_t *index)
{
    for (size_t i = 0; i < nr; i++)
        if (refs[i] >= FAKE_PAGES || !fake_granted[refs[i]] || refs[i] != refs[0] + i)
            return -EINVAL;
    *out = fake_page[refs[0]];
    *index = refs[0];
    fake_mapped += (unsigned int)nr;
    return 0;
}

void door_grant_unmap(struct door_grants *gr, void *addr, size_t nr, uint64_t index)
{
    fake_mapped -= (unsigned int)nr;
}

uint8_t *fake_granted_page(uint32_t ref, bool write)
{
    return ref < FAKE_PAGES && fake_granted[ref] ? fake_page[ref] : NULL;
}
