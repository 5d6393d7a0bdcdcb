/* SPDX-License-Identifier: MIT */
/*
 * Both ends of a shared ring of requests and responses, over abi/io/ring.h.
 *
 * The rule that this file is for: what the other side can write is read exactly once,
 * into memory of our own, and only the copy is looked at. So nothing that was checked can
 * change afterwards, and an index that runs wild is seen before anything is taken.
 *
 * Reference: Xen public interface, io/ring.h.
 */
#ifndef PV_RING_H
#define PV_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/io/ring.h"

struct ring_back {
    struct hv_ring_back r;
    uint8_t *slots;
    size_t slot;
};

struct ring_front {
    struct hv_ring_front r;
    uint8_t *slots;
    size_t slot;
};

/* How many slots a ring of that many bytes has. */
uint32_t ring_entries(size_t bytes, size_t slot);

/*
 * Takes up a ring at shared, of `bytes` (whole pages), whose slots are of `slot` bytes:
 * the larger of request and response. It begins after the last response in it.
 */
void ring_back_init(struct ring_back *b, void *shared, size_t bytes, size_t slot);
/* The same, at indices that we remember ourselves. */
void ring_back_resume(struct ring_back *b, void *shared, size_t bytes, size_t slot,
                      uint32_t req_cons, uint32_t rsp_prod);
/* Copies the next request: 1. None is there: 0. The index is nonsense: -EPROTO. */
int ring_back_take(struct ring_back *b, void *req, size_t size);
/* Writes a response, not yet seen by the other end. */
void ring_back_answer(struct ring_back *b, const void *rsp, size_t size);
/* Shows all responses; returns whether the other end wants to be notified. */
bool ring_back_push(struct ring_back *b);
/* Asks for a notification of the next request; as ring_back_take: 1 if one is there. */
int ring_back_arm(struct ring_back *b);
/* The same for when there are n of them; 1 if there are. */
int ring_back_arm_for(struct ring_back *b, uint32_t n);

/* Makes a new ring in `bytes` of zeroed memory that will be granted. */
void ring_front_init(struct ring_front *f, void *shared, size_t bytes, size_t slot);
/* False: all slots are in use. */
bool ring_front_put(struct ring_front *f, const void *req, size_t size);
bool ring_front_push(struct ring_front *f);
int ring_front_take(struct ring_front *f, void *rsp, size_t size);
int ring_front_arm(struct ring_front *f);
/* The same for when more than half of what is open now is answered; 1 if it is. */
int ring_front_arm_half(struct ring_front *f);

#endif
