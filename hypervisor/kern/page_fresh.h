/* SPDX-License-Identifier: MIT */
/* RAM that is not in use, nor known frame by frame. It costs nothing but a place in a
 * short list: its part of the frame table and of the M2P gets memory of its own when it
 * is opened. That comes from the very frames that are opened, so that opening needs
 * nothing from anywhere else, and goes back to them when they are all free again.
 *
 * Under the frame allocator's lock, all of it. */
#ifndef KERN_PAGE_FRESH_H
#define KERN_PAGE_FRESH_H

#include "lib/types.h"

/* Frames [start, clean) are zero, [clean, end) may hold anything. */
struct fresh {
    uint64_t start, clean, end;
};

/* Frames are opened in sections, or several at once for larger blocks. A section that is
 * a whole one, aligned, can be closed again; FRESH_ORDER is the largest block in it. */
#define FRESH_SECTION 4096u /* frames: 16 MiB, whose frame table is 128 KiB */
#define FRESH_ORDER   11u

/* [start, end), which does not cross 4 GiB, is fresh; false: one range too many. */
bool fresh_add(uint64_t start, uint64_t end, bool clean);
bool fresh_room(void); /* for one range more */
/* Opens a part of the ranges within [from, to) that has an aligned block of that order
 * below end. What is in *part are then frames as any others, once TLBs were flushed. */
bool fresh_open(unsigned order, uint64_t from, uint64_t to, uint64_t end,
                struct fresh *part);
/* So many frames in a row, still without struct page; 0: there are none. They come back
 * by fresh_add(). */
uint64_t fresh_take(uint64_t frames);
bool fresh_scrub(void); /* zeroes a little; false: all is clean */

extern uint64_t fresh_frames; /* in all ranges */
extern uint64_t fresh_dirty;  /* of these, not known to be zero */
uint64_t fresh_usable(void);  /* of these, what is left when all are opened */

#endif
