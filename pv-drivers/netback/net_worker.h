/* SPDX-License-Identifier: MIT */
/*
 * The process that serves one network interface. Killed at any time, it can be followed
 * by another: what it needs to know stands in the rings and the journal (net_queue.h).
 */
#ifndef NETBACK_NET_WORKER_H
#define NETBACK_NET_WORKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "hv/door.h"
#include "netback/net_ctrl.h"
#include "netback/net_queue.h"

#define NET_MAX_QUEUES 4U

/* What outlives a worker; shared with the daemon. */
struct net_state {
    struct net_journal queue[NET_MAX_QUEUES];
    struct net_ctrl_journal ctrl;
    struct net_groups groups;
};

struct net_config {
    hv_domid_t domid;
    bool recover;
    bool can_sg;
    bool rx_notify; /* the front end sends an event when it has new slots */
    uint64_t credit_bytes, credit_us;
    unsigned int nr_queues;
    struct {
        uint32_t tx_ref, rx_ref;
        uint32_t tx_port, rx_port; /* the same, or two */
        int tap;
    } queue[NET_MAX_QUEUES];
    bool has_ctrl; /* a control ring */
    uint32_t ctrl_ref, ctrl_port;
    struct net_state *state;
    uid_t user;
};

/* What worker_spawn() is to run, with a struct net_config. */
void net_worker(const void *config);

#endif
