/* SPDX-License-Identifier: MIT */
/* The hypervisor's own memory: small blocks. */
#ifndef KERN_HEAP_H
#define KERN_HEAP_H

#include "lib/types.h"

/* Not with interrupts off: a fresh page may have to wait until other CPUs have flushed
 * their TLBs. */
void *heap_alloc(size_t n); /* zeroed, 16-byte aligned; NULL when out of memory */
void *heap_alloc_aligned(size_t n, size_t align); /* align: power of two up to a page */
void heap_free(void *p);                          /* NULL is fine */
#define heap_new(type) ((type *)heap_alloc(sizeof(type)))

#endif
