/* SPDX-License-Identifier: MIT */
/*
 * From the guest: chains of slots become packets, whose bytes are copied by the
 * hypervisor, all of a batch at once, and then written to the tap.
 */
#include <errno.h>
#include <string.h>

#include "daemon/clock.h"
#include "netback/net_queue.h"
#include "netback/net_write.h"
#include "netback/packet.h"

#define MAX_SLOTS  HV_NETIF_NR_SLOTS_MIN /* of data; more are dropped */
#define LIMIT      20U                   /* more are no mistake but an attack */
#define MAX_EXTRAS (HV_NETIF_EXTRA_TYPE_MAX - 1)

/* A chain as it was read from the ring: requests, and extra slots behind the first. */
struct chain {
    unsigned int nr, extras;
    struct hv_netif_tx_request req[LIMIT];
    struct hv_netif_extra_info gso; /* type 0: none */
};

/* A packet of the batch. */
struct tx_packet {
    struct packet_claim claim;
    const char *bad;  /* why it is dropped; NULL: it is not */
    unsigned int ids; /* of its slots, the first in batch.id */
    unsigned int nr, extras;
    unsigned int piece, pieces; /* in batch.copy; none if it is dropped */
};

/* What is written of a packet. */
struct tx_frame {
    struct virtio_net_hdr header;
    unsigned int packet; /* in the batch */
};

struct batch {
    struct tx_packet packet[NET_BATCH];
    struct door_copy copy[NET_TX_PAGES];
    uint16_t id[NET_TX_PAGES + NET_BATCH * LIMIT];
    struct tx_frame frame[NET_BATCH];
    struct net_write write[NET_BATCH];
    struct iovec iov[NET_BATCH + NET_TX_PAGES];
    unsigned int packets, pieces, ids, writes, iovs;
};

/* The number is changed behind the addresses. */
static void set_groups(struct net_groups *groups, unsigned int nr)
{
    __atomic_store_n(&groups->nr, nr, __ATOMIC_RELEASE);
}

static void group_add(struct net_device *dev, const uint8_t addr[6])
{
    struct net_groups *groups = dev->groups;

    for (unsigned int i = 0; i < groups->nr; i++)
        if (!memcmp(groups->addr[i], addr, 6))
            return;
    if (groups->nr == NET_MAX_GROUPS) {
        dev->complain("more multicast groups than can be kept are asked for");
        return;
    }
    memcpy(groups->addr[groups->nr], addr, 6);
    set_groups(groups, groups->nr + 1);
}

static void group_remove(struct net_groups *groups, const uint8_t addr[6])
{
    for (unsigned int i = groups->nr; i--;) {
        if (memcmp(groups->addr[i], addr, 6))
            continue;
        memmove(groups->addr[i], groups->addr[groups->nr - 1], 6);
        set_groups(groups, groups->nr - 1);
    }
}

static const char *take_extra(struct net_queue *q, struct chain *c,
                              const struct hv_netif_extra_info *extra)
{
    switch (extra->type) {
    case HV_NETIF_EXTRA_TYPE_GSO:
        c->gso = *extra;
        return NULL;
    case HV_NETIF_EXTRA_TYPE_MCAST_ADD:
    case HV_NETIF_EXTRA_TYPE_MCAST_DEL:
        if (extra->type == HV_NETIF_EXTRA_TYPE_MCAST_ADD)
            group_add(q->dev, extra->u.mcast.addr);
        else
            group_remove(q->dev->groups, extra->u.mcast.addr);
        /* There is no packet: the request is a dummy. */
        c->nr = 0;
        return NULL;
    case HV_NETIF_EXTRA_TYPE_HASH:
        return NULL;
    default:
        return "extra information of an unknown type";
    }
}

static const char *read_extras(struct net_queue *q, struct chain *c)
{
    union hv_netif_tx_sring_entry slot;
    struct hv_netif_extra_info extra;
    const char *why;

    do {
        if (c->extras == MAX_EXTRAS)
            return "more extra information than there are kinds of it";
        if (ring_back_take(&q->tx, &slot, sizeof(slot)) != 1)
            return "the ring ends within a packet";
        memcpy(&extra, &slot, sizeof(extra));
        c->extras++;
        why = take_extra(q, c, &extra);
    } while (!why && (extra.flags & HV_NETIF_EXTRA_FLAG_MORE));
    return why;
}

