/* SPDX-License-Identifier: MIT */
/* What backends have done for guests' disks and interfaces: counters of hvblkd and of the
 * kernel's block and network backends. */
#ifndef DOM_USAGE_H
#define DOM_USAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/xen.h"

enum dom_device { DOM_DISK, DOM_NET };

/* In: what the guest has read or received; out: what it has written or sent. */
struct dom_traffic {
    uint64_t in_ops, out_ops; /* requests; packets */
    uint64_t in_bytes, out_bytes;
};

struct dom_usage {
    enum dom_device kind;
    hv_domid_t domid;
    unsigned int devid;
    struct dom_traffic traffic;
};

/*
 * All devices there are, in no order; root is "" but for tests. Free *out. Returns 0 or a
 * negative errno value.
 */
int dom_usage_read(const char *root, struct dom_usage **out, unsigned int *nr);
/* The sum of one domain's devices of a kind. */
struct dom_traffic dom_usage_sum(const struct dom_usage *list, unsigned int nr,
                                 enum dom_device kind, hv_domid_t domid);

#endif
