/* SPDX-License-Identifier: MIT */
/* What this room asks of the one above: memory. kern/heap.c provides it. */
#ifndef LIB_ALLOC_H
#define LIB_ALLOC_H

#include "lib/types.h"

void *lib_alloc(size_t n); /* zeroed; NULL when out of memory */
void lib_free(void *p);    /* NULL is fine */

#endif
