/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "blkback/pool.h"

int pool_open(struct pool *pool)
{
    void *base = mmap(NULL, POOL_PAGES * POOL_PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    memset(pool, 0, sizeof(*pool));
    if (base == MAP_FAILED)
        return -ENOMEM;
    pool->base = base;
    return 0;
}

void pool_close(struct pool *pool)
{
    munmap(pool->base, POOL_PAGES * POOL_PAGE);
    pool->base = NULL;
}

static unsigned int pages(size_t size)
{
    return (unsigned int)((size + POOL_PAGE - 1) / POOL_PAGE);
}

static bool taken(const struct pool *pool, unsigned int page)
{
    return pool->taken[page / 64] >> page % 64 & 1;
}

static void mark(struct pool *pool, unsigned int first, unsigned int nr)
{
    for (unsigned int page = first; page < first + nr; page++)
        pool->taken[page / 64] ^= 1ULL << page % 64;
}

/* The first of nr free pages in [from, to), or `to`. */
static unsigned int find(const struct pool *pool, unsigned int from, unsigned int to,
                         unsigned int nr)
{
    unsigned int free = 0;

    for (unsigned int page = from; page < to; page++) {
        free = taken(pool, page) ? 0 : free + 1;
        if (free == nr)
            return page + 1 - nr;
    }
    return to;
}

void *pool_get(struct pool *pool, size_t size)
{
    unsigned int nr = pages(size), first;

    if (!nr || nr > POOL_PAGES - pool->used)
        return NULL;
    first = find(pool, pool->next, POOL_PAGES, nr);
    if (first == POOL_PAGES)
        first = find(pool, 0, POOL_PAGES, nr);
    if (first == POOL_PAGES)
        return NULL;
    mark(pool, first, nr);
    pool->used += nr;
    pool->next = (first + nr) % POOL_PAGES;
    return pool->base + (size_t)first * POOL_PAGE;
}

void pool_put(struct pool *pool, void *memory, size_t size)
{
    unsigned int first = (unsigned int)(((char *)memory - pool->base) / POOL_PAGE);

    mark(pool, first, pages(size));
    pool->used -= pages(size);
    /* What was used last is what the caches have. */
    pool->next = first;
}
