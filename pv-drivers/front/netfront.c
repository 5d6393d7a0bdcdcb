/* SPDX-License-Identifier: MIT */
/* See netfront.h: the connection. */
#include <errno.h>
#include "abi/io/xenbus.h"
#include "netfront_priv.h"

/* Takes back what of an ended connection is not mapped any more. */
static void reclaim(struct netfront_queue *q)
{
    netfront_rx_close(q);
    while (q->rings_granted && !front_revoke(q->ring_ref[q->rings_granted - 1]))
        front_pages_free(q->ring_page[--q->rings_granted], 1);
    netfront_tx_reclaim(q);
}

/*
 * May be called again: a back end that closes still has pages mapped, one that is closed
 * has not.
 */
static void disconnect(struct netfront *f)
{
    netfront_ctrl_close(f);
    for (unsigned int i = f->max_queues; i-- > 0;) {
        struct netfront_queue *q = &f->queue[i];

        if (q->tx_port >= 0)
            front_event_close((uint32_t)q->tx_port);
        if (q->rx_port >= 0 && q->rx_port != q->tx_port)
            front_event_close((uint32_t)q->rx_port);
        q->tx_port = q->rx_port = -1;
        netfront_tx_close(q);
        reclaim(q);
    }
}

static void gone(struct netfront *f)
{
    f->state = NETFRONT_GONE;
    disconnect(f);
    bus_say(&f->bus, HV_XENBUS_STATE_CLOSED);
}

static void tx_event(void *arg)
{
    struct netfront_queue *q = arg;

    if (q->net->state == NETFRONT_RUNNING && netfront_tx_run(q))
        gone(q->net);
}

static void rx_event(void *arg)
{
    struct netfront_queue *q = arg;

    if (q->net->state == NETFRONT_RUNNING && netfront_rx_run(q))
        gone(q->net);
}

static void any_event(void *arg)
{
    tx_event(arg);
    rx_event(arg);
}

static void ctrl_event(void *net)
{
    struct netfront *f = net;

    if (f->state == NETFRONT_RUNNING && netfront_ctrl_run(f))
        gone(f);
}

static int grant_ring(struct netfront_queue *q, struct ring_front *ring, size_t slot)
{
    void *page = front_pages(1);
    int ref;

    if (!page)
        return -ENOMEM;
    ring_front_init(ring, page, FRONT_PAGE_SIZE, slot);
    ref = front_grant(q->net->bus.dom, page, false);
    if (ref < 0) {
        front_pages_free(page, 1);
        return ref;
    }
    q->ring_page[q->rings_granted] = page;
    q->ring_ref[q->rings_granted++] = (uint32_t)ref;
    return 0;
}

static int open_ports(struct netfront_queue *q)
{
    const struct netfront *f = q->net;

    q->tx_port = front_event_open(f->bus.dom, f->split ? tx_event : any_event, q);
    if (q->tx_port < 0)
        return q->tx_port;
    q->rx_port = f->split ? front_event_open(f->bus.dom, rx_event, q) : q->tx_port;
    return q->rx_port < 0 ? q->rx_port : 0;
}

/* "tx-ring-ref", or of several queues "queue-2/tx-ring-ref". */
static int write_number(const struct netfront_queue *q, const char *name, uint64_t value)
{
    char path[40] = "queue-N/";
    size_t n = q->net->nr_queues > 1 ? 8 : 0;

    path[6] = (char)('0' + (q - q->net->queue));
    while (*name)
        path[n++] = *name++;
    path[n] = 0;
    return bus_write(&q->net->bus, path, value);
}

/*
 * Back ends look for two event channels first, so they are named even if they are one:
 * those of an earlier connection may stand there.
 */
static int write_queue(const struct netfront_queue *q)
{
    int rc = write_number(q, "tx-ring-ref", q->ring_ref[0]);

    if (!rc)
        rc = write_number(q, "rx-ring-ref", q->ring_ref[1]);
    if (!rc && !q->net->split)
        rc = write_number(q, "event-channel", (uint64_t)q->tx_port);
    if (!rc)
        rc = write_number(q, "event-channel-tx", (uint64_t)q->tx_port);
    return rc ? rc : write_number(q, "event-channel-rx", (uint64_t)q->rx_port);
}

static int queue_offer(struct netfront_queue *q)
{
    int rc;

    q->rings_granted = 0; /* what is still mapped stays granted, and out of use */
    rc = grant_ring(q, &q->tx, sizeof(union hv_netif_tx_sring_entry));
    if (!rc)
        rc = grant_ring(q, &q->rx, sizeof(union hv_netif_rx_sring_entry));
    if (!rc)
        rc = open_ports(q);
    if (rc)
        return rc;
    netfront_tx_open(q);
    rc = netfront_rx_open(q);
    return rc ? rc : write_queue(q);
}

/* What both ends can do. */
static void agree(struct netfront *f)
{
    uint64_t queues = bus_back(&f->bus, "multi-queue-max-queues", 1);

    f->nr_queues = queues < f->max_queues ? (unsigned int)queues : f->max_queues;
    if (!f->nr_queues)
        f->nr_queues = 1;
    f->split = bus_back(&f->bus, "feature-split-event-channels", 0) != 0;
}

