/* SPDX-License-Identifier: MIT */
/*
 * Memory for data on their way between a guest's pages and the image. The kernel knows it
 * from the start (disk.h), so that it need not look up and pin each page of each request:
 * that costs more than copying does, several times so for pages of another domain.
 */
#ifndef BLKBACK_POOL_H
#define BLKBACK_POOL_H

#include <stddef.h>
#include <stdint.h>

#define POOL_PAGE  4096U
#define POOL_PAGES 1024U /* 4 MiB: four of the largest requests */

struct pool {
    char *base;
    unsigned int next; /* where to look first */
    unsigned int used; /* pages */
    uint64_t taken[POOL_PAGES / 64];
};

/* 0 or -ENOMEM. */
int pool_open(struct pool *pool);
void pool_close(struct pool *pool);
/* Contiguous memory from a page's start; NULL if there is none now. */
void *pool_get(struct pool *pool, size_t size);
void pool_put(struct pool *pool, void *memory, size_t size);

#endif
