/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's own memory: small blocks.
 *
 * Blocks of up to half a page come from slabs: a page with a header and as many blocks of
 * one size as fit, its free ones chained through themselves. Larger ones are whole pages
 * with the same header in front. Either way the header is found from the block's address:
 * it starts the block's page, or, where the block itself starts a page (aligned to
 * PAGE_SIZE), the page before. A slab that gets empty goes back to the frame allocator at
 * once, so that what a domain took is all there again when it is gone.
 *
 * Locks: heap_lock, RANK_HEAP; irqs are masked, since timers and interrupts may free.
 */
#include "kern/heap.h"
#include "kern/lock.h"
#include "kern/log.h"
#include "kern/page_alloc.h"
#include "lib/alloc.h"
#include "lib/list.h"
#include "lib/string.h"

#define HEADER     64u
#define SLAB_MAGIC 0x51ab51abu
#define BIG_MAGIC  0xb16b16b1u

struct heap_page {
    struct list_head list; /* slabs with free blocks of this class */
    void *free;            /* chain of free blocks */
    uint32_t magic;
    uint16_t cls;   /* slab: index of its size */
    uint16_t used;  /* slab: blocks given out */
    uint32_t order; /* big: what the frame allocator gave */
};
_Static_assert(sizeof(struct heap_page) <= HEADER, "header must fit");

/* The last but one gives three, the last two blocks a page. */
static const uint16_t sizes[] = {32, 64, 128, 192, 256, 384, 512, 640, 960, 1344, 2016};
#define CLASSES ARRAY_SIZE(sizes)

static spinlock_t heap_lock = SPINLOCK_INIT(RANK_HEAP);
static struct list_head partial[CLASSES]; /* zeroed: not yet a list */

static struct heap_page *page_of_block(void *p)
{
    uintptr_t a = (uintptr_t)p;

    return (struct heap_page *)((a & ~PAGE_MASK ? a & PAGE_MASK : a - PAGE_SIZE));
}

/* Blocks of the aligned sizes start at a multiple of their largest power of two. */
static unsigned first_block(unsigned cls)
{
    unsigned align = sizes[cls] & -sizes[cls];

    return ROUND_UP(HEADER, align);
}

static unsigned class_for(size_t n, size_t align)
{
    unsigned c = 0;

    while (c < CLASSES && (sizes[c] < n || (sizes[c] & (align - 1))))
        c++;
    return c;
}

static void slab_fill(struct heap_page *pg, unsigned cls)
{
    uint8_t *base = (uint8_t *)pg;

    pg->magic = SLAB_MAGIC;
    pg->cls = (uint16_t)cls;
    for (size_t at = first_block(cls); at + sizes[cls] <= PAGE_SIZE; at += sizes[cls]) {
        *(void **)(base + at) = pg->free;
        pg->free = base + at;
    }
    list_add(&pg->list, &partial[cls]);
}

/* From the slabs there are, and the new page if one is given. */
static void *take_block(unsigned cls, struct heap_page *fresh)
{
    irqflags_t f = spin_lock_irq(&heap_lock);
    struct heap_page *pg;
    void *p = NULL;

    if (!partial[cls].next)
        list_init(&partial[cls]);
    if (fresh)
        slab_fill(fresh, cls);
    if (!list_empty(&partial[cls])) {
        pg = list_entry(partial[cls].next, struct heap_page, list);
        p = pg->free;
        pg->free = *(void **)p;
        pg->used++;
        if (!pg->free)
            list_del(&pg->list);
    }
    spin_unlock_irq(&heap_lock, f);
    return p;
}

/* A page is never fetched under the lock: that may wait for other CPUs' TLBs, and they
 * for the lock. */
static void *alloc_small(unsigned cls)
{
    void *p = take_block(cls, NULL), *fresh;

    if (!p) {
        fresh = page_alloc_mapped(0);
        if (!fresh)
            return NULL;
        p = take_block(cls, fresh);
    }
    memset(p, 0, sizes[cls]);
    return p;
}

static void *alloc_big(size_t n, size_t align)
{
    size_t skip = ROUND_UP(HEADER, align);
    struct heap_page *pg;
    unsigned order = 0;

    if (n > (PAGE_SIZE << MAX_ORDER) - skip)
        return NULL;
    while ((PAGE_SIZE << order) < n + skip)
        order++;
    pg = page_alloc_mapped(order);
    if (!pg)
        return NULL;
    pg->magic = BIG_MAGIC;
    pg->order = order;
    return (uint8_t *)pg + skip;
}

void *heap_alloc_aligned(size_t n, size_t align)
{
    unsigned cls;

    ASSERT(align && !(align & (align - 1)) && align <= PAGE_SIZE);
    cls = class_for(n, align);
    return cls < CLASSES ? alloc_small(cls) : alloc_big(n, align);
}

void *heap_alloc(size_t n)
{
    return heap_alloc_aligned(n, 16);
}

static struct heap_page *free_small(struct heap_page *pg, void *p)
{
    irqflags_t f = spin_lock_irq(&heap_lock);
    struct heap_page *gone = NULL;

    ASSERT(pg->used);
    if (!pg->free)
        list_add(&pg->list, &partial[pg->cls]);
    *(void **)p = pg->free;
    pg->free = p;
    pg->used--;
    if (!pg->used) {
        list_del(&pg->list);
        gone = pg;
    }
    spin_unlock_irq(&heap_lock, f);
    return gone;
}

void heap_free(void *p)
{
    struct heap_page *pg;

    if (!p)
        return;
    pg = page_of_block(p);
    ASSERT(pg->magic == SLAB_MAGIC || pg->magic == BIG_MAGIC);
    if (pg->magic == BIG_MAGIC) {
        pg->magic = 0;
        page_free_mapped(pg, pg->order);
        return;
    }
    pg = free_small(pg, p);
    if (pg) {
        pg->magic = 0;
        page_free_mapped(pg, 0);
    }
}

void *lib_alloc(size_t n)
{
    return heap_alloc(n);
}

void lib_free(void *p)
{
    heap_free(p);
}