/* One packet's chain: 1, or 0 if there is none; -EPROTO: *why says what is wrong. */
static int read_chain(struct net_queue *q, struct chain *c, const char **why)
{
    struct hv_netif_tx_request *req = c->req;
    int rc = ring_back_take(&q->tx, req, sizeof(*req));

    *why = rc < 0 ? "the front end's index is out of range" : NULL;
    if (rc <= 0)
        return rc;
    c->nr = 1;
    c->extras = 0;
    c->gso.type = HV_NETIF_EXTRA_TYPE_NONE;
    if (req->flags & HV_NETTXF_EXTRA_INFO)
        *why = read_extras(q, c);
    while (!*why && c->nr && (c->req[c->nr - 1].flags & HV_NETTXF_MORE_DATA)) {
        if (c->nr == LIMIT)
            *why = "a packet of more slots than any may have";
        else if (ring_back_take(&q->tx, &c->req[c->nr], sizeof(*req)) != 1)
            *why = "the ring ends within a packet";
        c->nr++;
    }
    return *why ? -EPROTO : 1;
}

/* The first request's size is the whole packet's: makes it that of its own bytes. */
static const char *split_sizes(struct chain *c)
{
    uint32_t first = c->req[0].size;

    for (unsigned int i = 1; i < c->nr; i++) {
        if (c->req[i].size > first)
            return "the slots of a packet are larger than the packet";
        first -= c->req[i].size;
    }
    c->req[0].size = (uint16_t)first;
    for (unsigned int i = 0; i < c->nr; i++)
        if (c->req[i].offset + c->req[i].size > (int)PAGE_SIZE)
            return "a slot goes beyond its page";
    return NULL;
}

/* Adds a chain to the batch, with what is to be copied. */
static const char *add_packet(struct net_queue *q, struct batch *b, struct chain *c)
{
    struct tx_packet *p = &b->packet[b->packets++];
    const char *why;

    *p = (struct tx_packet){.ids = b->ids, .nr = c->nr ? c->nr : 1, .extras = c->extras};
    for (unsigned int i = 0; i < p->nr; i++)
        b->id[b->ids++] = c->req[i].id;
    if (!c->nr)
        return NULL;
    p->claim =
        (struct packet_claim){.size = c->req[0].size,
                              .csum_blank = c->req[0].flags & HV_NETTXF_CSUM_BLANK,
                              .validated = c->req[0].flags & HV_NETTXF_DATA_VALIDATED,
                              .gso_type = c->gso.type ? c->gso.u.gso.type : 0,
                              .gso_size = c->gso.type ? c->gso.u.gso.size : 0};
    why = split_sizes(c);
    if (why)
        return why;
    p->bad = c->nr > MAX_SLOTS ? "a packet has too many slots" : NULL;
    if (p->claim.gso_type > HV_NETIF_GSO_TYPE_TCPV6)
        p->bad = "segments of an unknown kind are asked for";
    p->piece = b->pieces;
    for (unsigned int i = 0; i < c->nr && !p->bad; i++) {
        if (!c->req[i].size)
            continue;
        b->copy[b->pieces] =
            (struct door_copy){.local = q->tx_pages + b->pieces * PAGE_SIZE,
                               .ref = c->req[i].gref,
                               .offset = c->req[i].offset,
                               .len = c->req[i].size};
        b->pieces++;
    }
    p->pieces = b->pieces - p->piece;
    return NULL;
}

static void copy_batch(struct net_queue *q, struct batch *b)
{
    struct net_device *dev = q->dev;

    if (!door_grant_copy_from(dev->grants, dev->domid, b->copy, b->pieces))
        return;
    /* One of them is at fault: which? */
    for (unsigned int i = 0; i < b->packets; i++) {
        struct tx_packet *p = &b->packet[i];

        if (p->pieces &&
            door_grant_copy_from(dev->grants, dev->domid, b->copy + p->piece, p->pieces))
            p->bad = "a page of a packet is not granted";
    }
}

/* The packet's first bytes in one place: where they are, or put together in `room`. */
static const uint8_t *head_of(const struct batch *b, const struct tx_packet *p,
                              uint8_t room[PACKET_HEAD])
{
    uint32_t want = p->claim.size < PACKET_HEAD ? p->claim.size : PACKET_HEAD, got = 0;
    const struct door_copy *copy = &b->copy[p->piece];

    if (p->pieces && copy->len >= want)
        return copy->local;
    for (; got < want; copy++) {
        uint32_t n = copy->len < want - got ? copy->len : want - got;

        memcpy(room + got, copy->local, n);
        got += n;
    }
    return room;
}

/* A dummy request for a multicast group has nothing to send. */
static bool is_packet(const struct tx_packet *p)
{
    return p->pieces || p->bad || p->claim.size;
}

