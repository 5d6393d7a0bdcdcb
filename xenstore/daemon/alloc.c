/* SPDX-License-Identifier: MIT */
/* malloc with one answer to failure. */
#include "daemon/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *check(void *p)
{
    if (!p) {
        fputs("xenstored: out of memory\n", stderr);
        abort();
    }
    return p;
}

void *xalloc(size_t size)
{
    return check(malloc(size));
}

void *xzalloc(size_t size)
{
    return check(calloc(1, size));
}

void *xrealloc(void *p, size_t size)
{
    return check(realloc(p, size));
}

void *xmemdup(const void *p, size_t size)
{
    return memcpy(xalloc(size), p, size);
}
