/* SPDX-License-Identifier: MIT */
/*
 * The control ring of a network interface, by which a front end says how packets are to
 * be hashed and spread over its queues. Requests are few: each is answered, and its
 * answer shown, before the next is taken, so that the journal needs to keep one. A
 * request that was not answered when the worker was killed is done once more, which
 * changes nothing.
 *
 * Reference: Xen public interface, io/netif.h, "Control ring", "Control messages".
 */
#ifndef NETBACK_NET_CTRL_H
#define NETBACK_NET_CTRL_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/io/netif.h"
#include "common/ring.h"
#include "hv/door.h"
#include "netback/net_hash.h"

#define NET_CTRL_SLOT sizeof(union hv_netif_ctrl_sring_entry)

/* What outlives the worker. */
struct net_ctrl_journal {
    uint32_t done; /* requests that are answered: the last by `last` */
    struct hv_netif_ctrl_response last;
    struct net_hash hash;
};

struct net_ctrl {
    struct ring_back ring;
    struct net_ctrl_journal *journal;
    struct door_grants *grants;
    hv_domid_t domid;
    unsigned int queues;
    uint8_t *page; /* for what requests refer to; in use during net_ctrl_run() only */
};

/* Takes up a ring of a page. With `recover`, goes on as the journal says. */
void net_ctrl_open(struct net_ctrl *c, void *shared, bool recover);
/*
 * Does what is in the ring, a ring of it at the most. 1: there may be more; 0; -EPROTO.
 * *notify: whether to tell the guest.
 */
int net_ctrl_run(struct net_ctrl *c, bool *notify);
/* As ring_back_arm(). */
int net_ctrl_arm(struct net_ctrl *c);

#endif
