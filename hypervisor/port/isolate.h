/* SPDX-License-Identifier: MIT */
/* What a machine owes the core: guests' tables without the hypervisor's memory in them,
 * for CPUs that read ahead of what page rights forbid (Meltdown; Xen's XPTI).
 *
 * While an isolated vCPU runs guest code, its CPU has one of two level-4 tables of its
 * own loaded, one for the guest's kernel mode and one for its user mode. Their slots 256
 * to 271 hold what entry code needs, the M2P that guests may read and the per-domain
 * slot; the others are copies of the guest's, which mm keeps true (mm/isolate.c). Entry
 * code loads the guest's own table, which has the whole hypervisor, before it does
 * anything else. */
#ifndef PORT_ISOLATE_H
#define PORT_ISOLATE_H

#include "lib/types.h"

bool isolate_wanted(bool control_domain); /* the same answer from boot to end */
/* The machine fills slots 256 to 271 but for the per-domain's. NULL: none for that CPU.
 */
uint64_t *isolate_l4(unsigned cpu, bool user);

#endif
