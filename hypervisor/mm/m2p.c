/* SPDX-License-Identifier: MIT */
/*
 * The machine-to-physical table: for each frame the number that its owner knows it by.
 * Guests read it through slot 256; it is a service to them, nothing here believes it.
 *
 * Its memory comes in single pages, as frames are opened (port/map.h). Tools that map the
 * table want it in pieces of 2 MiB: these are made when dom0 first asks for them, and
 * shared read-only under DOMID_XEN.
 *
 * Lock: gather_lock, while a piece is made.
 */
#include "lib/string.h"
#include "mm/mm_priv.h"
#include "port/layout.h"
#include "port/map.h"

#define PIECE_ORDER   9u
#define PIECE_PAGES   (1ull << PIECE_ORDER)
#define PIECE_ENTRIES (PIECE_PAGES * PAGE_SIZE / sizeof(uint64_t))

static uint64_t *m2p;
static uint64_t m2p_max;
static spinlock_t gather_lock = SPINLOCK_INIT(RANK_DOMCTL);

void m2p_set(mfn_t m, gfn_t g)
{
    if (m.n < m2p_max)
        m2p[m.n] = g.n;
}

void m2p_set_block(mfn_t m, gfn_t g, uint64_t n)
{
    uint64_t *entry = m2p + m.n;

    n = m.n < m2p_max ? MIN(n, m2p_max - m.n) : 0;
#pragma GCC unroll 8
    for (uint64_t i = 0; i < n; i++)
        entry[i] = g.n + i;
}

gfn_t m2p_get(mfn_t m)
{
    return m.n < m2p_max ? mk_gfn(m2p[m.n]) : INVALID_GFN;
}

uint64_t m2p_pieces(void)
{
    return ROUND_UP(m2p_max, PIECE_ENTRIES) / PIECE_ENTRIES;
}

static bool tells_of_ram(uint64_t piece)
{
    uint64_t start = piece * PIECE_ENTRIES, end = start + PIECE_ENTRIES;

    for (unsigned i = 0; i < page_ranges; i++)
        if (page_range[i].start < end &&
            page_range[i].start + page_range[i].frames > start)
            return true;
    return false;
}

static mfn_t gather(uint64_t piece)
{
    mfn_t m, block = page_alloc(PIECE_ORDER, 0);

    if (mfn_eq(block, INVALID_MFN))
        return INVALID_MFN;
    spin_lock(&gather_lock);
    m = map_m2p_piece(piece);
    if (mfn_eq(m, INVALID_MFN)) {
        map_m2p_gather(piece, block);
        for (uint64_t i = 0; i < PIECE_PAGES; i++)
            page_share_with_guest(page_of(mfn_add(block, i)), dom_xen, false);
        spin_unlock(&gather_lock);
        return block;
    }
    spin_unlock(&gather_lock);
    page_free(block, PIECE_ORDER);
    return m;
}

mfn_t m2p_piece(uint64_t piece, bool may_gather)
{
    mfn_t m = INVALID_MFN;

    if (piece < m2p_pieces() && tells_of_ram(piece)) {
        m = map_m2p_piece(piece);
        if (mfn_eq(m, INVALID_MFN) && may_gather)
            m = gather(piece);
    }
    return m;
}

void m2p_init(void)
{
    m2p = map_m2p();
    m2p_max = map_max_mfn();
}
