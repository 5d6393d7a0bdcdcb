/* SPDX-License-Identifier: MIT */
/*
 * The console ring: free-running indices, reduced modulo the ring's size. The producer
 * publishes bytes by its index with release order, the consumer frees them the same
 * way; each acquire below pairs with the guest's release of that index.
 */
#include <stdint.h>
#include <string.h>

#include "consoled.h"

static uint32_t acquire(const uint32_t *index)
{
    return __atomic_load_n(index, __ATOMIC_ACQUIRE);
}

static void publish(uint32_t *index, uint32_t value)
{
    __atomic_store_n(index, value, __ATOMIC_RELEASE);
}

size_t ring_peek(struct hv_console_interface *ring, char *to, uint32_t *at)
{
    uint32_t prod = acquire(&ring->out_prod), cons = acquire(&ring->out_cons);
    uint32_t len = prod - cons;

    *at = cons;
    if (!len || len > sizeof(ring->out))
        return 0;
    for (uint32_t i = 0; i < len; i++)
        to[i] = ring->out[(cons + i) % sizeof(ring->out)];
    return len;
}

void ring_free(struct hv_console_interface *ring, uint32_t to)
{
    publish(&ring->out_cons, to);
}

void ring_free_again(struct hv_console_interface *ring, uint32_t to)
{
    uint32_t prod = acquire(&ring->out_prod), cons = acquire(&ring->out_cons);

    if (prod - cons <= sizeof(ring->out) && to - cons <= prod - cons)
        publish(&ring->out_cons, to);
}

size_t ring_room(struct hv_console_interface *ring)
{
    uint32_t used = acquire(&ring->in_prod) - acquire(&ring->in_cons);

    return used > sizeof(ring->in) ? 0 : sizeof(ring->in) - used;
}

void ring_give(struct hv_console_interface *ring, const char *from, size_t len)
{
    uint32_t prod = acquire(&ring->in_prod);

    for (size_t i = 0; i < len; i++)
        ring->in[(prod + i) % sizeof(ring->in)] = from[i];
    publish(&ring->in_prod, prod + (uint32_t)len);
}
