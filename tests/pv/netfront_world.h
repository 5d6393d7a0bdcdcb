/* SPDX-License-Identifier: MIT */
/*
 * A network front end on a kernel of its own (front_kernel.h), and a back end that does
 * what a test says.
 */
#ifndef NETFRONT_WORLD_H
#define NETFRONT_WORLD_H

#include <stdio.h>
#include <string.h>

#include "abi/io/xenbus.h"
#include "front/netfront.h"
#include "netback/net_queue.h"

#define FRONT "device/vif/0"
#define BACK  "/local/domain/0/backend/vif/1/0"
static void look(void);
#include "front_kernel.h"

/* ---- The back end ---- */
static struct netfront net;
static struct ring_back tx, rx; /* a back end that is not hvnetd's */

static void look(void)
{
    netfront_look(&net);
}

static void *ring_at(const char *path)
{
    unsigned int ref = (unsigned int)atoi(value_of(path));

    ck_assert_ptr_nonnull(grant[ref].page);
    ck_assert(!grant[ref].readonly);
    return grant[ref].page;
}

static void offered(void)
{
    state(HV_XENBUS_STATE_INIT_WAIT);
    ck_assert_uint_eq(said(), HV_XENBUS_STATE_CONNECTED);
}

static void connect_own(void)
{
    offered();
    ring_back_init(&tx, ring_at(FRONT "/tx-ring-ref"), PAGE_SIZE, NET_TX_SLOT);
    ring_back_init(&rx, ring_at(FRONT "/rx-ring-ref"), PAGE_SIZE, NET_RX_SLOT);
    state(HV_XENBUS_STATE_CONNECTED);
    ck_assert_int_eq(net.state, NETFRONT_RUNNING);
}

static void answer_rx(const void *r)
{
    struct hv_netif_rx_request q;

    ck_assert_int_eq(ring_back_take(&rx, &q, sizeof(q)), 1);
    ring_back_answer(&rx, r, 8);
}

static void rx_piece(int status, unsigned int offset, unsigned int flags)
{
    struct hv_netif_rx_response r = {.id = (uint16_t)(rx.r.rsp_prod_pvt % NETFRONT_SLOTS),
                                     .offset = (uint16_t)offset,
                                     .flags = (uint16_t)flags,
                                     .status = (int16_t)status};

    answer_rx(&r);
}

static void rx_show(void)
{
    ring_back_push(&rx);
    event((unsigned int)net.queue[0].rx_port);
}

/* ---- Whoever uses the interface ---- */
static uint8_t got[70000];
static struct net_packet last;
static unsigned int came, ready;

static void receive(struct netfront *f, const struct net_packet *p)
{
    uint32_t at = 0;

    for (unsigned int i = 0; i < p->nr; i++) {
        memcpy(got + at, p->piece[i].data, p->piece[i].size);
        at += p->piece[i].size;
    }
    ck_assert_uint_eq(at, p->size);
    last = *p;
    came++;
}

static void is_ready(struct netfront *f)
{
    ready++;
}

static void prepare(void)
{
    grants_left = 2000;
    front_write(FRONT "/backend", BACK);
    front_write(FRONT "/backend-id", "0");
    front_write(FRONT "/state", "1");
    front_write(FRONT "/mac", "00:16:3e:0A:bc:03");
    set("online", "1");
    set("feature-rx-copy", "1");
    set("feature-sg", "1");
    set("feature-gso-tcpv4", "1");
    set("feature-split-event-channels", "1");
    net.receive = receive;
    net.ready = is_ready;
    ck_assert_int_eq(netfront_start(&net, FRONT, 2), 0);
}

static unsigned int grants(void)
{
    return 2000 - grants_left;
}

#define RINGS 2U /* pages of a queue's, and grants, beside its buffers */

#endif
