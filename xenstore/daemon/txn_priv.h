/* SPDX-License-Identifier: MIT */
/*
 * What a transaction is made of, for the files txn*.c: txn.c (life, notes, changes),
 * txn_favour.c (who comes first), txn_commit.c (the end), txn_state.c (moving to a new
 * daemon).
 */
#ifndef DAEMON_TXN_PRIV_H
#define DAEMON_TXN_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/list.h"
#include "daemon/store.h"
#include "daemon/txn.h"

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
    int32_t nodes, bytes;
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
    bool doomed;    /* can be used, but not committed */
    bool failed;    /* a change did not fit: it ends with ENOMEM */
    int64_t since;  /* ms; when it began */
    struct owned *owned;
    uint32_t owned_count;
};

struct txn *txn_new(struct conn *c, uint32_t id);
/* Ends it for its client; what it has noted remains. */
void txn_detach(struct txn *t);
void txn_release(struct txn *t); /* t may be NULL */
void txn_free(struct txn *t);    /* both */

struct touch *txn_find_touch(const struct txn *t, const char *path, size_t len);
struct touch *txn_touch(struct txn *t, const char *path, size_t len); /* makes it */
/* Notes a change: bits of enum change. */
struct touch *txn_changed(struct txn *t, const char *path, size_t len, unsigned int how,
                          bool event);
void txn_list_event(struct txn *t, struct touch *n);

/*
 * Changes to the tree with their accounting, and nothing else. t is NULL for the store's
 * own. See store.h for conditions.
 */
void txn_account(struct txn *t, uint32_t domid, int32_t nodes, int32_t bytes);
void txn_set_value(struct txn *t, const char *path, size_t len, const void *value,
                   size_t vlen);
void txn_set_perms(struct txn *t, const char *path, size_t len, struct perms *perms);
void txn_insert(struct txn *t, const char *path, size_t len, const void *value,
                size_t vlen, struct perms *perms);
void txn_remove(struct txn *t, const char *path, size_t len);
/* Tells watches of a change in the store's tree. */
void txn_fire(const char *path, size_t len, const struct perms *perms);

/* What it has seen does not hold any more. */
bool txn_conflicts(struct txn *t);

int64_t txn_now_ms(void);
/* t has lost: its client may be favoured from now on. Takes t over. */
void favour_lost(struct txn *t);
void favour_won(struct conn *c);
/* c is about to begin one. */
void favour_look(struct conn *c);
/* t may not commit now. */
bool favour_bars(const struct txn *t);

#endif
