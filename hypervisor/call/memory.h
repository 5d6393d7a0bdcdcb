/* SPDX-License-Identifier: MIT */
/* What memory.c and memory_res.c share. */
#ifndef CALL_MEMORY_H
#define CALL_MEMORY_H

struct hcall;
long memory_reservation(struct hcall *h, unsigned op,
                        unsigned long start); /* extents done */
long memory_exchange(struct hcall *h);

#endif
