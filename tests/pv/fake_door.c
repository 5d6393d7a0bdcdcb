/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

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

static int copy(const struct door_copy *pieces, size_t nr, bool to_guest)
{
    for (size_t i = 0; i < nr; i++) {
        const struct door_copy *p = &pieces[i];
        uint8_t *page;

        if (p->ref >= FAKE_PAGES || !fake_granted[p->ref] ||
            p->offset + p->len > (int)PAGE_SIZE)
            return -EFAULT;
        page = fake_page[p->ref] + p->offset;
        memcpy(to_guest ? page : p->local, to_guest ? p->local : page, p->len);
    }
    return 0;
}

int door_grant_copy_from(struct door_grants *gr, hv_domid_t domid,
                         const struct door_copy *pieces, size_t nr)
{
    return copy(pieces, nr, false);
}

int door_grant_copy_to(struct door_grants *gr, hv_domid_t domid,
                       const struct door_copy *pieces, size_t nr)
{
    return copy(pieces, nr, true);
}

void *door_grants_pages(struct door_grants *gr, size_t nr)
{
    void *at = mmap(NULL, nr * PAGE_SIZE, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return at == MAP_FAILED ? NULL : at;
}
