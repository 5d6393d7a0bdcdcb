/* SPDX-License-Identifier: MIT */
/*
 * What is received: the slot at an index of the ring stands for the page of that number,
 * so that an answer in any form (extra information names no slot) tells which it is. A
 * page is taken back from the back end before anything in it is looked at.
 */
#include <errno.h>
#include "netfront_priv.h"

#define MAX_EXTRAS (HV_NETIF_EXTRA_TYPE_MAX - 1)

/* Grants the pages of all slots that are free, and puts them into the ring. */
static void refill(struct netfront_queue *q)
{
    while (hv_ring_free(&q->rx.r)) {
        unsigned int id = q->rx.r.req_prod_pvt % NETFRONT_SLOTS;
        struct hv_netif_rx_request r = {.id = (uint16_t)id};
        int ref;

        ref = front_grant(q->net->bus.dom, q->buffer[id].page, false);
        if (ref < 0)
            return; /* fewer, until some are given back */
        q->buffer[id].ref = r.gref = (uint32_t)ref;
        ring_front_put(&q->rx, &r, sizeof(r));
    }
}

static void begin_packet(struct netfront_queue *q)
{
    q->coming = (struct net_packet){.queue = (unsigned int)(q - q->net->queue)};
    q->extras = 0;
    q->more_extra = q->more_data = q->bad = false;
}

int netfront_rx_open(struct netfront_queue *q)
{
    for (unsigned int id = 0; id < NETFRONT_SLOTS; id++) {
        /* A page that was there is still mapped: it stays granted, and out of use. */
        q->buffer[id].ref = 0;
        q->buffer[id].page = front_pages(1);
        if (!q->buffer[id].page)
            return -ENOMEM;
    }
    begin_packet(q);
    refill(q);
    ring_front_push(&q->rx);
    return 0;
}

void netfront_rx_close(struct netfront_queue *q)
{
    for (unsigned int id = 0; id < NETFRONT_SLOTS; id++) {
        if (!q->buffer[id].page || (q->buffer[id].ref && front_revoke(q->buffer[id].ref)))
            continue;
        front_pages_free(q->buffer[id].page, 1);
        q->buffer[id].page = NULL;
        q->buffer[id].ref = 0;
    }
}

static void take_hash(struct net_packet *p, const struct hv_netif_extra_info *extra)
{
    p->hashed = true;
    p->hash_type = extra->u.hash.type;
    p->hash = 0;
    for (unsigned int i = 0; i < sizeof(extra->u.hash.value); i++)
        p->hash |= (uint32_t)extra->u.hash.value[i] << 8 * i;
}

static void take_extra(struct netfront_queue *q, const struct hv_netif_extra_info *extra)
{
    q->more_extra = extra->flags & HV_NETIF_EXTRA_FLAG_MORE;
    if (++q->extras > MAX_EXTRAS)
        q->bad = true;
    if (extra->type == HV_NETIF_EXTRA_TYPE_HASH)
        take_hash(&q->coming, extra);
    if (extra->type != HV_NETIF_EXTRA_TYPE_GSO)
        return;
    q->coming.gso_type = extra->u.gso.type;
    q->coming.gso_size = extra->u.gso.size;
    if (extra->u.gso.type > HV_NETIF_GSO_TYPE_TCPV6 || !extra->u.gso.size)
        q->bad = true;
}

/* The answer says what of its page is a piece of the packet. */
static void take_piece(struct netfront_queue *q, unsigned int id,
                       const struct hv_netif_rx_response *r)
{
    struct net_packet *p = &q->coming;

    if (!q->more_data) {
        p->csum_blank = r->flags & HV_NETRXF_CSUM_BLANK;
        p->csum_good = r->flags & (HV_NETRXF_CSUM_BLANK | HV_NETRXF_DATA_VALIDATED);
        q->more_extra = r->flags & HV_NETRXF_EXTRA_INFO;
    }
    q->more_data = r->flags & HV_NETRXF_MORE_DATA;
    if (r->status <= 0 || r->offset > FRONT_PAGE_SIZE ||
        (uint32_t)r->status > FRONT_PAGE_SIZE - r->offset ||
        p->nr == NETFRONT_MAX_PIECES) {
        q->bad = true;
        return;
    }
    p->piece[p->nr].data = q->buffer[id].page + r->offset;
    p->piece[p->nr++].size = (uint32_t)r->status;
    p->size += (uint32_t)r->status;
}

static void end_packet(struct netfront_queue *q)
{
    struct netfront *f = q->net;

    if (q->bad) {
        f->dropped++;
    } else {
        f->received++;
        if (f->receive)
            f->receive(f, &q->coming);
    }
    begin_packet(q);
    refill(q);
}

/* The next answer: 1, or 0 if there is none, or -EPROTO. */
static int take_answer(struct netfront_queue *q)
{
    unsigned int id = q->rx.r.rsp_cons % NETFRONT_SLOTS;
    union {
        struct hv_netif_rx_response answer;
        struct hv_netif_extra_info extra;
    } slot;
    int rc = ring_front_take(&q->rx, &slot, sizeof(slot));

    if (rc <= 0)
        return rc;
    /* Who has answered a slot has let go of its page. */
    if (front_revoke(q->buffer[id].ref))
        return -EPROTO;
    q->buffer[id].ref = 0;
    if (q->more_extra)
        take_extra(q, &slot.extra);
    else if (slot.answer.id != id)
        return -EPROTO;
    else
        take_piece(q, id, &slot.answer);
    if (!q->more_extra && !q->more_data)
        end_packet(q);
    return 1;
}

int netfront_rx_run(struct netfront_queue *q)
{
    int rc;

    do {
        while ((rc = take_answer(q)) > 0)
            ;
    } while (!rc && (rc = ring_front_arm(&q->rx)) > 0);
    if (rc < 0)
        return rc;
    /* Without grants for a time, there may be some now. Pieces that are kept stay out. */
    if (q->bad || (!q->more_extra && !q->more_data))
        refill(q);
    if (ring_front_push(&q->rx))
        front_event_send((uint32_t)q->rx_port);
    return 0;
}
