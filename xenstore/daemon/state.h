/* SPDX-License-Identifier: MIT */
/*
 * What a daemon hands to its successor in a live update, beside the journal: clients with
 * their descriptors, bytes under way, watches and open transactions. It is written into a
 * file in memory whose descriptor stays open across exec.
 */
#ifndef DAEMON_STATE_H
#define DAEMON_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/xs_msg.h"

/* Raised when the format changes; a daemon takes over from one of the same number only.
 */
#define STATE_VERSION 2u
/* The exit status that says so; no other program gives it by chance. */
#define STATE_CAN_UPDATE 73

struct conn;

/* Bytes being written, and being read. A reader that finds too few turns bad for good. */
struct state {
    char *data;
    size_t len, cap, at;
    bool bad;
};

void state_put(struct state *s, const void *data, size_t len);
void state_get(struct state *s, void *out, size_t len); /* zeros if bad */
const char *state_take(struct state *s, size_t len);    /* NULL if bad */

/* An open transaction; t as in conn->txns. */
struct list;
void txn_save(struct state *s, struct list *t);
void txn_load(struct state *s, struct conn *c);

/*
 * Writes everything and marks the descriptors to be kept; asker is the client whose
 * request h will be answered by the successor. The file's descriptor, or -errno.
 */
int state_save(const struct conn *asker, const struct hv_xsd_sockmsg *h);
/* The successor's side, with the tree and the rings in place. False if it cannot be read.
 */
bool state_load(int fd);

#endif
