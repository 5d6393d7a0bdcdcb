/* SPDX-License-Identifier: MIT */
/*
 * The machine-to-physical table: for each frame the number that its owner knows it by.
 * Guests read it through slot 256; it is a service to them, nothing here believes it. Its
 * own frames are shared read-only under DOMID_XEN, so that tools can map it.
 */
#include "lib/string.h"
#include "mm/mm_priv.h"
#include "port/layout.h"
#include "port/map.h"

static uint64_t *m2p;
static uint64_t m2p_max;

void m2p_set(mfn_t m, gfn_t g)
{
    if (m.n < m2p_max)
        m2p[m.n] = g.n;
}

gfn_t m2p_get(mfn_t m)
{
    return m.n < m2p_max ? mk_gfn(m2p[m.n]) : INVALID_GFN;
}

/* Frame behind an address of the hypervisor's own tables. */
static mfn_t hv_frame(vaddr_t va)
{
    uint64_t e = map_master_l4()[pt_index(va, 4)];
    unsigned level = 4;

    while (level > 1 && (e & PTE_P)) {
        unsigned shift = PAGE_SHIFT + 9 * (level - 1);

        if (level < 4 && (e & PTE_PSE)) {
            uint64_t frames = 1ull << (shift - PAGE_SHIFT);

            return mfn_add(mk_mfn(pte_mfn(e).n & ~(frames - 1)),
                           (va >> PAGE_SHIFT) & (frames - 1));
        }
        level--;
        e = ((uint64_t *)map_mfn(pte_mfn(e)))[pt_index(va, level)];
    }
    return e & PTE_P ? pte_mfn(e) : INVALID_MFN;
}

mfn_t m2p_frame(uint64_t page)
{
    return page < ROUND_UP(m2p_max * sizeof(*m2p), PAGE_SIZE) / PAGE_SIZE
               ? hv_frame(M2P_RO_START + page * PAGE_SIZE)
               : INVALID_MFN;
}

void m2p_init(void)
{
    m2p = map_m2p();
    m2p_max = map_max_mfn();
    for (unsigned i = 0; i < page_ranges;
         i++) /* the table's holes may be unmapped, as the frame table's */
        memset(&m2p[page_range[i].start], 0xff, page_range[i].frames * sizeof(*m2p));
}

void m2p_share(void)
{
    for (uint64_t i = 0; i < ROUND_UP(m2p_max * sizeof(*m2p), PAGE_SIZE) / PAGE_SIZE;
         i++) {
        mfn_t m = m2p_frame(i);

        if (!mfn_eq(m, INVALID_MFN) && mfn_valid(m) && page_of(m)->count == 0)
            page_share_with_guest(page_of(m), dom_xen, false);
    }
}
