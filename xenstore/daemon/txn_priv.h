/* SPDX-License-Identifier: MIT */
/* What a transaction is made of; for txn.c only. */
#ifndef DAEMON_TXN_PRIV_H
#define DAEMON_TXN_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/list.h"
#include "daemon/store.h"

enum change {
    CHANGE_VALUE = 1,
    CHANGE_PERMS = 2,
    CHANGE_MADE = 4,
    CHANGE_REMOVED = 8,
};

struct touch {
    struct touch *next_hash;
    struct touch *next_change; /* in order of the first change */
    struct touch *next_event;  /* in order of the first change that watches hear of */
    struct node *removed; /* what stood here when it was first removed: a reference */
    uint32_t hash;
    uint16_t len;
    uint8_t seen;   /* enum seen */
    uint8_t change; /* enum change */
    bool listed;    /* among the events */
    bool event;
    char path[];
};

struct owned {
    uint32_t domid;
    int32_t delta;
};

struct txn {
    struct list by_conn;
    struct conn *conn;
    uint32_t id;
    struct node *base, *root;
    struct touch **table;
    uint32_t buckets, touched;
    struct touch *first_change, **last_change;
    struct touch *first_event, **last_event;
    uint32_t changes;
    uint32_t bytes; /* of notes and values: its part of conn->txn_bytes */
    bool doomed;    /* see txn_restore */
    struct owned *owned;
    uint32_t owned_count;
};

#endif
