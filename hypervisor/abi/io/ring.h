/* SPDX-License-Identifier: MIT */
/*
 * Rings of requests and responses shared by a front end and a back end.
 *
 * The page(s) begin with struct hv_ring_index; fixed-size slots follow at byte 64. Their
 * number is a power of two. A slot holds a request until the back end overwrites it with
 * a response, so there are never more than nr_ents of them outstanding. All indices run
 * freely in 32 bits and are reduced modulo nr_ents only to find a slot.
 *
 *   front end: fills slots at req_prod_pvt, publishes them by storing req_prod (release),
 *              and consumes responses up to rsp_prod (acquire).
 *   back end:  consumes requests up to req_prod (acquire), publishes responses by storing
 *              rsp_prod (release).
 *
 * The consumer writes into *_event the producer index at which it wants a notification;
 * the producer must notify when its store passes that index. The consumer looks again
 * after it has written *_event, so no notification is lost: both sides put a full
 * barrier between their store and their load.
 *
 * Nothing in the page can be trusted: hv_ring_requests() and hv_ring_responses() never
 * return more than the ring can hold, and report an index that runs wild as -1.
 *
 * Reference: Xen public interface, io/ring.h.
 */
#ifndef HV_ABI_IO_RING_H
#define HV_ABI_IO_RING_H

#include <stdint.h>

struct hv_ring_index {
    uint32_t req_prod, req_event; /* front end writes prod, back end writes event */
    uint32_t rsp_prod, rsp_event; /* back end writes prod, front end writes event */
    uint8_t pvt_pad[4];
    uint8_t __pad[44];
};

/* Private state of the two ends. */
struct hv_ring_front {
    uint32_t req_prod_pvt;
    uint32_t rsp_cons;
    uint32_t nr_ents;
    struct hv_ring_index *idx;
};

struct hv_ring_back {
    uint32_t rsp_prod_pvt;
    uint32_t req_cons;
    uint32_t nr_ents;
    struct hv_ring_index *idx;
};

/* Declares struct NAME_sring, the shared page(s), with slots of the two types. */
#define HV_RING_TYPES(name, req_t, rsp_t)                                                \
    union name##_sring_entry {                                                           \
        req_t req;                                                                       \
        rsp_t rsp;                                                                       \
    };                                                                                   \
    struct name##_sring {                                                                \
        struct hv_ring_index idx;                                                        \
        union name##_sring_entry ring[1];                                                \
    }

/* How many slots of entry bytes fit into a ring of bytes, as a power of two. */
static inline uint32_t hv_ring_size(uint32_t bytes, uint32_t entry)
{
    uint32_t n = 1;

    while (n * 2 * entry <= bytes - (uint32_t)sizeof(struct hv_ring_index))
        n *= 2;
    return n;
}

/* The slot of an index, for either end r. */
#define HV_RING_SLOT(r, sring, i) (&(sring)->ring[(i) & ((r)->nr_ents - 1)])

/* Makes the page ready; done once, by the front end. */
static inline void hv_ring_init(struct hv_ring_index *idx)
{
    uint32_t i;

    idx->req_prod = idx->rsp_prod = 0;
    idx->req_event = idx->rsp_event = 1;
    for (i = 0; i < sizeof(idx->pvt_pad); i++)
        idx->pvt_pad[i] = 0;
    for (i = 0; i < sizeof(idx->__pad); i++)
        idx->__pad[i] = 0;
}

static inline void hv_ring_front_init(struct hv_ring_front *f, struct hv_ring_index *idx,
                                      uint32_t nr_ents)
{
    f->req_prod_pvt = 0;
    f->rsp_cons = 0;
    f->nr_ents = nr_ents;
    f->idx = idx;
}

static inline void hv_ring_back_init(struct hv_ring_back *b, struct hv_ring_index *idx,
                                     uint32_t nr_ents)
{
    b->rsp_prod_pvt = 0;
    b->req_cons = 0;
    b->nr_ents = nr_ents;
    b->idx = idx;
}

/* Takes up a ring that was in use before: nothing published is lost. */
static inline void hv_ring_front_attach(struct hv_ring_front *f,
                                        struct hv_ring_index *idx, uint32_t nr_ents)
{
    hv_ring_front_init(f, idx, nr_ents);
    f->req_prod_pvt = __atomic_load_n(&idx->req_prod, __ATOMIC_ACQUIRE);
    f->rsp_cons = __atomic_load_n(&idx->rsp_prod, __ATOMIC_ACQUIRE);
}

static inline void hv_ring_back_attach(struct hv_ring_back *b, struct hv_ring_index *idx,
                                       uint32_t nr_ents)
{
    hv_ring_back_init(b, idx, nr_ents);
    b->rsp_prod_pvt = b->req_cons = __atomic_load_n(&idx->rsp_prod, __ATOMIC_ACQUIRE);
}

/* Slots free for new requests. */
static inline uint32_t hv_ring_free(const struct hv_ring_front *f)
{
    return f->nr_ents - (f->req_prod_pvt - f->rsp_cons);
}

/* Requests waiting for the back end; -1 if the front end wrote nonsense. */
static inline int32_t hv_ring_requests(const struct hv_ring_back *b)
{
    uint32_t prod = __atomic_load_n(&b->idx->req_prod, __ATOMIC_ACQUIRE);

    if (prod - b->rsp_prod_pvt > b->nr_ents)
        return -1;
    return (int32_t)(prod - b->req_cons);
}

/* Responses waiting for the front end; -1 if the back end wrote nonsense. */
static inline int32_t hv_ring_responses(const struct hv_ring_front *f)
{
    uint32_t prod = __atomic_load_n(&f->idx->rsp_prod, __ATOMIC_ACQUIRE);

    if (prod - f->rsp_cons > f->req_prod_pvt - f->rsp_cons)
        return -1;
    return (int32_t)(prod - f->rsp_cons);
}

/* Publishes prod; returns whether the other end asked to be notified. */
static inline int hv_ring_push(uint32_t *shared_prod, const uint32_t *event,
                               uint32_t prod)
{
    uint32_t old = __atomic_load_n(shared_prod, __ATOMIC_RELAXED);

    __atomic_store_n(shared_prod, prod, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* pairs with the fence in hv_ring_arm_* */
    return prod - __atomic_load_n(event, __ATOMIC_RELAXED) < prod - old;
}

static inline int hv_ring_push_requests(struct hv_ring_front *f)
{
    return hv_ring_push(&f->idx->req_prod, &f->idx->req_event, f->req_prod_pvt);
}

static inline int hv_ring_push_responses(struct hv_ring_back *b)
{
    return hv_ring_push(&b->idx->rsp_prod, &b->idx->rsp_event, b->rsp_prod_pvt);
}

/* Asks to be notified of the next one, and counts what came in the meantime. */
static inline int32_t hv_ring_arm_requests(struct hv_ring_back *b)
{
    __atomic_store_n(&b->idx->req_event, b->req_cons + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* pairs with the fence in hv_ring_push */
    return hv_ring_requests(b);
}

static inline int32_t hv_ring_arm_responses(struct hv_ring_front *f)
{
    __atomic_store_n(&f->idx->rsp_event, f->rsp_cons + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* pairs with the fence in hv_ring_push */
    return hv_ring_responses(f);
}

#endif
