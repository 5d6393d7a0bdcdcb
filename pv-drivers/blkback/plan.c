/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "blkback/plan.h"

#define SECTORS_PER_PAGE 8

static int refuse(const char **why, const char *text)
{
    *why = text;
    return HV_BLKIF_RSP_ERROR;
}

/* Both ends of the range are on the disk, and at its sectors' borders. */
static bool on_disk(const struct plan_limits *limits, uint64_t sector, uint64_t nr)
{
    uint64_t mask = limits->sector_size / PLAN_SECTOR - 1;

    if (sector > limits->sectors || nr > limits->sectors - sector)
        return false;
    return !((sector | nr) & mask);
}

static int add_segments(struct plan *out, const struct hv_blkif_request_segment *seg,
                        unsigned int nr, const struct plan_limits *limits,
                        const char **why)
{
    out->nr = nr;
    out->length = 0;
    for (unsigned int i = 0; i < nr; i++) {
        unsigned int first = seg[i].first_sect, last = seg[i].last_sect;

        if (last >= SECTORS_PER_PAGE || first > last)
            return refuse(why, "a segment beyond its page");
        out->seg[i] = (struct plan_segment){
            .ref = seg[i].gref,
            .offset = (uint16_t)(first * PLAN_SECTOR),
            .len = (uint16_t)((last - first + 1) * PLAN_SECTOR),
        };
        /* The memory must be aligned as the disk is, or the kernel cannot use it. */
        if ((out->seg[i].offset | out->seg[i].len) & (limits->sector_size - 1))
            return refuse(why, "a segment that is no whole sector of this disk");
        out->length += out->seg[i].len;
    }
    return HV_BLKIF_RSP_OKAY;
}

static int plan_data(struct plan *out, unsigned int op, uint64_t sector,
                     const struct plan_limits *limits, const char **why)
{
    if (!on_disk(limits, sector, out->length / PLAN_SECTOR))
        return refuse(why, "sectors beyond the disk's end or between its sectors");
    out->offset = sector * PLAN_SECTOR;
    out->kind = op == HV_BLKIF_OP_READ ? PLAN_READ : PLAN_WRITE;
    out->flush_first = op == HV_BLKIF_OP_FLUSH_DISKCACHE;
    if (out->kind == PLAN_WRITE && limits->readonly)
        return refuse(why, "a write to a read-only disk");
    return HV_BLKIF_RSP_OKAY;
}

static bool is_data(unsigned int op, unsigned int nr)
{
    return op == HV_BLKIF_OP_READ || op == HV_BLKIF_OP_WRITE ||
           (op == HV_BLKIF_OP_FLUSH_DISKCACHE && nr);
}

static int plan_indirect(struct plan *out, const struct hv_blkif_request *req,
                         const struct plan_limits *limits, plan_fetch_t *fetch, void *ctx,
                         const char **why)
{
    struct hv_blkif_request_segment seg[PLAN_MAX_SEGMENTS];
    struct hv_blkif_request_indirect ind;
    int rc;

    memcpy(&ind, req, sizeof(ind));
    if (!is_data(ind.indirect_op, ind.nr_segments))
        return refuse(why, "an indirect request that is neither read nor write");
    if (!ind.nr_segments || ind.nr_segments > PLAN_MAX_SEGMENTS)
        return refuse(why, "an indirect request with none or too many segments");
    if (fetch(ctx, ind.indirect_grefs[0], seg, ind.nr_segments) < 0)
        return refuse(why, "a page of segments that is not granted");
    rc = add_segments(out, seg, ind.nr_segments, limits, why);
    return rc ? rc : plan_data(out, ind.indirect_op, ind.sector_number, limits, why);
}

static int plan_discard(struct plan *out, const struct hv_blkif_request *req,
                        const struct plan_limits *limits, const char **why)
{
    struct hv_blkif_request_discard d;

    memcpy(&d, req, sizeof(d));
    if (!limits->discard || (d.flag & HV_BLKIF_DISCARD_SECURE))
        return HV_BLKIF_RSP_EOPNOTSUPP;
    if (limits->readonly)
        return refuse(why, "a discard on a read-only disk");
    if (!d.nr_sectors || !on_disk(limits, d.sector_number, d.nr_sectors))
        return refuse(why, "a discard beyond the disk's end or between its sectors");
    out->kind = PLAN_DISCARD;
    out->offset = d.sector_number * PLAN_SECTOR;
    out->length = d.nr_sectors * PLAN_SECTOR;
    return HV_BLKIF_RSP_OKAY;
}

int plan_make(struct plan *out, const struct hv_blkif_request *req,
              const struct plan_limits *limits, plan_fetch_t *fetch, void *ctx,
              const char **why)
{
    int rc;

    *why = NULL;
    out->flush_first = false;
    out->nr = 0;
    out->offset = out->length = 0;
    if (req->operation == HV_BLKIF_OP_INDIRECT)
        return plan_indirect(out, req, limits, fetch, ctx, why);
    if (req->operation == HV_BLKIF_OP_DISCARD)
        return plan_discard(out, req, limits, why);
    if (req->operation == HV_BLKIF_OP_FLUSH_DISKCACHE && !req->nr_segments) {
        out->kind = PLAN_FLUSH;
        return HV_BLKIF_RSP_OKAY;
    }
    if (!is_data(req->operation, req->nr_segments))
        return HV_BLKIF_RSP_EOPNOTSUPP;
    if (!req->nr_segments || req->nr_segments > HV_BLKIF_MAX_SEGMENTS_PER_REQUEST)
        return refuse(why, "a request with none or too many segments");
    rc = add_segments(out, req->seg, req->nr_segments, limits, why);
    return rc ? rc : plan_data(out, req->operation, req->sector_number, limits, why);
}
