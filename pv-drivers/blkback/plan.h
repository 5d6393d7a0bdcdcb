/* SPDX-License-Identifier: MIT */
/*
 * From a request, as the front end wrote it, to what is to be done: checked against the
 * disk and against itself. Works on copies only (common/ring.h), so what it says stays
 * true.
 *
 * Reference: Xen public interface, io/blkif.h.
 */
#ifndef BLKBACK_PLAN_H
#define BLKBACK_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/io/blkif.h"

#define PLAN_SECTOR 512U /* of the protocol, whatever the disk's is */
/* Of an indirect request: 1 MiB. They fit into one page of descriptors. */
#define PLAN_MAX_SEGMENTS 256U

struct plan_limits {
    uint64_t sectors;         /* of 512 bytes */
    unsigned int sector_size; /* what the disk can address: a power of two from 512 on */
    bool readonly, discard;
};

enum plan_kind { PLAN_READ, PLAN_WRITE, PLAN_FLUSH, PLAN_DISCARD };

struct plan_segment {
    uint32_t ref;
    uint16_t offset, len; /* within the granted page; len is never 0 */
};

struct plan {
    enum plan_kind kind;
    bool flush_first;        /* a write that is to follow a flush */
    uint64_t offset, length; /* in bytes, within the disk */
    unsigned int nr;
    struct plan_segment seg[PLAN_MAX_SEGMENTS];
};

/* Copies the first nr descriptors of a granted page, once. Negative: it cannot be read.
 */
typedef int plan_fetch_t(void *ctx, uint32_t ref, struct hv_blkif_request_segment *out,
                         unsigned int nr);

/* HV_BLKIF_RSP_OKAY: go ahead. Anything else is the answer, and *why says why. */
int plan_make(struct plan *out, const struct hv_blkif_request *req,
              const struct plan_limits *limits, plan_fetch_t *fetch, void *ctx,
              const char **why);

#endif
