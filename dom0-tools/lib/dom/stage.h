/* SPDX-License-Identifier: MIT */
/*
 * Filling many pages of a domain without mapping each of them: a few are mapped, again
 * and again filled from a file, and the hypervisor copies what is in them to where it
 * belongs, or clears the pages that the file has zeros for. To map a foreign page and to
 * forget it costs Linux twice as much as a copy does.
 */
#ifndef DOM_STAGE_H
#define DOM_STAGE_H

#include "dom/image.h"
#include "hv/door.h"

#define DOM_STAGE_PAGES 256U

struct dom_stage {
    struct door *door;
    hv_domid_t domid;
    char *pages; /* DOM_STAGE_PAGES of the domain's, mapped; they end up as anything */
    const hv_pfn_t *frames; /* of these */
};

/* The frames to[0 .. nr) become what image has from offset on. */
int dom_stage_load(const struct dom_stage *s, const struct dom_image *image,
                   uint64_t offset, const hv_pfn_t *to, size_t nr);

#endif
