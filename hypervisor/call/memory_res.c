/* SPDX-License-Identifier: MIT */
/*
 * memory_op's calls that change how much memory a domain has: increase, decrease,
 * populate, exchange.
 *
 * The first three answer with the number of extents done, and go on from there when they
 * were preempted; the number of the next extent travels above the command. exchange keeps
 * its progress in the guest's struct.
 *
 * Reference: Xen public interface, memory.h.
 */
#include "abi/memory.h"
#include "call/call.h"
#include "call/memory.h"
#include "kern/page_list.h"
#include "mm/page.h"

#define CMD_SHIFT   6
#define ORDER_GUEST 9 /* largest extent of an ordinary guest: 2 MiB */
#define ORDER_DOM0  MAX_ORDER

static unsigned max_order(const struct hcall *h)
{
    return h->d->privileged ? ORDER_DOM0 : ORDER_GUEST;
}

static int give_extent(struct domain *d, const struct hv_memory_reservation *r,
                       vaddr_t slot, bool populate)
{
    unsigned bits = HV_MEMF_GET_ADDRESS_BITS(r->mem_flags);
    struct page *pg;
    uint64_t gpfn = 0, m;

    if (populate && copy_in(&gpfn, slot))
        return -EFAULT;
    if (dom_page_alloc_bits(d, r->extent_order, bits, &pg))
        return -ENOMEM;
    m = page_mfn(pg).n;
    if (populate)
        m2p_set_block(mk_mfn(m), mk_gfn(gpfn), 1ull << r->extent_order);
    if (r->extent_start && copy_out(slot, &m))
        return -EFAULT;
    return 0;
}

static int take_extent(struct domain *d, const struct hv_memory_reservation *r,
                       vaddr_t slot)
{
    uint64_t m;

    if (copy_in(&m, slot))
        return -EFAULT;
    /* If it is preempted no frame has gone, so that it can begin anew. */
    for (uint64_t j = 0; j < 1ull << r->extent_order; j++) {
        int rc = dom_page_prepare_remove(d, mk_mfn(m + j));

        if (rc)
            return rc;
    }
    for (uint64_t j = 0; j < 1ull << r->extent_order; j++) {
        int rc;

        do
            rc = dom_page_remove(d, mk_mfn(m + j));
        while (rc == -ERESTART);
        if (rc)
            return rc;
    }
    return 0;
}

long memory_reservation(struct hcall *h, unsigned op, unsigned long start)
{
    struct hv_memory_reservation r;
    struct domain *d;
    unsigned long i;
    int rc;

    if (copy_in(&r, h->arg[1]) || r.nr_extents > (~0ul >> CMD_SHIFT) ||
        start >= r.nr_extents ||
        !guest_range_ok(r.extent_start, r.nr_extents * sizeof(uint64_t)) ||
        r.extent_order > max_order(h))
        return (long)start;
    if (op != HV_MEM_INCREASE_RESERVATION && !r.extent_start)
        return (long)start;
    d = call_target(h, r.domid, &rc);
    if (!d)
        return rc == -ESRCH ? (long)start : rc;
    for (i = start; i < r.nr_extents; i++) {
        vaddr_t slot = r.extent_start + i * sizeof(uint64_t);

        if (i != start && hcall_preempt())
            break;
        rc = op == HV_MEM_DECREASE_RESERVATION
                 ? take_extent(d, &r, slot)
                 : give_extent(d, &r, slot, op == HV_MEM_POPULATE_PHYSMAP);
        if (rc)
            break;
    }
    domain_put(d);
    if (i < r.nr_extents && (!rc || rc == -ERESTART)) {
        h->arg[0] = op | i << CMD_SHIFT;
        return HCALL_AGAIN;
    }
    return (long)i;
}

/* exchange */

struct exchange {
    struct domain *d;
    struct hv_memory_exchange x;
    struct page_list in,
        out; /* single frames taken from d; first frames of extents to give it */
    unsigned long in_extents, out_extents; /* of one round */
};

static void give_back(struct exchange *e)
{
    struct page *pg;

    while ((pg = page_list_take(&e->out)))
        page_free(page_mfn(pg), e->x.out.extent_order);
    while ((pg = page_list_take(&e->in))) {
        if (dom_page_give_back(e->d, pg))
            page_free(page_mfn(pg), 0);
    }
}

static int take_frame(struct exchange *e, mfn_t m)
{
    struct page *pg;
    int rc;

    if (!mfn_valid(m) || !page_get(pg = page_of(m), e->d))
        return -EINVAL;
    do
        rc = dom_page_steal(e->d, pg);
    while (rc == -ERESTART);
    if (rc) {
        page_put(pg);
        return -EINVAL;
    }
    page_list_add_tail(&e->in, pg);
    return 0;
}

