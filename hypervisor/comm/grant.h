/* SPDX-License-Identifier: MIT */
/* Grant tables v1 and v2: a domain lets another map or copy its frames (public
 * grant_table.h). Typed functions; entries that the guest writes are read once. */
#ifndef COMM_GRANT_H
#define COMM_GRANT_H

#include "abi/grant_table.h"
#include "kern/room.h"
#include "kern/vcpu.h"

struct page;
extern const struct room grant_room;

void grant_map(struct vcpu *v,
               struct hv_gnttab_map_grant_ref *op); /* sets op->status, handle */
/* What an unmapped grant still holds: given back by grant_release() after the TLBs were
 * flushed. Only then does the granter see in its table that the page is its own again. */
struct grant_release {
    struct page *pg; /* NULL: none */
    bool writable;
    struct domain *granter; /* NULL: it stays pinned */
    uint32_t ref;
};
void grant_unmap(struct vcpu *v, struct hv_gnttab_unmap_grant_ref *op, uint64_t new_addr,
                 struct grant_release *r);
void grant_release(const struct grant_release *r);
/* Copies of one call, one after the other. Between them a domain on each side stays
 * looked up and held. */
struct grant_copies {
    struct domain *me;
    struct domain *from, *to; /* others; NULL: none yet */
};
void grant_copy(struct grant_copies *c, struct hv_gnttab_copy *op);
void grant_copies_end(struct grant_copies *c);

/* frames: as many shall there be at least. 0, -ENOSPC beyond the limit, -ENOMEM. */
int grant_grow(struct domain *d, unsigned frames);
unsigned grant_frames(const struct domain *d);
unsigned grant_max_frames(const struct domain *d);
unsigned grant_max_status_frames(const struct domain *d); /* that go with them */
unsigned grant_version(const struct domain *d);
int grant_set_version(struct domain *d,
                      unsigned version);                  /* -EBUSY: entries are in use */
int grant_swap(struct domain *d, uint32_t a, uint32_t b); /* HV_GNTST_* */
/* For setup_table, get_status_frames, add_to_physmap and acquire_resource; grows the
 * table when allowed. */
int grant_get_frame(struct domain *d, unsigned idx, bool status, mfn_t *out);

#endif
