/* SPDX-License-Identifier: MIT */
/*
 * Giving up privileges: xentoolcore_restrict_all(), which a device model calls, must
 * reach our connections as it reaches those of Xen's library. Where that library is not
 * in the process nobody can call it, and nothing is registered.
 */
#ifndef LIB_RESTRICT_H
#define LIB_RESTRICT_H

#include <stdint.h>

/* Laid out as libxentoolcore expects it; the links are its own. */
struct restrict_handle {
    int (*restrict_callback)(struct restrict_handle *r, uint16_t domid);
    void *links[2];
};

void restrict_register(struct restrict_handle *r);
void restrict_deregister(struct restrict_handle *r);

#endif