static int take_round(struct exchange *e)
{
    const struct hv_memory_reservation *in = &e->x.in;

    for (unsigned long i = 0; i < e->in_extents; i++) {
        uint64_t m;

        if (copy_in(&m, in->extent_start + (e->x.nr_exchanged + i) * sizeof(m)))
            return -EFAULT;
        for (uint64_t j = 0; j < 1ull << in->extent_order; j++) {
            int rc = take_frame(e, mk_mfn(m + j));

            if (rc)
                return rc;
        }
    }
    return 0;
}

static int alloc_round(struct exchange *e)
{
    const struct hv_memory_reservation *out = &e->x.out;
    unsigned bits = HV_MEMF_GET_ADDRESS_BITS(out->mem_flags);
    uint64_t end =
        bits && bits < 52 ? bits > PAGE_SHIFT ? 1ull << (bits - PAGE_SHIFT) : 0 : ~0ull;

    for (unsigned long i = 0; i < e->out_extents; i++) {
        mfn_t m =
            page_alloc_below(out->extent_order, e->d->privileged ? 0 : PAGE_ZERO, end);

        if (mfn_eq(m, INVALID_MFN))
            return -ENOMEM;
        page_list_add_tail(&e->out, page_of(m));
    }
    return 0;
}

/* Nothing can fail any more but the guest's own buffers. */
static int commit_round(struct exchange *e)
{
    const struct hv_memory_reservation *out = &e->x.out;
    unsigned long slot = (e->x.nr_exchanged << e->x.in.extent_order) >> out->extent_order;
    struct page *pg;
    int rc = 0;

    while ((pg = page_list_take(&e->in)))
        page_free(page_mfn(pg), 0);
    while ((pg = page_list_take(&e->out))) {
        vaddr_t at = out->extent_start + slot++ * sizeof(uint64_t);
        uint64_t gpfn = ~0ull, m = page_mfn(pg).n;

        if (dom_page_assign(e->d, pg, out->extent_order)) {
            page_free(mk_mfn(m), out->extent_order);
            rc = -EINVAL;
            continue;
        }
        if (copy_in(&gpfn, at) || copy_out(at, &m))
            rc = -EFAULT;
        for (uint64_t j = 0; j < 1ull << out->extent_order; j++)
            m2p_set(mk_mfn(m + j), gpfn == ~0ull ? INVALID_GFN : mk_gfn(gpfn + j));
    }
    return rc;
}

static int exchange_round(struct exchange *e)
{
    int rc;

    e->in.first = e->out.first = 0;
    rc = take_round(e);
    if (!rc)
        rc = alloc_round(e);
    if (rc) {
        give_back(e);
        return rc;
    }
    rc = commit_round(e);
    e->x.nr_exchanged += e->in_extents;
    return rc;
}

static int exchange_check(struct hcall *h, const struct hv_memory_exchange *x)
{
    const struct hv_memory_reservation *in = &x->in, *out = &x->out;

    if (in->extent_order > max_order(h) || out->extent_order > max_order(h))
        return -EPERM;
    if (in->domid != out->domid || x->nr_exchanged > in->nr_extents ||
        in->nr_extents > (~0ul >> (in->extent_order + 3)) ||
        out->nr_extents > (~0ul >> (out->extent_order + 3)) ||
        in->nr_extents << in->extent_order != out->nr_extents << out->extent_order)
        return -EINVAL;
    if (!guest_range_ok(in->extent_start, in->nr_extents * 8) ||
        !guest_range_ok(out->extent_start, out->nr_extents * 8))
        return -EFAULT;
    return 0;
}

long memory_exchange(struct hcall *h)
{
    struct exchange e;
    bool again = false;
    unsigned shift;
    int rc;

    if (copy_in(&e.x, h->arg[1]))
        return -EFAULT;
    rc = exchange_check(h, &e.x);
    if (rc)
        return rc;
    e.d = call_target(h, e.x.in.domid, &rc);
    if (!e.d)
        return rc;
    shift = MAX(e.x.in.extent_order, e.x.out.extent_order);
    e.in_extents = 1ul << (shift - e.x.in.extent_order);
    e.out_extents = 1ul << (shift - e.x.out.extent_order);
    rc = 0;
    if (e.x.nr_exchanged % e.in_extents || e.x.in.nr_extents % e.in_extents)
        rc = -EINVAL;
    while (!rc && !again && e.x.nr_exchanged < e.x.in.nr_extents) {
        rc = exchange_round(&e);
        again = !rc && e.x.nr_exchanged < e.x.in.nr_extents && hcall_preempt();
    }
    domain_put(e.d);
    if (guest_write(h->arg[1] + offsetof(struct hv_memory_exchange, nr_exchanged),
                    &e.x.nr_exchanged, sizeof(e.x.nr_exchanged)))
        return -EFAULT;
    return again ? HCALL_AGAIN : rc;
}
