/* SPDX-License-Identifier: MIT */
/*
 * To the guest: packets are read from the tap, and copied into the pages that the guest
 * has put into its ring, all of a batch at once. An answer stands in the slot of its
 * request, as drivers that do not look at the answer's id expect.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "netback/net_queue.h"

#define MAX_EXTRAS 2 /* segments, a hash */

struct batch {
    struct net_rx_packet packet[NET_BATCH];
    struct hv_netif_rx_request taken[NET_RX_PAGES + NET_BATCH * MAX_EXTRAS];
    struct door_copy copy[NET_RX_PAGES];
    unsigned int packets, nr_taken, pieces;
};

static unsigned int pages_of(uint32_t size)
{
    return (size + (unsigned int)PAGE_SIZE - 1) / (unsigned int)PAGE_SIZE;
}

static bool has_segments(const struct net_rx_packet *p)
{
    return p->header.gso_type != VIRTIO_NET_HDR_GSO_NONE;
}

static unsigned int slots_of(const struct net_rx_packet *p)
{
    return pages_of(p->size) + has_segments(p) + p->flow.hashed;
}

/* Whether the hash chooses the queue. */
static bool is_spread(const struct net_device *dev)
{
    return dev->nr_queues > 1 && net_hash_wanted(dev->hash);
}

/* Whether the guest wants it. */
static bool wanted(const struct net_queue *q, const struct net_rx_packet *p)
{
    static const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    const struct net_device *dev = q->dev;
    const struct net_groups *groups = dev->groups;

    if (p->size > PAGE_SIZE && !dev->can_sg)
        return false;
    if (!(p->data[0] & 1) || !groups->known ||
        !__atomic_load_n(&groups->filter, __ATOMIC_RELAXED) || !memcmp(p->data, all, 6))
        return true;
    for (unsigned int i = 0; i < groups->nr; i++)
        if (!memcmp(p->data, groups->addr[i], 6))
            return true;
    return false;
}

/* Reads the next packet to `data`: whether there is one. */
static bool read_packet(struct net_queue *q, struct net_rx_packet *p, uint8_t *data)
{
    struct iovec iov[2] = {{.iov_base = &p->header, .iov_len = sizeof(p->header)},
                           {.iov_base = data, .iov_len = NET_FRAME_PAGES * PAGE_SIZE}};
    ssize_t n;

    do {
        n = readv(q->tap, iov, 2);
        p->data = data;
        p->size = n < (ssize_t)sizeof(p->header) ? 0 : (uint32_t)n - sizeof(p->header);
    } while (n > 0 && (p->size < 14 || p->size > NET_MAX_FRAME || !wanted(q, p)));
    q->tap_ready = n > 0;
    return n > 0;
}

/* Takes the slots of a packet. 1, or 0: the ring has not so many; -EPROTO. */
static int take_slots(struct batch *b, struct net_rx_packet *p)
{
    unsigned int slots = slots_of(p);
    struct ring_back *rx = &p->to->rx;
    int32_t there = hv_ring_requests(&rx->r);

    if (there < 0)
        return -EPROTO;
    if ((uint32_t)there < slots)
        return 0;
    p->first = b->nr_taken;
    p->slots = (uint16_t)slots;
    for (unsigned int i = 0; i < slots; i++)
        if (ring_back_take(rx, &b->taken[b->nr_taken++], sizeof(b->taken[0])) != 1)
            return -EPROTO;
    return 1;
}

static unsigned int extras_of(const struct net_rx_packet *p)
{
    return p->slots - pages_of(p->size);
}

/* The requests of a packet's data: extra information stands behind the first. */
static unsigned int slot_of_page(const struct net_rx_packet *p, unsigned int page)
{
    return p->first + page + (page ? extras_of(p) : 0);
}

static void plan_copy(struct batch *b, const struct net_rx_packet *p)
{
    for (unsigned int page = 0; page < pages_of(p->size); page++) {
        uint32_t from = page * (uint32_t)PAGE_SIZE, rest = p->size - from;

        b->copy[b->pieces++] =
            (struct door_copy){.local = p->data + from,
                               .ref = b->taken[slot_of_page(p, page)].gref,
                               .len = (uint16_t)(rest < PAGE_SIZE ? rest : PAGE_SIZE)};
    }
}

