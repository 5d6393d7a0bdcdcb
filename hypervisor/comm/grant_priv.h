/* SPDX-License-Identifier: MIT */
/* Furniture of the grant room.
 *
 * An entry in the shared page belongs to the guest that grants. Beside it the hypervisor
 * keeps an `active` entry, which counts who uses it (pins), and the frame as it was when
 * first used: while it is pinned, what the guest writes into the shared entry changes
 * nothing. The reading/writing bits in the shared entry (v2: in the status page) are on
 * exactly while there is a pin.
 *
 * Lock: grant_domain.lock of the granting domain for active entries, of the mapping
 * domain for its maptrack; never two at a time. A pin keeps an active entry as it is; the
 * page is kept by the mapping's own reference. */
#ifndef COMM_GRANT_PRIV_H
#define COMM_GRANT_PRIV_H

#include "comm/grant.h"

struct grant_active {
    mfn_t frame;
    uint32_t read_pins, write_pins; /* write pins count as reading too */
    domid_t grantee;
    uint16_t start, length; /* v2 sub-page; 0, PAGE_SIZE otherwise */
};

struct grant_track { /* one mapping that a domain holds */
    uint32_t ref;    /* free entries: the next free one */
    domid_t granter;
    uint8_t flags; /* HV_GNTMAP_* of those below 256; 0: free */
};

#define GRANT_V1_PER_PAGE     (PAGE_SIZE / sizeof(struct hv_grant_entry_v1))
#define GRANT_V2_PER_PAGE     (PAGE_SIZE / sizeof(union hv_grant_entry_v2))
#define GRANT_STATUS_PER_PAGE (PAGE_SIZE / sizeof(uint16_t))
#define TRACKS_PER_PAGE       (PAGE_SIZE / sizeof(struct grant_track))
#define ACTIVE_PER_PAGE       (PAGE_SIZE / sizeof(struct grant_active))

struct grant_domain {
    spinlock_t lock;
    unsigned version, max_version;
    unsigned frames, max_frames, statuses;
    void **shared;                /* frames of max_frames */
    uint16_t **status;            /* v2 */
    struct grant_active **active; /* pages, NULL until one of its entries is pinned */
    unsigned max_active;
    struct grant_track **track; /* pages; NULL until something is mapped */
    unsigned track_pages, max_track_pages;
    uint32_t track_free; /* ~0: none */
};

static inline uint32_t grant_entries(const struct grant_domain *g)
{
    return (uint32_t)(g->frames *
                      (g->version == 1 ? GRANT_V1_PER_PAGE : GRANT_V2_PER_PAGE));
}
/* NULL: it was never pinned. */
static inline struct grant_active *grant_active(const struct grant_domain *g,
                                                uint32_t ref)
{
    struct grant_active *page = g->active[ref / ACTIVE_PER_PAGE];

    return page ? page + ref % ACTIVE_PER_PAGE : NULL;
}
static inline bool grant_pinned(const struct grant_domain *g, uint32_t ref)
{
    const struct grant_active *a = grant_active(g, ref);

    return a && a->read_pins;
}

static inline struct hv_grant_entry_v1 *grant_entry_v1(const struct grant_domain *g,
                                                       uint32_t ref)
{
    return (struct hv_grant_entry_v1 *)g->shared[ref / GRANT_V1_PER_PAGE] +
           ref % GRANT_V1_PER_PAGE;
}
static inline uint16_t grant_in_use(bool write) /* the bits that say so to the guest */
{
    return HV_GTF_READING | (write ? HV_GTF_WRITING : 0);
}

/* grant_entry.c, with the granter's lock. A pin for grantee: 0 and the active entry, or
 * HV_GNTST_*. copy: sub-page grants will do. */
int grant_pin(struct domain *granter, uint32_t ref, domid_t grantee, bool write,
              bool copy, struct grant_active **out);
void grant_unpin(struct domain *granter, struct grant_active *a, uint32_t ref,
                 bool write);
/* grant.c. The domain dies: what it had mapped is no longer in use. Its page-table
 * entries give the pages back. */
int grant_drop_mappings(struct domain *d);

#endif
