/* SPDX-License-Identifier: MIT */
/*
 * Clients in other domains (and this domain's kernel), through a shared page and an event
 * channel. The page is the domain's to scribble on at any time: indices are read once and
 * checked, and an impossible one ends the connection, nothing else.
 */
#ifndef DAEMON_CONN_RING_H
#define DAEMON_CONN_RING_H

#include <stdint.h>

#include "daemon/conn.h"

struct domain;

/* Takes over page and local port. */
struct conn *ring_connect(struct domain *d, struct hv_store_domain_interface *page,
                          uint32_t local_port);
/* The domain has a new event channel; the ring's contents stay. */
void ring_rebind(struct conn *c, uint32_t local_port);
/*
 * After a restart: a reply, or a request, that was in the ring in part up to this index.
 */
void ring_restore(struct conn *c, bool output, uint32_t index, const void *data,
                  size_t len);
/* ... what was taken of a request up to this index, for ring_under_way. */
void ring_hold(struct conn *c, uint32_t index, const void *data, size_t len);
/*
 * What the journal must have of a message that is in the ring in part: of a request, all
 * that was taken up to the index which the guest sees; of a reply, what is missing from
 * the index on.
 */
struct ring_part {
    uint32_t index;
    const char *data;
    uint32_t len; /* 0: there is none */
};
void ring_under_way(struct conn *c, struct ring_part *in, struct ring_part *out);
/*
 * A ring that was given up because of what its guest did is kept, lest the guest want to
 * begin anew (by the ring reconnection feature); until this, when the domain is
 * introduced again or gone.
 */
void ring_forget_broken(const struct domain *d);

/* How far reading and writing have come, for a daemon that takes over. */
struct ring_place {
    uint32_t cons, out_left;
    uint32_t out_event;
};
void ring_place(struct conn *c, struct ring_place *out);
void ring_take_place(struct conn *c, const struct ring_place *place);
/* Bytes of requests that are in the ring. */
uint32_t ring_waiting(struct conn *c);
/* The state of a ring in words, for people. */
void ring_describe(struct conn *c, char *out, size_t size);
/* The event channel of this port has fired; false if it is nobody's. */
bool ring_event(uint32_t local_port);

#endif
