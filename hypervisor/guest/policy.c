/* SPDX-License-Identifier: MIT */
/* Lists of CPUID leaves for the toolstack (domctl and sysctl cpu_policy, sysctl
 * cpu_featureset). */
#include "guest/policy.h"
#include "guest/cpuid.h"
#include "lib/string.h"
#include "port/priv.h"

static void ask(const struct vcpu *v, enum policy_kind kind, uint32_t leaf, uint32_t sub,
                struct cpuid_regs *o)
{
    if (kind == POLICY_RAW)
        cpu_cpuid(leaf, sub, o);
    else
        guest_cpuid(v, leaf, sub, o);
}

/* How many subleaves a leaf is listed with; 0: it has none. */
static unsigned subleaves(uint32_t leaf)
{
    switch (leaf) {
    case 4:
        return 4;
    case 7:
        return 1;
    case 0xb:
        return 2;
    case 0xd:
        return 3;
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
        if (!subleaves(leaf))
            n += add(v, kind, leaf, HV_CPUID_NO_SUBLEAF, &out[n]);
        for (uint32_t sub = 0; sub < subleaves(leaf); sub++)
            n += add(v, kind, leaf, sub, &out[n]);
    }
    /* Of the hypervisor's own leaves tools know but the first, and of that the limit. */
    if (kind == POLICY_GUEST)
        out[n++] = (struct hv_cpuid_leaf){HV_CPUID_FIRST_LEAF, HV_CPUID_NO_SUBLEAF,
                                          HV_CPUID_LEAF(4), 0, 0, 0};
    ask(v, kind, 0x80000000, 0, &top);
    for (uint32_t leaf = 0x80000000; leaf <= MIN(top.a, 0x80000008u); leaf++)
        n += add(v, kind, leaf, HV_CPUID_NO_SUBLEAF, &out[n]);
    return n;
}

void policy_featureset(const struct vcpu *v, enum policy_kind kind, uint32_t *w)
{
    struct cpuid_regs r;

    memset(w, 0, POLICY_WORDS * sizeof(*w));
    ask(v, kind, 1, 0, &r);
    w[0] = r.d;
    w[1] = r.c;
    ask(v, kind, 0x80000001, 0, &r);
    w[2] = r.d;
    w[3] = r.c;
    ask(v, kind, 0xd, 1, &r);
    w[4] = r.a;
    ask(v, kind, 7, 0, &r);
    w[5] = r.b;
    w[6] = r.c;
    w[9] = r.d;
    ask(v, kind, 0x80000007, 0, &r);
    w[7] = r.d;
    ask(v, kind, 0x80000008, 0, &r);
    w[8] = r.b;
    ask(v, kind, 7, 1, &r);
    w[10] = r.a;
}