static int write_agreed(const struct netfront *f)
{
    static const char *const can[] = {"request-rx-copy",   "feature-rx-notify",
                                      "feature-sg",        "feature-gso-tcpv4",
                                      "feature-gso-tcpv6", "feature-ipv6-csum-offload"};
    int rc = 0;

    if (f->max_queues > 1)
        rc = bus_write(&f->bus, "multi-queue-num-queues", f->nr_queues);
    for (unsigned int i = 0; !rc && i < sizeof(can) / sizeof(*can); i++)
        rc = bus_write(&f->bus, can[i], 1);
    if (!rc && f->want_groups)
        rc = bus_write(&f->bus, "request-multicast-control", 1);
    return rc;
}

static void offer(struct netfront *f)
{
    int rc;

    /* The other way, by exchange of pages, no kernel of this century has. */
    if (!bus_back(&f->bus, "feature-rx-copy", 0)) {
        gone(f);
        return;
    }
    disconnect(f);
    agree(f);
    rc = write_agreed(f);
    for (unsigned int i = 0; !rc && i < f->nr_queues; i++)
        rc = queue_offer(&f->queue[i]);
    if (!rc)
        rc = netfront_ctrl_open(f, ctrl_event);
    if (!rc)
        rc = bus_say(&f->bus, HV_XENBUS_STATE_CONNECTED);
    if (rc)
        disconnect(f); /* the next look tries again */
    else
        f->state = NETFRONT_OFFERED;
}

static void run(struct netfront *f)
{
    f->sg = bus_back(&f->bus, "feature-sg", 0) != 0;
    f->csum = !bus_back(&f->bus, "feature-no-csum-offload", 0);
    f->csum_v6 = bus_back(&f->bus, "feature-ipv6-csum-offload", 0) != 0;
    f->gso_v4 = bus_back(&f->bus, "feature-gso-tcpv4", 0) != 0;
    f->gso_v6 = bus_back(&f->bus, "feature-gso-tcpv6", 0) != 0;
    f->groups = f->want_groups && bus_back(&f->bus, "feature-multicast-control", 0);
    f->state = NETFRONT_RUNNING;
    f->connections++;
    netfront_ctrl_start(f);
    /* Packets may have come before this did. */
    for (unsigned int i = 0; i < f->nr_queues; i++)
        any_event(&f->queue[i]);
    if (f->state == NETFRONT_RUNNING && f->ready)
        f->ready(f);
}

/* ---- What the kernel calls ---- */

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int read_mac(struct netfront *f)
{
    char text[18];

    if (bus_front_text(&f->bus, "mac", text, sizeof(text)) != 17)
        return -EINVAL;
    for (unsigned int i = 0; i < 6; i++) {
        int high = hex(text[i * 3]), low = hex(text[i * 3 + 1]);

        if (high < 0 || low < 0 || (i < 5 && text[i * 3 + 2] != ':'))
            return -EINVAL;
        f->mac[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

int netfront_start(struct netfront *f, const char *front, unsigned int queues)
{
    int rc = bus_find(&f->bus, front);

    if (!rc)
        rc = read_mac(f);
    f->state = NETFRONT_STARTING;
    f->mtu = (unsigned int)bus_front(&f->bus, "mtu", 1500);
    f->max_queues = queues < NETFRONT_MAX_QUEUES ? queues : NETFRONT_MAX_QUEUES;
    f->nr_queues = 1;
    f->ctrl.port = -1;
    for (unsigned int i = 0; i < NETFRONT_MAX_QUEUES; i++) {
        f->queue[i].net = f;
        f->queue[i].tx_port = f->queue[i].rx_port = -1;
    }
    return rc;
}

void netfront_look(struct netfront *f)
{
    unsigned int back = (unsigned int)bus_back(&f->bus, "state", 0);
    bool returns = bus_back(&f->bus, "online", 0) != 0;

    if (f->state == NETFRONT_GONE) {
        disconnect(f);
        return;
    }
    for (unsigned int i = 0; i < f->max_queues; i++)
        netfront_tx_reclaim(&f->queue[i]);
    switch (back) {
    case HV_XENBUS_STATE_INIT_WAIT:
        if (f->state == NETFRONT_STARTING)
            offer(f);
        break;
    case HV_XENBUS_STATE_CONNECTED:
        if (f->state == NETFRONT_OFFERED)
            run(f);
        break;
    case HV_XENBUS_STATE_CLOSING:
    case HV_XENBUS_STATE_CLOSED:
        if (!returns) {
            gone(f);
            break;
        }
        f->state = NETFRONT_STARTING;
        disconnect(f);
        bus_say(&f->bus, back == HV_XENBUS_STATE_CLOSED ? HV_XENBUS_STATE_INITIALISING
                                                        : HV_XENBUS_STATE_CLOSED);
        break;
    default:
        break;
    }
}

void netfront_kick(struct netfront *f)
{
    if (f->state != NETFRONT_RUNNING)
        return;
    for (unsigned int i = 0; i < f->nr_queues; i++)
        if (ring_front_push(&f->queue[i].tx))
            front_event_send((uint32_t)f->queue[i].tx_port);
}
