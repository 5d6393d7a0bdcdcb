/* SPDX-License-Identifier: MIT */
/* A little world for tests of mm: a guest with frames, and page tables made of them by
 * hand. */
#ifndef MM_WORLD_H
#define MM_WORLD_H

#include "abi/domctl.h"
#include "host/host.h"
#include "kern/param.h"
#include "kern/room.h"
#include "kern/sched.h"
#include "kern/softirq.h"
#include "lib/errno.h"
#include "lib/rangeset.h"
#include "lib/string.h"
#include "mm/mm_priv.h"
#include "mm/mmu.h"
#include "port/map.h"
#include "unit.h"

const struct room *const rooms[] = {&mm_room, &sched_room, NULL};

static struct domain *g; /* the guest */
static struct vcpu *gv;  /* its vCPU, running on CPU 0 */

static inline struct domain *new_guest(uint64_t pages, struct vcpu **v)
{
    struct hv_domctl_createdomain c = {.max_vcpus = 2};
    struct domain *d;

    ck_assert_int_eq(domain_create(HV_DOMID_INVALID, &c, &d), 0);
    ck_assert_int_eq(vcpu_create(d, 0, v), 0);
    dom_set_max_pages(d, pages);
    return d;
}

static inline void world(void)
{
    host_boot(2, 32);
    mm_init();
    g = new_guest(1000, &gv);
    gv->hw.kernel_mode = 1;
    gv->pause_flags = 0;
    domain_unpause_by_controller(g);
    host_settle();
    host_on_cpu(gv->processor);
    ck_assert_ptr_eq(cpu_current(), gv);
}

static inline mfn_t frame_of(struct domain *d)
{
    struct page *pg;

    ck_assert_int_eq(dom_page_alloc(d, 0, PAGE_ZERO, &pg), 0);
    return page_mfn(pg);
}

static inline mfn_t frame(void)
{
    return frame_of(g);
}

static inline uint64_t *entries(mfn_t m)
{
    return map_mfn(m);
}

#define RO (PTE_P | PTE_US)
#define RW (PTE_P | PTE_US | PTE_RW)

static inline void put_entry(mfn_t table, unsigned i, mfn_t to, uint64_t flags)
{
    entries(table)[i] = pte_make(to, flags);
}

/* l4 -> l3 -> l2 -> l1 for va; all pages are mapped nowhere else. */
struct tree {
    mfn_t l4, l3, l2, l1;
};
#define VA 0x400000000000ull

static inline struct tree new_tree(void)
{
    struct tree t = {frame(), frame(), frame(), frame()};

    put_entry(t.l4, pt_index(VA, 4), t.l3, RW);
    put_entry(t.l3, pt_index(VA, 3), t.l2, RW);
    put_entry(t.l2, pt_index(VA, 2), t.l1, RW);
    return t;
}

static inline int ext(unsigned cmd, mfn_t m)
{
    struct hv_mmuext_op op = {.cmd = cmd, .arg1.mfn = m.n};

    return mmu_ext(gv, g, &op);
}

static inline int update(mfn_t table, unsigned i, uint64_t val)
{
    return mmu_update_one(gv, g, g, mfn_to_paddr(table) + i * 8, val);
}

static inline uint64_t type_refs(mfn_t m)
{
    return page_of(m)->type & PGT_COUNT;
}
static inline uint64_t refs(mfn_t m)
{
    return page_of(m)->count & PGC_COUNT;
}
#define assert_idle(m)                                                                   \
    do {                                                                                 \
        ck_assert_uint_eq(type_refs(m), 0);                                              \
        ck_assert_uint_eq(refs(m), 1);                                                   \
    } while (0)

#endif
