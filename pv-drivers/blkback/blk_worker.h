/* SPDX-License-Identifier: MIT */
/*
 * The process that serves one device. It is made when the front end has said where its
 * rings are, has nothing but what it needs, and ends when the daemon closes its end of
 * `control` (after it has answered what is in the rings) or when the front end
 * misbehaves. Killed at any time, it can be followed by another that goes on with the
 * same journal.
 */
#ifndef BLKBACK_WORKER_H
#define BLKBACK_WORKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "blkback/disk.h"
#include "blkback/journal.h"
#include "blkback/plan.h"
#include "blkback/volume.h"
#include "hv/door.h"

#define WORKER_MAX_RING_ORDER 4U
#define WORKER_MAX_RING_PAGES (1U << WORKER_MAX_RING_ORDER)

struct worker_config {
    hv_domid_t domid;
    struct plan_limits limits;
    enum disk_way way;
    bool persistent; /* the front end's grants are */
    bool wait_when_full;
    bool recover; /* go on where the journal says */
    bool refuse;  /* there is no image: all requests fail */
    unsigned int nr_queues, ring_pages;
    struct {
        uint32_t refs[WORKER_MAX_RING_PAGES];
        uint32_t port;
    } queue[JOURNAL_MAX_QUEUES];
    struct volume_file layer[VOLUME_MAX_LAYERS]; /* the caller's; the image first */
    unsigned int nr_layers;
    int journal; /* the caller's, too */
    uid_t user;  /* who to be */
};

/* What worker_spawn() is to run, with a struct worker_config. */
void blk_worker(const void *config);

/* The byte of the image that a worker locks as long as anything it started is going on.
 */
#define WORKER_LOCK_BYTE (1LL << 62)

#endif
