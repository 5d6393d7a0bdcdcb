/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "netback/net_ctrl.h"

#define GOOD    HV_NETIF_CTRL_STATUS_SUCCESS
#define BAD     HV_NETIF_CTRL_STATUS_INVALID_PARAMETER
#define UNKNOWN HV_NETIF_CTRL_STATUS_NOT_SUPPORTED

/* Copies what the request refers to, from the beginning of the page. */
static bool fetch(const struct net_ctrl *c, uint32_t ref, uint32_t size)
{
    const struct door_copy piece = {.local = c->page, .ref = ref, .len = (uint16_t)size};

    return !size || !door_grant_copy_from(c->grants, c->domid, &piece, 1);
}

static uint32_t set_algorithm(struct net_hash *h, uint32_t algorithm)
{
    if (algorithm > HV_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ)
        return BAD;
    h->algorithm = algorithm;
    return GOOD;
}

static uint32_t set_types(struct net_hash *h, uint32_t types)
{
    if ((types & ~(uint32_t)NET_HASH_TYPES) ||
        h->algorithm == HV_NETIF_CTRL_HASH_ALGORITHM_NONE)
        return BAD;
    h->types = types;
    return GOOD;
}

static uint32_t set_key(const struct net_ctrl *c, struct net_hash *h, uint32_t ref,
                        uint32_t size)
{
    if (size > NET_HASH_KEY || !fetch(c, ref, size))
        return BAD;
    memset(h->key, 0, NET_HASH_KEY);
    memcpy(h->key, c->page, size);
    return GOOD;
}

static uint32_t set_entries(struct net_hash *h, uint32_t entries)
{
    if (entries > NET_HASH_MAPPING)
        return BAD;
    h->entries = entries;
    memset(h->queue, 0, sizeof(h->queue));
    return GOOD;
}

/* A part of the table: all of it is right, or nothing is changed. */
static uint32_t set_mapping(const struct net_ctrl *c, struct net_hash *h, uint32_t ref,
                            uint32_t nr, uint32_t first)
{
    uint32_t queue[NET_HASH_MAPPING];

    if (nr > h->entries || first > h->entries - nr ||
        !fetch(c, ref, nr * (uint32_t)sizeof(queue[0])))
        return BAD;
    memcpy(queue, c->page, nr * sizeof(queue[0]));
    for (uint32_t i = 0; i < nr; i++)
        if (queue[i] >= c->queues)
            return BAD;
    memcpy(h->queue + first, queue, nr * sizeof(queue[0]));
    return GOOD;
}

static struct hv_netif_ctrl_response answer_to(const struct net_ctrl *c,
                                               const struct hv_netif_ctrl_request *req)
{
    struct hv_netif_ctrl_response rsp = {
        .id = req->id, .type = req->type, .status = UNKNOWN};
    struct net_hash *h = &c->journal->hash;

    switch (req->type) {
    case HV_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM:
        rsp.status = set_algorithm(h, req->data[0]);
        break;
    case HV_NETIF_CTRL_TYPE_GET_HASH_FLAGS:
        if (h->algorithm == HV_NETIF_CTRL_HASH_ALGORITHM_NONE)
            break;
        rsp.status = GOOD;
        rsp.data = NET_HASH_TYPES;
        break;
    case HV_NETIF_CTRL_TYPE_SET_HASH_FLAGS:
        rsp.status = set_types(h, req->data[0]);
        break;
    case HV_NETIF_CTRL_TYPE_SET_HASH_KEY:
        rsp.status = set_key(c, h, req->data[0], req->data[1]);
        break;
    case HV_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE:
        rsp.status = GOOD;
        rsp.data = NET_HASH_MAPPING;
        break;
    case HV_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE:
        rsp.status = set_entries(h, req->data[0]);
        break;
    case HV_NETIF_CTRL_TYPE_SET_HASH_MAPPING:
        rsp.status = set_mapping(c, h, req->data[0], req->data[1], req->data[2]);
        break;
    default:
        break;
    }
    return rsp;
}

static bool show(struct net_ctrl *c)
{
    ring_back_answer(&c->ring, &c->journal->last, sizeof(c->journal->last));
    return ring_back_push(&c->ring);
}

void net_ctrl_open(struct net_ctrl *c, void *shared, bool recover)
{
    struct net_ctrl_journal *j = c->journal;

    ring_back_init(&c->ring, shared, PAGE_SIZE, NET_CTRL_SLOT);
    if (!recover) {
        memset(j, 0, sizeof(*j));
        j->done = c->ring.r.rsp_prod_pvt;
    } else if (j->done - c->ring.r.rsp_prod_pvt == 1) {
        /* Its answer may stand in the ring, unseen, where its request was. */
        c->ring.r.req_cons++;
        show(c);
    }
}

int net_ctrl_run(struct net_ctrl *c, bool *notify)
{
    struct hv_netif_ctrl_request req;
    int rc = 1;

    *notify = false;
    for (uint32_t n = 0; n < c->ring.r.nr_ents; n++) {
        rc = ring_back_take(&c->ring, &req, sizeof(req));
        if (rc <= 0)
            break;
        c->journal->last = answer_to(c, &req);
        __atomic_store_n(&c->journal->done, c->ring.r.req_cons, __ATOMIC_RELEASE);
        *notify |= show(c);
    }
    return rc;
}

int net_ctrl_arm(struct net_ctrl *c)
{
    return ring_back_arm(&c->ring);
}
