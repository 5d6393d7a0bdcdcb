/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "common/ring.h"

uint32_t ring_entries(size_t bytes, size_t slot)
{
    return hv_ring_size((uint32_t)bytes, (uint32_t)slot);
}

static uint8_t *slot_of(uint8_t *slots, size_t slot, uint32_t nr_ents, uint32_t index)
{
    return slots + (index & (nr_ents - 1)) * slot;
}

/*
 * The one place where shared memory is read. The fence keeps the compiler from reading it
 * again instead of the copy.
 */
static void copy_once(void *out, const uint8_t *shared, size_t size)
{
    memcpy(out, shared, size);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

void ring_back_init(struct ring_back *b, void *shared, size_t bytes, size_t slot)
{
    hv_ring_back_attach(&b->r, shared, ring_entries(bytes, slot));
    b->slots = (uint8_t *)shared + sizeof(struct hv_ring_index);
    b->slot = slot;
}

void ring_back_resume(struct ring_back *b, void *shared, size_t bytes, size_t slot,
                      uint32_t req_cons, uint32_t rsp_prod)
{
    ring_back_init(b, shared, bytes, slot);
    b->r.req_cons = req_cons;
    b->r.rsp_prod_pvt = rsp_prod;
}

int ring_back_take(struct ring_back *b, void *req, size_t size)
{
    int32_t waiting = hv_ring_requests(&b->r);

    if (waiting < 0)
        return -EPROTO;
    if (!waiting)
        return 0;
    copy_once(req, slot_of(b->slots, b->slot, b->r.nr_ents, b->r.req_cons), size);
    b->r.req_cons++;
    return 1;
}

void ring_back_answer(struct ring_back *b, const void *rsp, size_t size)
{
    memcpy(slot_of(b->slots, b->slot, b->r.nr_ents, b->r.rsp_prod_pvt), rsp, size);
    b->r.rsp_prod_pvt++;
}

bool ring_back_push(struct ring_back *b)
{
    return hv_ring_push_responses(&b->r);
}

int ring_back_arm(struct ring_back *b)
{
    int32_t waiting = hv_ring_arm_requests(&b->r);

    return waiting < 0 ? -EPROTO : waiting > 0;
}

int ring_back_arm_for(struct ring_back *b, uint32_t n)
{
    int32_t waiting;

    __atomic_store_n(&b->r.idx->req_event, b->r.req_cons + n, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* pairs with the fence in hv_ring_push */
    waiting = hv_ring_requests(&b->r);
    return waiting < 0 ? -EPROTO : waiting >= (int32_t)n;
}

void ring_front_init(struct ring_front *f, void *shared, size_t bytes, size_t slot)
{
    hv_ring_init(shared);
    hv_ring_front_init(&f->r, shared, ring_entries(bytes, slot));
    f->slots = (uint8_t *)shared + sizeof(struct hv_ring_index);
    f->slot = slot;
}

bool ring_front_put(struct ring_front *f, const void *req, size_t size)
{
    if (!hv_ring_free(&f->r))
        return false;
    memcpy(slot_of(f->slots, f->slot, f->r.nr_ents, f->r.req_prod_pvt), req, size);
    f->r.req_prod_pvt++;
    return true;
}

bool ring_front_push(struct ring_front *f)
{
    return hv_ring_push_requests(&f->r);
}

int ring_front_take(struct ring_front *f, void *rsp, size_t size)
{
    int32_t waiting = hv_ring_responses(&f->r);

    if (waiting < 0)
        return -EPROTO;
    if (!waiting)
        return 0;
    copy_once(rsp, slot_of(f->slots, f->slot, f->r.nr_ents, f->r.rsp_cons), size);
    f->r.rsp_cons++;
    return 1;
}

int ring_front_arm(struct ring_front *f)
{
    int32_t waiting = hv_ring_arm_responses(&f->r);

    return waiting < 0 ? -EPROTO : waiting > 0;
}

int ring_front_arm_half(struct ring_front *f)
{
    uint32_t half = (f->r.req_prod_pvt - f->r.rsp_cons) / 2;
    int32_t waiting;

    __atomic_store_n(&f->r.idx->rsp_event, f->r.rsp_cons + half + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* pairs with the fence in hv_ring_push */
    waiting = hv_ring_responses(&f->r);
    return waiting < 0 ? -EPROTO : waiting > (int32_t)half;
}
