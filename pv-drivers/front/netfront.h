/* SPDX-License-Identifier: MIT */
/*
 * A network interface's front end. It outlives its back end, as a network does a cable
 * that is unplugged: what is under way then is lost, and what is sent meanwhile refused.
 *
 *   STARTING -> OFFERED -> RUNNING   the back end's InitWait and Connected
 *   any -> STARTING                  it closes, and `online` is 1
 *   any -> GONE                      it closes, and `online` is 0
 *
 * Reference: Xen public interface, io/netif.h.
 */
#ifndef PV_FRONT_NETFRONT_H
#define PV_FRONT_NETFRONT_H

#include "abi/io/netif.h"
#include "common/ring.h"
#include "front/bus.h"

#define NETFRONT_MAX_QUEUES   4
#define NETFRONT_MAX_PIECES   HV_NETIF_NR_SLOTS_MIN
#define NETFRONT_SLOTS        256U /* of each ring: one page */
#define NETFRONT_MAX_SIZE     65535U

#define NETFRONT_HASH_KEY     40U
#define NETFRONT_HASH_ENTRIES 128U

/*
 * How the back end is to choose the queue for what is received: by Toeplitz' hash of a
 * packet's flow, through a table, whose entries are taken modulo the number of queues.
 */
struct netfront_hash {
    uint32_t types; /* HV_NETIF_CTRL_HASH_TYPE_* */
    uint8_t key[NETFRONT_HASH_KEY];
    unsigned int entries;
    uint8_t queue[NETFRONT_HASH_ENTRIES];
};

/* A packet either way: pieces that each lie in one page. */
struct net_packet {
    unsigned int nr;
    struct net_piece {
        void *data;
        uint32_t size;
    } piece[NETFRONT_MAX_PIECES];
    uint32_t size;     /* of all pieces; received ones only */
    bool csum_blank;   /* in place of its checksum stands that of the pseudo header */
    bool csum_good;    /* nobody need check it */
    uint8_t gso_type;  /* HV_NETIF_GSO_TYPE_*: to be cut into segments */
    uint16_t gso_size; /* with so many bytes of TCP's payload each */
    /* Received ones only. */
    unsigned int queue;
    bool hashed;
    uint8_t hash_type; /* the number of a bit of HV_NETIF_CTRL_HASH_TYPE_* */
    uint32_t hash;
};

/*
 * One to be sent. It, and what it points to, stays as it is until done() is called. That
 * is after its connection's end (-ENETDOWN) if the back end has its pages mapped then.
 */
struct net_send {
    struct net_packet packet;
    unsigned int queue; /* any number; packets of one stream have the same */
    void (*done)(struct net_send *s, int error);

    unsigned int left; /* netfront's own: slots without an answer, and what was wrong */
    int error;
};

enum netfront_state {
    NETFRONT_STARTING,
    NETFRONT_OFFERED,
    NETFRONT_RUNNING,
    NETFRONT_GONE
};

struct netfront;

/* A pair of rings. */
struct netfront_queue {
    struct netfront *net;
    struct ring_front tx, rx;
    void *ring_page[2];
    uint32_t ring_ref[2];
    unsigned int rings_granted;
    int tx_port, rx_port; /* the same, or two; -1: none */

    /* A slot of what is sent has a number; a stack of those that are free. */
    struct {
        struct net_send *of;
        uint32_t ref;
        bool kept; /* of an earlier connection, and still mapped */
    } sent[NETFRONT_SLOTS];
    uint8_t free[NETFRONT_SLOTS];
    unsigned int nr_free;
    bool full; /* somebody was sent away */

    /* A page for each slot of the ring for what is received. ref 0: not granted. */
    struct {
        char *page;
        uint32_t ref;
    } buffer[NETFRONT_SLOTS];
    /* The packet whose slots are being taken. */
    struct net_packet coming;
    unsigned int extras;
    bool more_extra, more_data, bad;
};

/* The ring by which a struct netfront_hash is told; a page for it, one for the data. */
struct netfront_ctrl {
    struct ring_front ring;
    void *page[2];
    uint32_t ref[2];
    unsigned int granted;
    int port; /* -1: there is none */
    unsigned int step;
};

struct netfront {
    struct bus_device bus;
    enum netfront_state state;
    uint8_t mac[6];
    unsigned int mtu;
    /* What the back end takes; good while RUNNING. */
    bool sg, csum, csum_v6, gso_v4, gso_v6;
    /* What both ends agree on, from OFFERED on. */
    unsigned int nr_queues;
    bool split;  /* an event channel for each ring */
    bool spread; /* the back end has taken all of `hash` */
    /* Counters for whoever looks. */
    unsigned int connections, sent, received, lost, dropped;

    /* The kernel's: a packet has come. Its pages are the interface's again afterwards. */
    void (*receive)(struct netfront *f, const struct net_packet *p);
    /* There is room again for what netfront_send() had none for. */
    void (*ready)(struct netfront *f);
    const struct netfront_hash *hash; /* NULL: as the back end likes */
    /* Of multicasts, only those of the groups that are named come; good while RUNNING:
     * the back end does that. It forgets the groups when the connection ends. */
    bool want_groups, groups;

    struct netfront_ctrl ctrl;
    unsigned int max_queues;
    struct netfront_queue queue[NETFRONT_MAX_QUEUES];
};

/*
 * Takes up the device at front, "device/vif/0", with at most so many queues; f is all
 * zeroes but for receive() and ready(), which may send, hash, and want_groups.
 */
int netfront_start(struct netfront *f, const char *front, unsigned int queues);
/*
 * The back end's state may have changed (a watch on its folder said so). Pages that were
 * mapped at a connection's end are asked for again, also when the interface is GONE.
 */
void netfront_look(struct netfront *f);
/*
 * Takes a packet: 0, and done() will be called. Else it is not taken: -EAGAIN: ready()
 * will say when there is room; -ENOSPC: there are no grants; -ENETDOWN: there is no back
 * end; -EOPNOTSUPP: it does not take such packets; -EINVAL: there is no such packet.
 */
int netfront_send(struct netfront *f, struct net_send *s);
/* The same for a group's address that is named, or no more; s has no packet. */
int netfront_group(struct netfront *f, struct net_send *s, const uint8_t address[6],
                   bool named);
/* Shows what was sent to the back end; send any number, then this. */
void netfront_kick(struct netfront *f);

#endif
