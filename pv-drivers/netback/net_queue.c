/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "netback/net_queue.h"

bool net_show(struct ring_back *ring, struct net_answers *a, uint32_t answered,
              size_t size)
{
    __atomic_store_n(&a->done, answered, __ATOMIC_RELEASE);
    while (ring->r.rsp_prod_pvt != answered)
        ring_back_answer(ring, &a->slot[ring->r.rsp_prod_pvt % NET_MAX_SLOTS], size);
    return ring_back_push(ring);
}

/* Begins behind the last answer, or behind those that a killed worker left to be written.
 */
static uint32_t take_up(struct ring_back *ring, struct net_answers *a, size_t size,
                        bool recover)
{
    uint32_t left = a->done - ring->r.rsp_prod_pvt;

    if (recover && a->valid && left <= ring->r.nr_ents) {
        net_show(ring, a, a->done, size);
        ring->r.req_cons = a->done;
    }
    a->done = ring->r.req_cons;
    a->valid = true;
    return ring->r.req_cons;
}

int net_queue_open(struct net_queue *q, struct net_device *dev, void *tx, void *rx,
                   int tap, struct net_journal *journal, bool recover)
{
    *q =
        (struct net_queue){.dev = dev, .tap = tap, .tap_ready = true, .journal = journal};
    q->tx_pages = door_grants_pages(dev->grants, NET_ALL_PAGES);
    if (!q->tx_pages)
        return -ENOMEM;
    q->rx_pages = q->tx_pages + NET_TX_PAGES * PAGE_SIZE;
    ring_back_init(&q->tx, tx, PAGE_SIZE, NET_TX_SLOT);
    ring_back_init(&q->rx, rx, PAGE_SIZE, NET_RX_SLOT);
    q->tx_answered =
        take_up(&q->tx, &journal->tx, sizeof(struct hv_netif_tx_response), recover);
    q->rx_answered =
        take_up(&q->rx, &journal->rx, sizeof(struct hv_netif_rx_response), recover);
    return 0;
}
