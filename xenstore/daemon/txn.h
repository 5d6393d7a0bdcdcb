/* SPDX-License-Identifier: MIT */
/*
 * Transactions and every change to the tree, inside one or not.
 *
 * A transaction holds the root it began with (base) and its own (root), which starts as
 * the same. It notes each path it looks at or changes. At commit, if nobody else has
 * committed meanwhile, its root simply becomes the store's. Otherwise each path it looked
 * at must be as it was in base (else EAGAIN), and then the paths it changed are carried
 * over.
 */
#ifndef DAEMON_TXN_H
#define DAEMON_TXN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/conn.h"
#include "daemon/store.h"
#include "wire/xs_path.h"

/* What a client has seen of a path, and so must not have changed under it. */
enum seen {
    SEEN_SELF = 1,    /* existence, value, permissions */
    SEEN_LIST = 2,    /* the set of its children */
    SEEN_PERMS = 4,   /* existence and permissions only */
    SEEN_SUBTREE = 8, /* everything below it */
    SEEN_AS_MADE =
        16, /* not there, made on the way: another's will do if it is just the same */
};

struct txn;

int txn_start(struct conn *c, struct txn **out); /* 0 or errno */
struct txn *txn_find(struct conn *c, uint32_t id);
uint32_t txn_id(const struct txn *t);
struct txn *txn_of(struct list *l); /* an element of conn->txns */
/* One that was open when the daemon died: it can be used, but not committed. */
void txn_restore(struct conn *c, uint32_t id);
/* Ends it. 0, EAGAIN on conflict, ENOSPC if a domain would own too many nodes,
 * ENOMEM if a request in it had found no room. */
int txn_end(struct txn *t, bool commit);
/* A request in it was refused for want of room: it will not be committed. */
void txn_fail(struct txn *t);
/*
 * Guests' transactions that are older than their quota lose their hold on the tree as it
 * was: they will end with EAGAIN. So what is kept of old trees is bounded in time.
 */
void txn_expire(void);
void txn_drop_all(struct conn *c);
void txn_forget_conn(struct conn *c); /* it is about to be freed */

/* The tree as this request sees it; t may be NULL throughout. */
struct node *txn_root(struct txn *t);
/* Notes what was seen; ENOSPC when the transaction has touched too many nodes, EIO when
 * it takes too much memory: then it has failed. */
int txn_saw(struct txn *t, const char *path, size_t len, unsigned int seen);

/*
 * Changes, with accounting. Watches hear of them; of a node that is only made on the way
 * to another one (event is false) they do not. See store.h for conditions.
 */
void edit_value(struct txn *t, const char *path, size_t len, const void *value,
                size_t vlen);
void edit_perms(struct txn *t, const char *path, size_t len, struct perms *perms);
void edit_create(struct txn *t, const char *path, size_t len, const void *value,
                 size_t vlen, struct perms *perms, bool event);
void edit_remove(struct txn *t, const char *path, size_t len);
/* Nodes a domain owns as this request sees it. */
uint32_t edit_owned(struct txn *t, uint32_t domid);
/* The tree has come in from elsewhere: accounts all of it. */
void edit_account_all(void);
/* Whether c may make owner's nodes take this much more memory. */
bool edit_fits(struct conn *c, struct txn *t, uint32_t owner, int64_t more);

#endif
