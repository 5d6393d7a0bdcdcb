/* SPDX-License-Identifier: MIT */
/*
 * One pair of rings of a network interface, and the queue of the tap device that it is
 * joined to. Named as the guest sees them: it transmits what we write to the tap, and
 * receives what we read there. Nothing here waits; the worker's loop calls it.
 *
 * Answers are given in the order of the requests, and shown for whole packets only. An
 * answer overwrites its request in the ring, so a batch of them stands in the journal,
 * which outlives the worker, before the first is written. A worker that is killed is
 * followed by one that writes them, and begins behind the last; at worst a packet is
 * sent twice.
 *
 * Reference: Xen public interface, io/netif.h; Linux Documentation/networking/tuntap.rst.
 */
#ifndef NETBACK_NET_QUEUE_H
#define NETBACK_NET_QUEUE_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "abi/io/netif.h"
#include "common/ring.h"
#include "hv/door.h"
#include "netback/net_hash.h"

#define NET_TX_SLOT     sizeof(union hv_netif_tx_sring_entry)
#define NET_RX_SLOT     sizeof(union hv_netif_rx_sring_entry)

#define NET_MAX_SLOTS   256U /* of a ring of one page */

#define NET_MAX_FRAME   (65535U + 18U) /* what a tap gives at most, tags included */
#define NET_FRAME_PAGES 17U
#define NET_TX_PAGES                                                                     \
    64U /* a batch: each slot's bytes are copied to a page of their own */
#define NET_RX_PAGES (48U + NET_FRAME_PAGES)
/* For a batch each way, and for a packet that is held. */
#define NET_ALL_PAGES  (NET_TX_PAGES + NET_RX_PAGES + NET_FRAME_PAGES)
#define NET_BATCH      64U /* packets */
#define NET_MAX_GROUPS 64U /* multicast addresses that a guest may name */

struct net_queue;
struct io_uring;

/* Multicast addresses that the guest has named. They outlive a worker, who may be killed
 * between any two stores: at worst one stands here twice. */
struct net_groups {
    bool known;  /* all that it has named since it connected stand here */
    bool filter; /* it wants no others; changed at any time by the daemon */
    unsigned int nr;
    uint8_t addr[NET_MAX_GROUPS][6];
};

/* What a device's queues share. */
struct net_device {
    hv_domid_t domid;
    struct door_grants *grants;
    bool can_sg; /* the front end takes packets of several slots */
    struct net_groups *groups;
    /* What it may send: bytes an interval; 0: any number. */
    uint64_t credit_bytes, credit_ns;
    const struct net_hash *hash; /* NULL: there is no control ring */
    struct net_queue *queues;    /* all of them, to choose one by the hash */
    unsigned int nr_queues;
    struct io_uring *ring; /* net_write.h; NULL: there is none */
    void (*complain)(const char *line);
};

/* The last answers to a ring, by their index in it. */
struct net_answers {
    bool valid;
    uint32_t done; /* all before this one are in the ring, or here */
    uint64_t slot[NET_MAX_SLOTS];
};

struct net_journal {
    struct net_answers tx, rx;
};

/* A packet on its way to the guest. */
struct net_rx_packet {
    struct net_queue *to; /* by whose ring */
    struct virtio_net_hdr header;
    struct net_flow flow;
    uint8_t *data; /* begins a page */
    uint32_t size;
    uint32_t first; /* of its requests, in batch.taken */
    uint16_t slots;
};

struct net_queue {
    struct net_device *dev;
    struct ring_back tx, rx;
    struct net_journal *journal;
    uint32_t tx_answered, rx_answered; /* in the journal, up to here */
    int tap;
    bool tap_ready;               /* there may be something to read */
    uint8_t *tx_pages, *rx_pages; /* one behind the other, and the held packet's */

    struct net_rx_packet held; /* read, but the ring has not enough slots: size 0: none */
    int64_t credit_left;       /* bytes; less than 0: owed */
    uint64_t credit_until;     /* when it is filled up again */
    bool out_of_credit;
};

/* Rings of one page each. With `recover`, goes on as the journal says. 0 or -ENOMEM. */
int net_queue_open(struct net_queue *q, struct net_device *dev, void *tx, void *rx,
                   int tap, struct net_journal *journal, bool recover);

/*
 * Sends what the guest has put into its ring, a batch of it. 1: there may be more. 0:
 * all is sent, or must wait for credit. NULL in *why, or (a negative errno value) what
 * the other end, or the kernel, did wrong: this is the end of the device.
 */
int net_tx_run(struct net_queue *q, const char **why);
/* As ring_back_arm(): asks for an event when there is more to send. */
int net_tx_arm(struct net_queue *q);
/* Shows what is answered; returns whether to notify the guest. */
bool net_tx_show(struct net_queue *q);

/* Adds an answer to one of the journals. */
static inline void net_answer(struct net_answers *a, uint32_t *answered, const void *rsp,
                              size_t size)
{
    memcpy(&a->slot[(*answered)++ % NET_MAX_SLOTS], rsp, size);
}
/* Shows what is in it up to `answered`; returns whether to notify the guest. */
bool net_show(struct ring_back *ring, struct net_answers *a, uint32_t answered,
              size_t size);

/*
 * The same for what comes from the tap. 0: it is empty, or the guest's ring full. Where a
 * hash chooses the queue, answers to other queues may be there to be shown afterwards,
 * and a packet for whose queue there are no slots is lost: it must not stop the others.
 */
int net_rx_run(struct net_queue *q, const char **why);
/* Whether a packet is held that fits now; if not, asks for an event when it does. */
int net_rx_arm(struct net_queue *q);
bool net_rx_show(struct net_queue *q);

/* When out of credit: how long until there is more. Now is of clock_ns(). */
uint64_t net_credit_wait(const struct net_queue *q, uint64_t now);

#endif
