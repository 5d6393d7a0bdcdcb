/* SPDX-License-Identifier: MIT */
/*
 * A disk's front end. It outlives its back end: requests wait while that is away, and
 * those it has not answered are given to whichever comes back.
 *
 *   STARTING -> OFFERED -> RUNNING   the back end's InitWait and Connected
 *   any -> STARTING                  it closes, and `online` is 1
 *   any -> GONE                      it closes, and `online` is 0: requests fail
 *
 * Reference: Xen public interface, io/blkif.h.
 */
#ifndef PV_FRONT_BLKFRONT_H
#define PV_FRONT_BLKFRONT_H

#include "abi/io/blkif.h"
#include "common/ring.h"
#include "front/bus.h"
#include "front/kept.h"

#define BLKFRONT_MAX_SEGMENTS 256 /* 1 MiB */
#define BLKFRONT_MAX_PAGES    4   /* of the ring */
#define BLKFRONT_MAX_SLOTS    128
#define BLKFRONT_MAX_QUEUES   4

/*
 * A request. The caller fills in the first part and keeps it until done() is called. It
 * is not called, nor is the request given to another back end, while one has its pages
 * mapped.
 */
struct blk_io {
    unsigned int op;  /* HV_BLKIF_OP_READ, _WRITE, _FLUSH_DISKCACHE, _DISCARD */
    uint64_t sector;  /* of 512 bytes */
    uint32_t sectors; /* whole sectors of the device */
    void *data;       /* begins a sector in its page; none for a flush or a discard */
    void (*done)(struct blk_io *io, int error);

    struct blk_io *next; /* blkfront's own */
};

enum blkfront_state {
    BLKFRONT_STARTING,
    BLKFRONT_OFFERED,
    BLKFRONT_RUNNING,
    BLKFRONT_GONE
};

struct blkfront_slot {
    struct blk_io *io; /* NULL: free */
    bool kept;         /* of an earlier connection, whose back end has pages mapped */
    unsigned int segments;
    /* A reference for each segment; with persistent grants, a number of `kept`. */
    uint32_t page[BLKFRONT_MAX_SEGMENTS];
    struct hv_blkif_request_segment *indirect; /* a page, made when it is first needed */
    uint32_t indirect_ref;                     /* 0: not granted */
};

struct blkfront;

/* One ring. */
struct blkfront_queue {
    struct blkfront *disk;
    struct ring_front ring;
    void *ring_page;
    unsigned int ring_page_count, ring_granted;
    uint32_t ring_ref[BLKFRONT_MAX_PAGES];
    int port; /* -1: none */
    struct blkfront_slot slot[BLKFRONT_MAX_SLOTS];
};

struct blkfront {
    struct bus_device bus;
    enum blkfront_state state;
    /* What the back end says; good while RUNNING. */
    uint64_t sectors;
    uint32_t sector_size;
    uint32_t info; /* HV_VDISK_* */
    bool flush, discard, persistent;
    unsigned int max_segments;
    /* What both ends agree on, from OFFERED on. */
    unsigned int nr_queues, ring_pages;
    /* Counters for whoever looks: connections made, requests given to a second one. */
    unsigned int connections, reissued;

    unsigned int max_queues, turn; /* turn: the ring that has the next request */
    struct kept kept;
    struct blk_io *waiting, **waiting_end;
    struct blkfront_queue queue[BLKFRONT_MAX_QUEUES];
};

/*
 * Takes up the device at front, "device/vbd/51712", with at most so many rings; b is all
 * zeroes. Requests take the rings in turn.
 */
int blkfront_start(struct blkfront *b, const char *front, unsigned int queues);
/*
 * The back end's state may have changed (a watch on its folder said so). Pages that were
 * mapped at a connection's end are asked for again, also when the disk is GONE.
 */
void blkfront_look(struct blkfront *b);
/* Takes a request; it may be answered before this returns only if it cannot be served. */
void blkfront_submit(struct blkfront *b, struct blk_io *io);
/* Shows what was submitted to the back end; submit any number, then this. */
void blkfront_kick(struct blkfront *b);

#endif
