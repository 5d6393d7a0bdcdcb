/* SPDX-License-Identifier: MIT */
/* A dom_sink_t that puts what it gets into memory that is large enough. */
#ifndef TOOLS_GATHER_H
#define TOOLS_GATHER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct gathered {
    uint8_t *data;
    size_t size;
};

static int gather(void *ctx, const uint8_t *data, size_t size)
{
    struct gathered *g = ctx;

    memcpy(g->data + g->size, data, size);
    g->size += size;
    return 0;
}

#endif
