/* SPDX-License-Identifier: MIT */
/*
 * The control ring: once connected, the back end is told step by step how to hash packets
 * and which queue each goes by. One that refuses a step spreads them as it likes.
 */
#include <errno.h>
#include "netfront_priv.h"

/* What is said, in this order. */
static const uint16_t steps[] = {
    HV_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, HV_NETIF_CTRL_TYPE_SET_HASH_KEY,
    HV_NETIF_CTRL_TYPE_SET_HASH_FLAGS, HV_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE,
    HV_NETIF_CTRL_TYPE_SET_HASH_MAPPING};
#define STEPS (sizeof(steps) / sizeof(steps[0]))

static int grant_page(struct netfront *f, bool readonly)
{
    struct netfront_ctrl *c = &f->ctrl;
    void *page = front_pages(1);
    int ref;

    if (!page)
        return -ENOMEM;
    ref = front_grant(f->bus.dom, page, readonly);
    if (ref < 0) {
        front_pages_free(page, 1);
        return ref;
    }
    c->page[c->granted] = page;
    c->ref[c->granted++] = (uint32_t)ref;
    return 0;
}

/* The next step's request. What it refers to lies in the second page. */
static void ask(struct netfront *f)
{
    const struct netfront_hash *h = f->hash;
    struct netfront_ctrl *c = &f->ctrl;
    struct hv_netif_ctrl_request r = {.id = (uint16_t)c->step, .type = steps[c->step]};
    uint8_t *key = c->page[1];
    uint32_t *queue = c->page[1];

    switch (r.type) {
    case HV_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM:
        r.data[0] = HV_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ;
        break;
    case HV_NETIF_CTRL_TYPE_SET_HASH_KEY:
        for (unsigned int i = 0; i < NETFRONT_HASH_KEY; i++)
            key[i] = h->key[i];
        r.data[0] = c->ref[1];
        r.data[1] = NETFRONT_HASH_KEY;
        break;
    case HV_NETIF_CTRL_TYPE_SET_HASH_FLAGS:
        r.data[0] = h->types;
        break;
    case HV_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE:
        r.data[0] = h->entries;
        break;
    default:
        for (unsigned int i = 0; i < h->entries; i++)
            queue[i] = h->queue[i] % f->nr_queues;
        r.data[0] = c->ref[1];
        r.data[1] = h->entries;
        break;
    }
    ring_front_put(&c->ring, &r, sizeof(r));
    if (ring_front_push(&c->ring))
        front_event_send((uint32_t)c->port);
}

int netfront_ctrl_open(struct netfront *f, void (*event)(void *net))
{
    struct netfront_ctrl *c = &f->ctrl;
    int rc;

    c->granted = 0; /* what is still mapped stays granted, and out of use */
    c->port = -1;
    if (!f->hash || !bus_back(&f->bus, "feature-ctrl-ring", 0))
        return 0;
    rc = grant_page(f, false);
    if (!rc)
        rc = grant_page(f, true);
    if (rc)
        return rc;
    ring_front_init(&c->ring, c->page[0], FRONT_PAGE_SIZE,
                    sizeof(union hv_netif_ctrl_sring_entry));
    c->port = front_event_open(f->bus.dom, event, f);
    if (c->port < 0)
        return c->port;
    rc = bus_write(&f->bus, "ctrl-ring-ref", c->ref[0]);
    return rc ? rc : bus_write(&f->bus, "event-channel-ctrl", (uint64_t)c->port);
}

void netfront_ctrl_start(struct netfront *f)
{
    f->ctrl.step = 0;
    if (f->ctrl.port >= 0)
        ask(f);
}

int netfront_ctrl_run(struct netfront *f)
{
    struct netfront_ctrl *c = &f->ctrl;
    struct hv_netif_ctrl_response r;
    int rc;

    do {
        while ((rc = ring_front_take(&c->ring, &r, sizeof(r))) > 0) {
            if (c->step == STEPS || r.id != c->step || r.type != steps[c->step])
                return -EPROTO;
            if (r.status != HV_NETIF_CTRL_STATUS_SUCCESS)
                continue; /* nothing is asked any more */
            if (++c->step < STEPS)
                ask(f);
        }
    } while (!rc && (rc = ring_front_arm(&c->ring)) > 0);
    f->spread = c->step == STEPS;
    return rc;
}

void netfront_ctrl_close(struct netfront *f)
{
    struct netfront_ctrl *c = &f->ctrl;

    f->spread = false;
    if (c->port >= 0)
        front_event_close((uint32_t)c->port);
    c->port = -1;
    while (c->granted && !front_revoke(c->ref[c->granted - 1]))
        front_pages_free(c->page[--c->granted], 1);
}
