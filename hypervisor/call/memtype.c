/* SPDX-License-Identifier: MIT */
/*
 * Memory types by the processors' variable-range registers, for a control domain that
 * asks for them (XENPF_add_memtype and its kin; kernels of today use page attributes
 * instead). All processors have the same registers, so those of one are read.
 *
 * A range may be asked for more than once, or lie within one of its type: then the
 * register is counted. What firmware set counts as asked for once. Ranges of different
 * types may overlap only if one of them is uncacheable, which wins.
 *
 * Lock: memtype_lock.
 *
 * Reference: Intel SDM volume 3, "Memory Type Range Registers (MTRRs)".
 */
#include "call/platform.h"
#include "kern/lock.h"
#include "lib/errno.h"
#include "port/ipi.h"
#include "port/priv.h"

#define MSR_MTRR_CAP     0xfe
#define MSR_MTRR_BASE(i) (0x200u + 2 * (i))
#define CAP_COUNT        0xff
#define CAP_WC           (1u << 10)
#define MASK_VALID       0x800u
#define REGS_MAX         32

enum { UC, WC, WT = 4, WP, WB };

struct range {
    uint64_t mfn, n; /* n 0: unused */
    unsigned type;
};

static spinlock_t memtype_lock = SPINLOCK_INIT(RANK_DOMCTL);
static unsigned extra[REGS_MAX]; /* how often each was asked for beyond the first time */

static unsigned registers(void)
{
    uint64_t cap;

    return cpu_rdmsr(MSR_MTRR_CAP, &cap) ? MIN((unsigned)(cap & CAP_COUNT), REGS_MAX) : 0;
}

static unsigned address_bits(void)
{
    struct cpuid_regs r;

    cpu_cpuid(0x80000000, 0, &r);
    if (r.a < 0x80000008)
        return 36;
    cpu_cpuid(0x80000008, 0, &r);
    return r.a & 0xff;
}

/* Contiguous ranges only: the lowest bit of the mask is the size. */
static bool get(unsigned reg, struct range *r)
{
    uint64_t base, mask;

    if (!cpu_rdmsr(MSR_MTRR_BASE(reg), &base) ||
        !cpu_rdmsr(MSR_MTRR_BASE(reg) + 1, &mask))
        return false;
    *r = (struct range){0};
    if (mask & MASK_VALID) {
        mask >>= PAGE_SHIFT;
        *r = (struct range){(base >> PAGE_SHIFT) & mask, mask & -mask, base & 0xff};
    }
    return true;
}

struct change {
    uint32_t msr;
    uint64_t base, mask;
    struct cpu_mtrr_meeting meeting;
};

static void change_cpu(void *arg)
{
    struct change *c = arg;

    cpu_mtrr_write(&c->meeting, c->msr, c->base, c->mask);
}

static void set(unsigned reg, const struct range *r)
{
    uint64_t bits = (1ull << address_bits()) - 1;
    struct change c = {.msr = MSR_MTRR_BASE(reg), .meeting = {.cpus = cpu_online()}};

    if (r->n) {
        c.base = r->mfn << PAGE_SHIFT | r->type;
        c.mask = (~((r->n << PAGE_SHIFT) - 1) & bits) | MASK_VALID;
    }
    ipi_call(cpu_online(), change_cpu, &c);
}

static bool possible(const struct range *r)
{
    uint64_t cap, frames = 1ull << (address_bits() - PAGE_SHIFT);

    if (r->type > WB || r->type == 2 || r->type == 3 || !r->n || (r->n & (r->n - 1)) ||
        (r->mfn & (r->n - 1)) || r->mfn >= frames || r->n > frames - r->mfn)
        return false;
    return r->type != WC || (cpu_rdmsr(MSR_MTRR_CAP, &cap) && cap & CAP_WC);
}

static bool within(const struct range *a, const struct range *b)
{
    return a->mfn >= b->mfn && a->mfn + a->n <= b->mfn + b->n;
}

/* The register for it: one that has it already (*counted), one whose range it takes in,
 * or a free one. */
static int choose(const struct range *want, bool *counted)
{
    int taken_in = -1, unused = -1;

    *counted = false;
    for (unsigned i = 0; i < registers(); i++) {
        struct range r;

        if (!get(i, &r))
            return -EINVAL;
        if (!r.n) {
            unused = unused < 0 ? (int)i : unused;
        } else if (want->mfn + want->n > r.mfn && r.mfn + r.n > want->mfn) {
            if (!within(want, &r) && !within(&r, want))
                return -EINVAL;
            if (r.type != want->type && r.type != UC && want->type != UC)
                return -EINVAL;
            if (r.type == want->type && within(want, &r)) {
                *counted = true;
                return (int)i;
            }
            if (r.type == want->type)
                taken_in = (int)i;
        }
    }
    return taken_in >= 0 ? taken_in : unused >= 0 ? unused : -ENOSPC;
}

int platform_add_memtype(struct hv_pf_add_memtype *m)
{
    struct range r = {m->mfn, m->nr_mfns, m->type};
    bool counted;
    int reg;

    if (!possible(&r))
        return -EINVAL;
    spin_lock(&memtype_lock);
    reg = choose(&r, &counted);
    if (reg >= 0 && counted)
        extra[reg]++;
    else if (reg >= 0)
        set((unsigned)reg, &r);
    spin_unlock(&memtype_lock);
    if (reg < 0)
        return reg;
    m->handle = 0;
    m->reg = (uint32_t)reg;
    return 0;
}

int platform_del_memtype(const struct hv_pf_del_memtype *m)
{
    struct range r;
    int rc = 0;

    if (m->handle || m->reg >= registers())
        return -EINVAL;
    spin_lock(&memtype_lock);
    if (!get(m->reg, &r) || !r.n)
        rc = -EINVAL;
    else if (extra[m->reg])
        extra[m->reg]--;
    else
        set(m->reg, &(struct range){0});
    spin_unlock(&memtype_lock);
    return rc;
}

int platform_read_memtype(struct hv_pf_read_memtype *m)
{
    struct range r;

    if (m->reg >= registers() || !get(m->reg, &r))
        return -EINVAL;
    m->mfn = r.mfn;
    m->nr_mfns = r.n;
    m->type = r.type;
    return 0;
}
