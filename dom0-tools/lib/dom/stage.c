/* SPDX-License-Identifier: MIT */
/* See stage.h. Reference: Xen public interface, xen.h, MMUEXT_COPY_PAGE. */
#include "dom/stage.h"
#include "dom/zeros.h"

#define PAGE 4096U

static struct hv_mmuext_op fill(const struct dom_stage *s, size_t i, hv_pfn_t to)
{
    struct hv_mmuext_op op = {.cmd = HV_MMUEXT_CLEAR_PAGE, .arg1.mfn = to};

    if (!dom_all_zero(s->pages + i * PAGE, PAGE)) {
        op.cmd = HV_MMUEXT_COPY_PAGE;
        op.arg2.src_mfn = s->frames[i];
    }
    return op;
}

int dom_stage_load(const struct dom_stage *s, const struct dom_image *image,
                   uint64_t offset, const hv_pfn_t *to, size_t nr)
{
    struct hv_mmuext_op ops[DOM_STAGE_PAGES];
    int rc = 0;

    for (size_t done = 0; done < nr && !rc;) {
        size_t n = nr - done < DOM_STAGE_PAGES ? nr - done : DOM_STAGE_PAGES;

        rc = dom_image_read(image, offset + done * PAGE, s->pages, n * PAGE);
        for (size_t i = 0; i < n; i++)
            ops[i] = fill(s, i, to[done + i]);
        if (!rc)
            rc = door_mmuext(s->door, s->domid, ops, n);
        done += n;
    }
    return rc;
}
