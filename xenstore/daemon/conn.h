/* SPDX-License-Identifier: MIT */
/*
 * One client, whichever way it talks: bytes in, whole messages to ops.c, bytes out.
 *
 * A connection is served one turn at a time (loop.h). It is not read from while replies
 * that it does not fetch pile up, and events that it does not fetch fold into one per
 * watch, so that what it can make us hold is bounded. A killed connection is freed at the
 * end of the round.
 */
#ifndef DAEMON_CONN_H
#define DAEMON_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/list.h"
#include "daemon/loop.h"
#include "wire/xs_msg.h"

struct conn;
struct domain;
struct watch;

struct bytes {
    char *data;
    uint32_t start, end, cap; /* live bytes are [start, end) */
};

/* The two ways to move bytes: conn_socket.c and conn_ring.c. */
struct conn_ops {
    /* Bytes moved; 0: nothing now; negative: the connection is finished. */
    ssize_t (*read)(struct conn *c, void *buf, size_t len);
    ssize_t (*write)(struct conn *c, const void *buf, size_t len);
    /* Called once after a turn: tell the other side, and what we wait for now. */
    void (*settle)(struct conn *c, bool want_read, bool want_write);
    void (*close)(struct conn *c, uint32_t ring_error);
    void (*release)(struct conn *c); /* frees c itself */
};

struct conn {
    const struct conn_ops *ops;
    struct task task;
    struct list all;       /* in conns */
    struct domain *domain; /* set for rings */
    uint32_t id;           /* domain number; 0 for sockets */
    uint32_t serial;
    bool privileged;
    bool dead;
    uint32_t resumed; /* bytes of requests that may have been served before a restart */
    struct bytes in, out;
    struct list watches; /* struct watch, by_conn */
    struct list folded;  /* ... of those that owe an event, see conn_event */
    uint32_t watch_count;
    uint32_t watch_bytes; /* of their paths and tokens */
    uint32_t watch_deep;  /* levels of their paths: see watch_deep_bytes */
    struct list txns;
    uint32_t txn_count;
    uint32_t last_txn;
    uint32_t txn_bytes; /* what its transactions hold, about */
    uint32_t owed;      /* replies that it has not fetched */
    uint64_t requests;
    uint64_t activity;         /* requests of late: see txn_favour.c */
    uint64_t activity_seen;    /* ... and how many it knows of */
    int64_t activity_at;       /* ms; when that was right */
    int64_t favour_not_before; /* ms */
    uint32_t work;             /* charged in this turn */
};

extern struct list conns;

void conn_setup(struct conn *c, const struct conn_ops *ops, uint32_t id);
/* Something to read may be there, or room to write. */
void conn_wake(struct conn *c);
/* Ends it; ring_error is what a ring is told (HV_STORE_ERROR_*). */
void conn_kill(struct conn *c, uint32_t ring_error);
/* Drops requests, replies, watches and transactions as if it had just connected. */
void conn_reset(struct conn *c);
/* After a restart: bytes that were under way. */
void conn_restore(struct conn *c, bool output, const void *data, size_t len);
/* Frees what was killed. Once a round. */
void conn_bury(void);

void conn_reply(struct conn *c, uint32_t type, const struct hv_xsd_sockmsg *to,
                const void *data, size_t len);
/* Queues a watch event, or marks the watch as owing one if too much is queued already. */
void conn_event(struct conn *c, struct watch *w, const char *path, size_t len);
/* Nothing more is served in this turn. */
void conn_end_turn(struct conn *c);
/* Adds to what this turn has cost; a turn ends when CONN_TURN is used up. */
static inline void conn_charge(struct conn *c, uint32_t work)
{
    c->work += work;
}

#endif
