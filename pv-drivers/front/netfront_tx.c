/* SPDX-License-Identifier: MIT */
/*
 * What is sent: each piece's page is granted for as long as its slot is not answered.
 */
#include <errno.h>
#include "netfront_priv.h"

/* Whether a packet has segments, which one slot more says. */
static unsigned int extras_of(const struct net_packet *p)
{
    return p->gso_type != HV_NETIF_GSO_TYPE_NONE;
}

static uint16_t offset_of(const struct net_piece *piece)
{
    return (uint16_t)((uintptr_t)piece->data % FRONT_PAGE_SIZE);
}

/* The bytes of all pieces; 0: they are not pieces of a packet. */
static uint32_t size_of(const struct net_packet *p)
{
    uint32_t size = 0;

    if (!p->nr || p->nr > NETFRONT_MAX_PIECES)
        return 0;
    for (unsigned int i = 0; i < p->nr; i++) {
        const struct net_piece *piece = &p->piece[i];

        if (!piece->size || piece->size > FRONT_PAGE_SIZE - offset_of(piece))
            return 0;
        size += piece->size;
    }
    return size > NETFRONT_MAX_SIZE ? 0 : size;
}

/* Why this back end does not take the packet, or 0. */
static int unfit(const struct netfront *f, const struct net_packet *p)
{
    if (p->nr > 1 && !f->sg)
        return -EOPNOTSUPP;
    /* Which IP it is is not known here; who can do only one of them says so. */
    if (p->csum_blank && !f->csum && !f->csum_v6)
        return -EOPNOTSUPP;
    switch (p->gso_type) {
    case HV_NETIF_GSO_TYPE_NONE:
        return 0;
    case HV_NETIF_GSO_TYPE_TCPV4:
        if (!f->gso_v4)
            return -EOPNOTSUPP;
        break;
    case HV_NETIF_GSO_TYPE_TCPV6:
        if (!f->gso_v6)
            return -EOPNOTSUPP;
        break;
    default:
        return -EINVAL;
    }
    return p->csum_blank && p->gso_size ? 0 : -EINVAL;
}

/* A slot that names a group has no page: no reference. */
static int revoke(uint32_t ref)
{
    return ref ? front_revoke(ref) : 0;
}

static void slot_free(struct netfront_queue *q, unsigned int id)
{
    q->sent[id].of = NULL;
    q->sent[id].kept = false;
    q->free[q->nr_free++] = (uint8_t)id;
}

/* Grants all pieces, each to a slot's number; all of them, or none. */
static int grant_pieces(struct netfront_queue *q, struct net_send *s,
                        uint8_t id[NETFRONT_MAX_PIECES])
{
    for (unsigned int i = 0; i < s->packet.nr; i++) {
        int ref = front_grant(q->net->bus.dom, s->packet.piece[i].data, true);

        if (ref < 0) {
            while (i--) {
                front_revoke(q->sent[id[i]].ref);
                slot_free(q, id[i]);
            }
            return ref;
        }
        id[i] = q->free[--q->nr_free];
        q->sent[id[i]].of = s;
        q->sent[id[i]].ref = (uint32_t)ref;
    }
    return 0;
}

static uint16_t flags_of(const struct net_packet *p, unsigned int i)
{
    uint16_t flags = i + 1 < p->nr ? HV_NETTXF_MORE_DATA : 0;

    if (i)
        return flags;
    if (p->csum_blank)
        flags |= HV_NETTXF_CSUM_BLANK | HV_NETTXF_DATA_VALIDATED;
    else if (p->csum_good)
        flags |= HV_NETTXF_DATA_VALIDATED;
    if (extras_of(p))
        flags |= HV_NETTXF_EXTRA_INFO;
    return flags;
}

static void put_gso(struct netfront_queue *q, const struct net_packet *p)
{
    const struct hv_netif_extra_info extra = {
        .type = HV_NETIF_EXTRA_TYPE_GSO,
        .u.gso = {.size = p->gso_size, .type = p->gso_type}};

    ring_front_put(&q->tx, &extra, sizeof(extra));
}

/* Whether there is room for so many slots in the ring, `numbers` of them with a number.
 * Numbers may be short when a back end that went has not let go of what it had mapped.
 */
static bool has_room(struct netfront_queue *q, unsigned int slots, unsigned int numbers)
{
    if (hv_ring_free(&q->tx.r) >= slots && q->nr_free >= numbers)
        return true;
    q->full = true;
    return false;
}

/* There is room for all of it. The first slot tells the size of the whole. */
static void put_packet(struct netfront_queue *q, const struct net_packet *p,
                       uint32_t size, const uint8_t id[NETFRONT_MAX_PIECES])
{
    for (unsigned int i = 0; i < p->nr; i++) {
        const struct hv_netif_tx_request r = {
            .gref = q->sent[id[i]].ref,
            .offset = offset_of(&p->piece[i]),
            .flags = flags_of(p, i),
            .id = id[i],
            .size = (uint16_t)(i ? p->piece[i].size : size)};

        ring_front_put(&q->tx, &r, sizeof(r));
        if (!i && extras_of(p))
            put_gso(q, p);
    }
}

