/* SPDX-License-Identifier: MIT */
/* A worker's ways to its front end, opened before it gives up its rights. Each dies with
 * a line (worker_die()) when it cannot. */
#ifndef PV_WORKER_DOORS_H
#define PV_WORKER_DOORS_H

#include <stdbool.h>
#include <stdint.h>

#include "hv/door.h"

/* Event channels and grants; no other domain can be reached through the former. */
void worker_doors(struct door_events **events, struct door_grants **grants,
                  hv_domid_t domid);
/* Binds the front end's port; returns ours. `recover`: an earlier worker may just have
 * been killed, and the kernel be still closing its end. */
uint32_t worker_bind(struct door_events *events, hv_domid_t domid, uint32_t port,
                     bool recover);

#endif
