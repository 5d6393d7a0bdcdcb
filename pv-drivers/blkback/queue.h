/* SPDX-License-Identifier: MIT */
/*
 * One ring of a device: requests are taken, planned, done and answered, in any order.
 * Nothing here waits; the worker's loop calls it.
 */
#ifndef BLKBACK_QUEUE_H
#define BLKBACK_QUEUE_H

#include "blkback/disk.h"
#include "blkback/journal.h"
#include "blkback/pages.h"
#include "blkback/plan.h"
#include "blkback/pool.h"
#include "blkback/volume.h"
#include "common/ring.h"
#include "hv/door.h"

#define QUEUE_SLOT sizeof(union hv_blkif_sring_entry)

/* What the queues of a device share. */
struct queue_device {
    hv_domid_t domid;
    struct plan_limits limits;
    struct volume volume;
    struct disk disk;
    struct pages pages;
    struct door_grants *grants;
    struct pool pool;
    unsigned int started; /* requests under way */
    bool wait_when_full;  /* a write that finds no space waits for it; else it fails */
    unsigned int full;    /* writes that wait so */
    bool was_full;        /* and that was told */
    bool refuse;          /* nothing is done, all fails */
    struct disk_counts *counts;
    /* A line for the log: what the front end did wrong, or the image. */
    void (*complain)(const char *line);
};

struct flight;

struct queue {
    struct queue_device *dev;
    struct ring_back ring;
    struct journal_queue *journal;
    struct flight **flight; /* for each record of the journal; made when first used */
    struct flight *unshown; /* answered, not shown */
    struct flight *held;    /* taken, but something was short: to be started later */
    struct flight **held_end;
    struct flight *full; /* found no space, wait for it */
    uint32_t *spare;     /* stack of free records */
    uint32_t nr_spare;
    uint32_t nr_ents;
};

/*
 * Serves the ring at shared, of `bytes`. With `recover`, goes on as the journal says;
 * -EINVAL: it says nothing sensible.
 */
int queue_open(struct queue *q, struct queue_device *dev, void *shared, size_t bytes,
               struct journal_queue *journal, bool recover);
/* Nothing may be under way. */
void queue_close(struct queue *q);
/* Takes and starts what is there. 0; -EPROTO: the other end writes nonsense; -ENOMEM. */
int queue_take(struct queue *q);
/* Starts what had to wait for others to end. queue_take() does so too. */
void queue_retry(struct queue *q);
/* Tries again what found no space; or (give_up) answers that it failed. */
void queue_retry_full(struct queue *q, bool give_up);
/* Shows what is answered; returns whether to notify the other end. */
bool queue_show(struct queue *q);
/* As ring_back_arm(); but 0 while requests wait here for others to end. */
int queue_arm(struct queue *q);

#endif
