/* SPDX-License-Identifier: MIT */
/* What a machine owes the core: reaching machine memory. */
#ifndef PORT_MAP_H
#define PORT_MAP_H

#include "lib/types.h"

/* All RAM is mapped all the time at DIRECTMAP_START (inline in <port_inline.h>):
 *   void *map_mfn(mfn_t m);       address of a frame's first byte
 *   mfn_t map_to_mfn(const void *p);  frame of an address that came from map_mfn or the
 * heap */
#include <port_inline.h>

void *map_io(paddr_t addr,
             size_t len); /* uncached, stays mapped; NULL when out of room */

/* The hypervisor's share (slots 256-271) of every level-4 table; mm copies it into
 * guests' tables. Slots are complete before the first domain is created and never change
 * afterwards, but for the per-domain slot, which holds nothing here. */
const uint64_t *map_master_l4(void);

/* The read-only and the writable view of the machine-to-phys table. max = one past the
 * last frame. */
uint64_t *map_m2p(void);
uint64_t map_max_mfn(void);
bool map_is_ram(
    mfn_t m); /* it has a place in the direct map, the frame table and the M2P */

/* Boot: what lay in the module is no longer needed; its frames go to page_alloc_add(). */
struct boot_module;
void map_free_module(const struct boot_module *m);

#endif