int netfront_send(struct netfront *f, struct net_send *s)
{
    uint32_t size = size_of(&s->packet);
    uint8_t id[NETFRONT_MAX_PIECES];
    struct netfront_queue *q;
    int rc;

    if (f->state != NETFRONT_RUNNING)
        return -ENETDOWN;
    q = &f->queue[s->queue % f->nr_queues];
    rc = size ? unfit(f, &s->packet) : -EINVAL;
    if (rc)
        return rc;
    if (!has_room(q, s->packet.nr + extras_of(&s->packet), s->packet.nr))
        return -EAGAIN;
    rc = grant_pieces(q, s, id);
    if (rc)
        return rc;
    s->left = s->packet.nr;
    s->error = 0;
    put_packet(q, &s->packet, size, id);
    f->sent++;
    return 0;
}

int netfront_group(struct netfront *f, struct net_send *s, const uint8_t address[6],
                   bool named)
{
    struct hv_netif_tx_request r = {.flags = HV_NETTXF_EXTRA_INFO};
    struct hv_netif_extra_info extra = {.type = named ? HV_NETIF_EXTRA_TYPE_MCAST_ADD
                                                      : HV_NETIF_EXTRA_TYPE_MCAST_DEL};
    struct netfront_queue *q = &f->queue[0];

    if (f->state != NETFRONT_RUNNING)
        return -ENETDOWN;
    if (!f->groups)
        return -EOPNOTSUPP;
    if (!has_room(q, 2, 1))
        return -EAGAIN;
    for (unsigned int i = 0; i < sizeof(extra.u.mcast.addr); i++)
        extra.u.mcast.addr[i] = address[i];
    r.id = q->free[--q->nr_free];
    q->sent[r.id].of = s;
    q->sent[r.id].ref = 0;
    s->left = 1;
    s->error = 0;
    ring_front_put(&q->tx, &r, sizeof(r));
    ring_front_put(&q->tx, &extra, sizeof(extra));
    return 0;
}

/* One slot less is open of its packet. */
static void slot_done(struct netfront_queue *q, unsigned int id, int error)
{
    struct net_send *s = q->sent[id].of;

    slot_free(q, id);
    if (error)
        s->error = error;
    if (--s->left)
        return;
    if (s->error)
        q->net->lost++;
    s->done(s, s->error);
}

static int answer(struct netfront_queue *q, const struct hv_netif_tx_response *r)
{
    if (r->status == HV_NETIF_RSP_NULL)
        return 0;
    if (r->id >= NETFRONT_SLOTS || !q->sent[r->id].of || q->sent[r->id].kept)
        return -EPROTO;
    /* Who has answered a slot has let go of its page. */
    if (revoke(q->sent[r->id].ref))
        return -EPROTO;
    slot_done(q, r->id, r->status == HV_NETIF_RSP_OKAY ? 0 : -EIO);
    return 0;
}

/* Whoever was sent away may come again. */
static void tell_room(struct netfront_queue *q)
{
    if (!q->full || hv_ring_free(&q->tx.r) <= NETFRONT_MAX_PIECES ||
        q->nr_free < NETFRONT_MAX_PIECES)
        return;
    q->full = false;
    if (q->net->ready)
        q->net->ready(q->net);
}

int netfront_tx_run(struct netfront_queue *q)
{
    struct hv_netif_tx_response r;
    int rc;

    do {
        while ((rc = ring_front_take(&q->tx, &r, sizeof(r))) > 0) {
            rc = answer(q, &r);
            if (rc)
                return rc;
        }
        /* Half of what is under way at once: fewer events, and none too late. */
    } while (rc >= 0 && (rc = ring_front_arm_half(&q->tx)) > 0);
    if (rc < 0)
        return rc;
    tell_room(q);
    return 0;
}

void netfront_tx_open(struct netfront_queue *q)
{
    q->nr_free = 0;
    q->full = false;
    for (unsigned int id = NETFRONT_SLOTS; id-- > 0;)
        if (!q->sent[id].of)
            slot_free(q, id);
}

void netfront_tx_close(struct netfront_queue *q)
{
    for (unsigned int id = 0; id < NETFRONT_SLOTS; id++)
        q->sent[id].kept = q->sent[id].of != NULL;
}

void netfront_tx_reclaim(struct netfront_queue *q)
{
    /*
     * What the other end still has mapped may be on its way to somebody: whoever sent it
     * must not write there yet.
     */
    for (unsigned int id = 0; id < NETFRONT_SLOTS; id++)
        if (q->sent[id].kept && !revoke(q->sent[id].ref))
            slot_done(q, id, -ENETDOWN);
    if (q->net->state == NETFRONT_RUNNING)
        tell_room(q);
}