static uint16_t flags_of(const struct net_rx_packet *p)
{
    uint16_t flags = 0;

    if (p->header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
        flags = HV_NETRXF_CSUM_BLANK | HV_NETRXF_DATA_VALIDATED;
    else if (p->header.flags & VIRTIO_NET_HDR_F_DATA_VALID)
        flags = HV_NETRXF_DATA_VALIDATED;
    if (extras_of(p))
        flags |= HV_NETRXF_EXTRA_INFO;
    return flags;
}

static void answer_extra(struct net_queue *q, const struct hv_netif_extra_info *extra)
{
    net_answer(&q->journal->rx, &q->rx_answered, extra, sizeof(*extra));
}

static void answer_gso(const struct net_rx_packet *p)
{
    bool v6 = (p->header.gso_type & ~VIRTIO_NET_HDR_GSO_ECN) == VIRTIO_NET_HDR_GSO_TCPV6;
    const struct hv_netif_extra_info extra = {
        .type = HV_NETIF_EXTRA_TYPE_GSO,
        .flags = p->flow.hashed ? HV_NETIF_EXTRA_FLAG_MORE : 0,
        .u.gso = {.size = p->header.gso_size,
                  .type = v6 ? HV_NETIF_GSO_TYPE_TCPV6 : HV_NETIF_GSO_TYPE_TCPV4}};

    answer_extra(p->to, &extra);
}

static void answer_hash(const struct net_rx_packet *p)
{
    struct hv_netif_extra_info extra = {
        .type = HV_NETIF_EXTRA_TYPE_HASH,
        .u.hash = {.type = p->flow.type,
                   .algorithm = HV_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ}};

    for (unsigned int i = 0; i < sizeof(extra.u.hash.value); i++)
        extra.u.hash.value[i] = (uint8_t)(p->flow.value >> 8 * i);
    answer_extra(p->to, &extra);
}

static void answer_packet(const struct batch *b, const struct net_rx_packet *p,
                          bool failed)
{
    unsigned int pages = pages_of(p->size);

    for (unsigned int page = 0; page < pages; page++) {
        uint32_t rest = p->size - page * (uint32_t)PAGE_SIZE;
        struct hv_netif_rx_response rsp = {
            .id = b->taken[slot_of_page(p, page)].id,
            .flags = page ? 0 : flags_of(p),
            .status = (int16_t)(rest < PAGE_SIZE ? rest : PAGE_SIZE)};

        if (page + 1 < pages)
            rsp.flags |= HV_NETRXF_MORE_DATA;
        if (failed)
            rsp.status = HV_NETIF_RSP_ERROR;
        net_answer(&p->to->journal->rx, &p->to->rx_answered, &rsp, sizeof(rsp));
        if (!page && has_segments(p))
            answer_gso(p);
        if (!page && p->flow.hashed)
            answer_hash(p);
    }
}

static void deliver(struct net_queue *q, struct batch *b)
{
    struct net_device *dev = q->dev;
    bool all = !door_grant_copy_to(dev->grants, dev->domid, b->copy, b->pieces);
    const struct door_copy *copy = b->copy;

    for (unsigned int i = 0; i < b->packets; i++) {
        const struct net_rx_packet *p = &b->packet[i];
        bool failed =
            !all && door_grant_copy_to(dev->grants, dev->domid, copy, pages_of(p->size));

        if (failed)
            dev->complain("a page for a packet is not granted to be written to");
        answer_packet(b, p, failed);
        copy += pages_of(p->size);
    }
}

/* The packet's hash, and the ring that it goes by. */
static void choose_queue(struct net_queue *q, struct net_rx_packet *p)
{
    struct net_device *dev = q->dev;

    p->to = q;
    p->flow.hashed = false;
    if (!net_hash_wanted(dev->hash))
        return;
    p->flow = net_hash_flow(dev->hash, p->data, p->size);
    if (is_spread(dev))
        p->to = &dev->queues[net_hash_queue(dev->hash, p->flow.hashed ? p->flow.value : 0,
                                            dev->nr_queues)];
}

/* What was held comes first; it lies in the last pages. */
static bool next_packet(struct net_queue *q, struct batch *b, struct net_rx_packet *p)
{
    if (q->held.size) {
        *p = q->held;
        q->held.size = 0;
        return true;
    }
    if (!q->tap_ready)
        return false;
    if (!read_packet(q, p, q->rx_pages + b->pieces * PAGE_SIZE))
        return false;
    choose_queue(q, p);
    return true;
}

/* Keeps a packet for which there are no slots, out of the next batch's way. */
static void hold(struct net_queue *q, const struct net_rx_packet *p)
{
    q->held = *p;
    q->held.data = q->rx_pages + NET_RX_PAGES * PAGE_SIZE;
    if (p->data != q->held.data)
        memcpy(q->held.data, p->data, p->size);
}

int net_rx_run(struct net_queue *q, const char **why)
{
    struct net_rx_packet p;
    struct batch b;
    int rc = 1;

    *why = NULL;
    b.packets = b.nr_taken = b.pieces = 0;
    for (unsigned int n = 0; n < NET_BATCH && b.pieces + NET_FRAME_PAGES <= NET_RX_PAGES;
         n++) {
        if (!next_packet(q, &b, &p)) {
            rc = 0;
            break;
        }
        rc = take_slots(&b, &p);
        if (!rc && is_spread(q->dev)) {
            rc = 1;
            continue;
        }
        if (rc <= 0) {
            hold(q, &p);
            break;
        }
        plan_copy(&b, &p);
        b.packet[b.packets++] = p;
    }
    if (rc < 0) {
        *why = "the front end's index is out of range";
        return rc;
    }
    if (b.packets)
        deliver(q, &b);
    return rc;
}

int net_rx_arm(struct net_queue *q)
{
    return q->held.size ? ring_back_arm_for(&q->rx, slots_of(&q->held)) : 0;
}

bool net_rx_show(struct net_queue *q)
{
    return net_show(&q->rx, &q->journal->rx, q->rx_answered,
                    sizeof(struct hv_netif_rx_response));
}
