/* SPDX-License-Identifier: MIT */
/*
 * Allocation that does not fail: without memory the daemon says so and ends. Quotas bound
 * what clients can make it allocate, so no client reaches that point by itself.
 */
#ifndef DAEMON_ALLOC_H
#define DAEMON_ALLOC_H

#include <stddef.h>

void *xalloc(size_t size);
void *xzalloc(size_t size);
void *xrealloc(void *p, size_t size);
void *xmemdup(const void *p, size_t size);

#endif