/* Checks a packet, and adds it to those that are written. */
static void frame_packet(struct net_queue *q, struct batch *b, unsigned int n)
{
    struct tx_frame *frame = &b->frame[b->writes];
    struct tx_packet *p = &b->packet[n];
    struct iovec *iov = &b->iov[b->iovs];
    uint8_t room[PACKET_HEAD];

    if (!p->bad)
        p->bad = packet_check(head_of(b, p, room), &p->claim, &frame->header);
    if (p->bad) {
        q->dev->complain(p->bad);
        return;
    }
    frame->packet = n;
    iov[0] = (struct iovec){.iov_base = &frame->header, .iov_len = sizeof(frame->header)};
    for (unsigned int i = 0; i < p->pieces; i++)
        iov[1 + i] = (struct iovec){.iov_base = b->copy[p->piece + i].local,
                                    .iov_len = b->copy[p->piece + i].len};
    b->write[b->writes++] = (struct net_write){.iov = iov, .nr = p->pieces + 1};
    b->iovs += p->pieces + 1;
}

static const char *send_batch(struct net_queue *q, struct batch *b)
{
    for (unsigned int i = 0; i < b->packets; i++)
        if (is_packet(&b->packet[i]))
            frame_packet(q, b, i);
    if (net_write(q->dev->ring, q->tap, b->write, b->writes))
        return "packets cannot be handed to the kernel";
    /* What the kernel does not want now is lost, as on any wire. */
    for (unsigned int i = 0; i < b->writes; i++)
        if (b->write[i].result == -EINVAL)
            b->packet[b->frame[i].packet].bad = "the kernel does not take a packet";
    return NULL;
}

static void answer_packet(struct net_queue *q, const struct batch *b,
                          const struct tx_packet *p)
{
    struct hv_netif_tx_response rsp = {.status = p->bad ? HV_NETIF_RSP_ERROR
                                                        : HV_NETIF_RSP_OKAY};

    for (unsigned int i = 0; i < p->nr; i++) {
        rsp.id = b->id[p->ids + i];
        net_answer(&q->journal->tx, &q->tx_answered, &rsp, sizeof(rsp));
        for (unsigned int n = 0; !i && n < p->extras; n++) {
            const struct hv_netif_tx_response none = {.status = HV_NETIF_RSP_NULL};

            net_answer(&q->journal->tx, &q->tx_answered, &none, sizeof(none));
        }
    }
}

/* Whether more may be sent now. What was over the limit is taken from what comes next. */
static bool has_credit(struct net_queue *q)
{
    const struct net_device *dev = q->dev;
    int64_t full = (int64_t)dev->credit_bytes;
    uint64_t now;

    if (!full)
        return true;
    now = q->credit_left <= 0 || !q->credit_until ? clock_ns() : 0;
    if (now >= q->credit_until + dev->credit_ns)
        q->credit_left = full; /* it had nothing to send for a while */
    else if (now >= q->credit_until)
        q->credit_left += full;
    if (now >= q->credit_until)
        q->credit_until = now + dev->credit_ns;
    q->out_of_credit = q->credit_left <= 0;
    return !q->out_of_credit;
}

uint64_t net_credit_wait(const struct net_queue *q, uint64_t now)
{
    return now < q->credit_until ? q->credit_until - now : 0;
}

int net_tx_run(struct net_queue *q, const char **why)
{
    struct batch b;
    struct chain c;
    int rc = 1;

    *why = NULL;
    b.packets = b.pieces = b.ids = b.writes = b.iovs = 0;
    while (!*why && b.packets < NET_BATCH && b.pieces + LIMIT <= NET_TX_PAGES) {
        rc = has_credit(q) ? read_chain(q, &c, why) : 0;
        if (rc <= 0)
            break;
        *why = add_packet(q, &b, &c);
        q->credit_left -= b.packet[b.packets - 1].claim.size;
    }
    if (*why)
        return -EPROTO;
    if (b.pieces)
        copy_batch(q, &b);
    *why = send_batch(q, &b);
    if (*why)
        return -EIO;
    for (unsigned int i = 0; i < b.packets; i++)
        answer_packet(q, &b, &b.packet[i]);
    return rc;
}

int net_tx_arm(struct net_queue *q)
{
    return q->out_of_credit ? 0 : ring_back_arm(&q->tx);
}

bool net_tx_show(struct net_queue *q)
{
    return net_show(&q->tx, &q->journal->tx, q->tx_answered,
                    sizeof(struct hv_netif_tx_response));
}
