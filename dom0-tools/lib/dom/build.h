/* SPDX-License-Identifier: MIT */
/* Filling a new, paused domain with a kernel, so that it can be unpaused. */
#ifndef DOM_BUILD_H
#define DOM_BUILD_H

#include "dom/config.h"
#include "hv/door.h"

struct dom_progress {
    /* what: a short word; done of all in any unit. May be NULL. */
    void (*report)(void *ctx, const char *what, uint64_t done, uint64_t all);
    void *ctx;
};

/* What XenStore must learn of a built domain. */
struct dom_built {
    uint64_t store_mfn, console_mfn;
    uint32_t store_port, console_port;
    char ostype[32];
};

int dom_build_pv(struct door *door, hv_domid_t domid, const struct dom_config *cfg,
                 const struct dom_progress *progress, struct dom_built *out,
                 struct dom_error *err);

#endif
