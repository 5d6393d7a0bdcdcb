/* SPDX-License-Identifier: MIT */
/* Lists of CPUID leaves for the toolstack (domctl and sysctl cpu_policy, sysctl
 * cpu_featureset). */
#include "guest/policy.h"
#include "guest/cpuid.h"
#include "lib/string.h"
#include "port/priv.h"

#define MSR_ARCH_CAPABILITIES 0x10a

static void ask(const struct vcpu *v, enum policy_kind kind, uint32_t leaf, uint32_t sub,
                struct cpuid_regs *o)
{
    if (kind == POLICY_RAW)
        cpu_cpuid(leaf, sub, o);
    else
        guest_cpuid(v, leaf, sub, o);
}

/* The last extended leaf that 4.17's libraries know. */
#define LAST_EXTENDED     0x80000021u
#define SECOND_FIRST_LEAF (HV_CPUID_FIRST_LEAF + 0x100)

/* One more than the number of the highest state component that leaf 0xd tells of. */
static unsigned xstates(const struct vcpu *v, enum policy_kind kind)
{
    struct cpuid_regs user, supervisor;
    uint64_t all;

    ask(v, kind, 0xd, 0, &user);
    ask(v, kind, 0xd, 1, &supervisor);
    all = (uint64_t)(user.d | supervisor.d) << 32 | user.a | supervisor.c;
    all &= ~(1ull << 63); /* says nothing of a component */
    return all ? MAX(64u - (unsigned)__builtin_clzll(all), 2u) : 2;
}

/* How many subleaves a leaf is listed with; 0: it has none. As many as Xen's libraries
 * make of the leaf when they write a list: they write it into the room that ours took. */
static unsigned subleaves(const struct vcpu *v, enum policy_kind kind, uint32_t leaf)
{
    struct cpuid_regs r;

    switch (leaf) {
    case 4:
        return 6;
    case 7:
        ask(v, kind, 7, 0, &r);
        return MIN(r.a, 1u) + 1;
    case 0xb:
        return 2;
    case 0xd:
        return xstates(v, kind);
    default:
        return 0;
    }
}

static unsigned add(const struct vcpu *v, enum policy_kind kind, uint32_t leaf,
                    uint32_t sub, struct hv_cpuid_leaf *out)
{
    struct cpuid_regs r;

    ask(v, kind, leaf, sub == HV_CPUID_NO_SUBLEAF ? 0 : sub, &r);
    *out = (struct hv_cpuid_leaf){leaf, sub, r.a, r.b, r.c, r.d};
    return 1;
}

unsigned policy_leaves(const struct vcpu *v, enum policy_kind kind,
                       struct hv_cpuid_leaf *out)
{
    struct cpuid_regs top;
    unsigned n = 0;

    ask(v, kind, 0, 0, &top);
    for (uint32_t leaf = 0; leaf <= MIN(top.a, 0xdu); leaf++) {
        unsigned subs = subleaves(v, kind, leaf);

        if (!subs)
            n += add(v, kind, leaf, HV_CPUID_NO_SUBLEAF, &out[n]);
        for (uint32_t sub = 0; sub < subs; sub++)
            n += add(v, kind, leaf, sub, &out[n]);
    }
    /* Of the hypervisors' own leaves tools know but the first of ours, and of that the
     * limit, and the first of a second hypervisor's, which we never show. */
    out[n++] = (struct hv_cpuid_leaf){HV_CPUID_FIRST_LEAF,
                                      HV_CPUID_NO_SUBLEAF,
                                      kind == POLICY_GUEST ? HV_CPUID_LEAF(4) : 0,
                                      0,
                                      0,
                                      0};
    out[n++] = (struct hv_cpuid_leaf){SECOND_FIRST_LEAF, HV_CPUID_NO_SUBLEAF, 0, 0, 0, 0};
    ask(v, kind, 0x80000000, 0, &top);
    for (uint32_t leaf = 0x80000000; leaf <= MIN(top.a, LAST_EXTENDED); leaf++)
        n += add(v, kind, leaf, HV_CPUID_NO_SUBLEAF, &out[n]);
    return n;
}

/* Zeroes where the processor has no such leaf: it would answer with its last one. */
static struct cpuid_regs known(const struct vcpu *v, enum policy_kind kind, uint32_t leaf,
                               uint32_t sub)
{
    struct cpuid_regs r, top;

    ask(v, kind, leaf & 0x80000000, 0, &top);
    if (top.a < leaf || (top.a ^ leaf) >> 31)
        return (struct cpuid_regs){0};
    ask(v, kind, leaf, 0, &r);
    if (sub && sub > r.a) /* of leaf 7, eax: its last subleaf */
        return (struct cpuid_regs){0};
    ask(v, kind, leaf, sub, &r);
    return r;
}

static uint64_t arch_caps(const struct vcpu *v, enum policy_kind kind, uint32_t word9)
{
    uint64_t caps = 0;

    if (!(word9 & 1u << CPUID_ARCH_CAPS % 32))
        return 0;
    if (kind == POLICY_GUEST)
        return guest_arch_caps();
    return cpu_rdmsr(MSR_ARCH_CAPABILITIES, &caps) ? caps : 0;
}

void policy_featureset(const struct vcpu *v, enum policy_kind kind, uint32_t *w)
{
    struct cpuid_regs r = known(v, kind, 1, 0);
    uint64_t caps;

    w[0] = r.d;
    w[1] = r.c;
    r = known(v, kind, 0x80000001, 0);
    w[2] = r.d;
    w[3] = r.c;
    w[4] = known(v, kind, 0xd, 1).a;
    r = known(v, kind, 7, 0);
    w[5] = r.b;
    w[6] = r.c;
    w[9] = r.d;
    w[7] = known(v, kind, 0x80000007, 0).d;
    w[8] = known(v, kind, 0x80000008, 0).b;
    r = known(v, kind, 7, 1);
    w[10] = r.a;
    w[12] = r.b;
    w[14] = r.c;
    w[15] = r.d;
    r = known(v, kind, 0x80000021, 0);
    w[11] = r.a;
    w[18] = r.c;
    w[13] = known(v, kind, 7, 2).d;
    caps = arch_caps(v, kind, w[9]);
    w[16] = (uint32_t)caps;
    w[17] = (uint32_t)(caps >> 32);
}
