/* SPDX-License-Identifier: MIT */
/* Grant tables v1 and v2: a domain lets another map or copy its frames. Typed functions; entries that the guest
 * writes are read once. */
#ifndef COMM_GRANT_H
#define COMM_GRANT_H

#include "abi/grant_table.h"
#include "kern/vcpu.h"

extern const struct room grant_room;
struct hv_gnttab_map_grant_ref;
struct hv_gnttab_unmap_grant_ref;

void grant_map(struct vcpu *v, struct hv_gnttab_map_grant_ref *op);     /* sets op->status */
void grant_unmap(struct vcpu *v, struct hv_gnttab_unmap_grant_ref *op, uint64_t new_addr);
void grant_copy(struct vcpu *v, struct hv_gnttab_copy *op);
int grant_setup_table(struct domain *d, unsigned frames);
mfn_t grant_shared_frame(struct domain *d, unsigned idx);   /* INVALID_MFN when there is none */
mfn_t grant_status_frame(struct domain *d, unsigned idx);
/* For add_to_physmap / acquire_resource: grows the table up to idx when allowed. */
int grant_get_frame(struct domain *d, unsigned idx, bool status, mfn_t *out);
int grant_set_limits(struct domain *d, unsigned max_frames, unsigned max_maptrack);

#endif
