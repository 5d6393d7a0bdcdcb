/* SPDX-License-Identifier: MIT */
/* Memory behind the frame table and the M2P (port/map.h, map_frames_open).
 *
 * From boot on all of both is mapped, in level-1 tables that hold one page each over and
 * over: where no frame was ever opened struct page reads as zero and the M2P as invalid,
 * to the hypervisor and to guests, and nothing can be written.
 *
 * The M2P's two views share their level-2 tables; level 3 says who may do what.
 *
 * Locks: tables change under the frame allocator's lock, or with all other CPUs parked
 * and that lock free. */
#include <stdatomic.h>
#include "hw/boot/boot.h"
#include "kern/page_alloc.h"
#include "lib/string.h"
#include "port/cpu.h"
#include "port/ipi.h"
#include "port/map.h"

#define SIZE_2M (1ull << 21)
#define SIZE_1G (1ull << 30)
#define TABLE   (PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D) /* level 3 may still forbid */

struct view {
    vaddr_t start;
    unsigned size; /* bytes a frame */
    int fill;
    uint64_t flags;      /* of a page; PTE_RW only where there is memory of its own */
    paddr_t page, table; /* for what was not opened */
};
static struct view
    frame_view = {FRAMETABLE_START, sizeof(struct page), 0, PTE_DATA & ~PTE_RW, 0, 0},
    m2p_view = {
        M2P_RW_START, sizeof(uint64_t), 0xff, (PTE_DATA & ~PTE_RW) | PTE_US, 0, 0};

static uint64_t *level2(vaddr_t va)
{
    return paging_entry(va, 2, false);
}

static uint64_t *level1(uint64_t l2, vaddr_t va)
{
    return (uint64_t *)phys_ptr(l2 & PTE_ADDR) + (va >> PAGE_SHIFT & 511);
}

static void set(uint64_t *e, uint64_t val)
{
    __atomic_store_n(e, val, __ATOMIC_RELEASE);
}

/* Level-1 tables for the RAM's part, one for all the rest. */
static void build(struct view *v)
{
    vaddr_t end = v->start + map_max_mfn() * v->size;
    const struct boot_range *r;
    unsigned n = memory_ram_ranges(&r);

    v->page = boot_page();
    v->table = boot_page();
    memset(phys_ptr(v->page), v->fill, PAGE_SIZE);
    for (unsigned i = 0; i < 512; i++)
        ((uint64_t *)phys_ptr(v->table))[i] = v->page | paging_bits(v->flags);
    for (vaddr_t va = v->start; va < end; va += SIZE_2M)
        *level2(va) = v->table | TABLE;
    for (unsigned i = 0; i < n; i++) {
        vaddr_t va = v->start + (r[i].start >> PAGE_SHIFT) * v->size,
                stop = v->start + (r[i].end >> PAGE_SHIFT) * v->size;

        for (va &= ~(SIZE_2M - 1); va < stop; va += SIZE_2M) {
            paddr_t own;

            if ((*level2(va) & PTE_ADDR) != v->table)
                continue;
            own = boot_page();
            memcpy(phys_ptr(own), phys_ptr(v->table), PAGE_SIZE);
            *level2(va) = own | TABLE;
        }
    }
}

void paging_build_frames(void)
{
    uint64_t bytes = map_max_mfn() * m2p_view.size;

    build(&frame_view);
    build(&m2p_view);
    for (uint64_t at = 0; at < bytes; at += SIZE_1G)
        *paging_entry(M2P_RO_START + at, 3, true) =
            (*paging_entry(M2P_RW_START + at, 3, false) & PTE_ADDR) | (TABLE & ~PTE_RW);
}

/* The level-1 entry of the page that starts at va; NULL: it is part of a larger one. */
static uint64_t *page_entry(vaddr_t va)
{
    uint64_t l2 = *level2(va);

    return l2 & PTE_PS ? NULL : level1(l2, va);
}

#define for_each_page(va, v, from, to)                                                   \
    for ((va) = ((v)->start + (from).n * (v)->size) & PAGE_MASK;                         \
         (va) < (v)->start + (to).n * (v)->size; (va) += PAGE_SIZE)

/* How many pages of a part have no memory of their own; or, `own`, have it among the
 * frames [first, to). */
static uint64_t count(const struct view *v, mfn_t from, mfn_t to, bool own, mfn_t first)
{
    uint64_t n = 0;
    vaddr_t va;

    for_each_page(va, v, from, to)
    {
        uint64_t *e = page_entry(va), at = e ? (*e & PTE_ADDR) >> PAGE_SHIFT : 0;

        if (e && ((*e & PTE_ADDR) != v->page) == own)
            n += !own || (at >= first.n && at < to.n);
    }
    return n;
}

static void open_pages(const struct view *v, mfn_t from, mfn_t to, paddr_t *at)
{
    vaddr_t va;

    for_each_page(va, v, from, to)
    {
        uint64_t *e = page_entry(va);

        if (!e || (*e & PTE_ADDR) != v->page)
            continue;
        memset(phys_ptr(*at), v->fill, PAGE_SIZE);
        set(e, *at | paging_bits(v->flags | PTE_RW));
        *at += PAGE_SIZE;
    }
}

static void close_pages(const struct view *v, mfn_t from, mfn_t to)
{
    vaddr_t va;

    for_each_page(va, v, from, to)
    {
        uint64_t *e = page_entry(va);

        if (e)
            set(e, v->page | paging_bits(v->flags));
    }
}

uint64_t map_frames_cost(mfn_t start, mfn_t end)
{
    return count(&frame_view, start, end, false, end) +
           count(&m2p_view, start, end, false, end);
}

void map_frames_open(mfn_t start, mfn_t end, mfn_t first)
{
    paddr_t at = mfn_to_paddr(first);

    open_pages(&frame_view, start, end, &at);
    open_pages(&m2p_view, start, end, &at);
}

bool map_frames_own(mfn_t start, mfn_t end, mfn_t first)
{
    return count(&frame_view, start, end, true, first) +
               count(&m2p_view, start, end, true, first) ==
           end.n - first.n;
}

void map_frames_close(mfn_t start, mfn_t end)
{
    close_pages(&frame_view, start, end);
    close_pages(&m2p_view, start, end);
}

/* Gathering: the M2P has no lock, so nobody runs while it is copied. */

struct gathering {
    vaddr_t va;
    paddr_t block; /* where to */
    unsigned boss; /* the CPU that copies */
    _Atomic unsigned parked;
    _Atomic bool done;
};

static void gather(void *arg)
{
    struct gathering *g = arg;

    if (cpu_id() == g->boss) {
        while (g->parked + 1 < (unsigned)__builtin_popcountll(cpu_online()))
            cpu_relax();
        memcpy(phys_ptr(g->block), (void *)g->va, SIZE_2M);
        set(level2(g->va), g->block | paging_bits(m2p_view.flags | PTE_RW | PTE_PS));
        g->done = true;
    } else {
        g->parked++;
        while (!g->done)
            cpu_relax();
    }
    tlb_flush_local();
}

mfn_t map_m2p_piece(uint64_t n)
{
    uint64_t l2 = *level2(M2P_RW_START + n * SIZE_2M);

    return l2 & PTE_PS ? paddr_to_mfn(l2 & PTE_ADDR) : INVALID_MFN;
}

/* The single pages stay with the sections that they were opened for. */
void map_m2p_gather(uint64_t n, mfn_t block)
{
    struct gathering g = {
        .va = M2P_RW_START + n * SIZE_2M, .block = mfn_to_paddr(block), .boss = cpu_id()};

    ipi_call(cpu_online(), gather, &g);
}
