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

/* So many frames from m on become zero: for use at once, or, _cold, for later, past the
 * caches that others need. */
void map_zero(mfn_t m, uint64_t frames);
void map_zero_cold(mfn_t m, uint64_t frames);
/* A piece of one frame to another, as they are mapped here. They do not overlap. */
void map_copy(void *to, const void *from, size_t n);

void *map_io(paddr_t addr,
             size_t len); /* uncached, stays mapped; NULL when out of room */

/* The hypervisor's share (slots 256-271) of every level-4 table; mm copies it into
 * guests' tables. Slots are complete before the first domain is created and never change
 * afterwards, but for the per-domain slot, which holds nothing here. */
const uint64_t *map_master_l4(void);

/* The writable view of the machine-to-phys table. max = one past the last frame. */
uint64_t *map_m2p(void);
uint64_t map_max_mfn(void);
uint64_t map_ram_frames(void); /* all RAM of the machine, whoever has it */

/* Frame table and M2P are all there from boot on, but where no frame has been opened they
 * are one read-only page each: zero, and HV_INVALID_M2P_ENTRY. Opening frames puts memory
 * of their own behind them, `cost` frames from first on. Closing takes it away again, if
 * it is exactly the frames [first, end): ask map_frames_own(). Until TLBs are flushed
 * CPUs may use the old pages. Under the frame allocator's lock. */
uint64_t map_frames_cost(mfn_t start, mfn_t end);
void map_frames_open(mfn_t start, mfn_t end, mfn_t first);
bool map_frames_own(mfn_t start, mfn_t end, mfn_t first);
void map_frames_close(mfn_t start, mfn_t end);
/* The block of 2 MiB that the M2P's n-th 2 MiB lie in; INVALID_MFN: they lie in single
 * pages. gather puts them into a block. */
mfn_t map_m2p_piece(uint64_t n);
void map_m2p_gather(uint64_t n, mfn_t block);

/* Boot: what lay in the modules is no longer needed; it goes to page_alloc_add(). */
void map_free_modules(void);

#endif
