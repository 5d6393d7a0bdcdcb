/* SPDX-License-Identifier: MIT */
/* What a machine owes the core: from where on the addresses in page-table entries that
 * are not present are harmless, for CPUs that read ahead through them (L1 Terminal Fault;
 * Xen's pv-l1tf). */
#ifndef PORT_L1TF_H
#define PORT_L1TF_H

#include "lib/types.h"

/* That address; 0: the domain's entries need not be looked at. The same answer from boot
 * to end. */
uint64_t l1tf_safe_address(bool control_domain);

#endif
