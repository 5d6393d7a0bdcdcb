/* SPDX-License-Identifier: MIT */
/* The hypervisor's copy, and memory for it, for those who know where a guest's pages are.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "fake_door.h"

static int copy(const struct door_copy *pieces, size_t nr, bool to_guest)
{
    for (size_t i = 0; i < nr; i++) {
        const struct door_copy *p = &pieces[i];
        uint8_t *page = fake_granted_page(p->ref, to_guest);

        if (!page || p->offset + p->len > (int)PAGE_SIZE)
            return -EFAULT;
        page += p->offset;
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
