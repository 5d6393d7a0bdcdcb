/* SPDX-License-Identifier: MIT */
/* CPUID of PV guests: the machine's leaves cut to what a PV guest may use, and the
 * hypervisor's own.
 *
 * The masks follow the annotations of the public header arch-x86/cpufeatureset.h: a
 * feature marked for all guests passes, one for HVM only does not. The hypervisor's
 * leaves are in public arch-x86/cpuid.h. */
#include "guest/cpuid.h"
#include "abi/arch_x86.h"
#include "port/clock.h"

#define MASK_1_EDX  0x1fc9cbf5u
#define MASK_1_ECX  0xf6d83203u
#define MASK_E1_EDX 0xea500800u
#define MASK_E1_ECX 0x042109e3u
#define MASK_D1_EAX 0x00000007u
#define MASK_7_EBX                                                                       \
    0xfdaf0b38u /* FSGSBASE stays hidden: bases are the hypervisor's to switch */
#define MASK_7_ECX 0x1a405f43u
#define MASK_7_EDX                                                                       \
    0xa801451cu /* without the speculation controls, which are not switched yet */
#define MASK_E8_EBX     0x00001005u
#define DOM0_1_EDX      0x00001000u /* MTRR: read through platform_op */

#define ECX1_XSAVE      (1u << 26)
#define ECX1_OSXSAVE    (1u << 27)
#define ECX1_HYPERVISOR (1u << 31)
#define ECX1_MONITOR    (1u << 3)
#define CR4_OSXSAVE     (1ull << 18)

#define XEN_MAJOR       4
#define XEN_MINOR       17

bool guest_has_xsave(void)
{
    struct cpuid_regs c;

    cpu_cpuid(1, 0, &c);
    return c.c & ECX1_XSAVE;
}

static void hypervisor_leaf(const struct vcpu *v, uint32_t n, uint32_t sub,
                            struct cpuid_regs *o)
{
    struct clock_scale s;

    *o = (struct cpuid_regs){0};
    switch (n) {
    case 0:
        *o = (struct cpuid_regs){HV_CPUID_LEAF(4), HV_CPUID_SIGNATURE_EBX,
                                 HV_CPUID_SIGNATURE_ECX, HV_CPUID_SIGNATURE_EDX};
        break;
    case 1:
        o->a = XEN_MAJOR << 16 | XEN_MINOR;
        break;
    case 2:
        o->a = 1;
        o->b = HV_MSR_HYPERCALL;
        o->c = HV_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD;
        break;
    case 3:
        clock_get_scale(&s);
        if (sub == 0) {
            o->a = clock_tsc_stable() ? 2u : 0u; /* bit 1: the host's TSC is reliable */
            o->c = (uint32_t)clock_tsc_khz();
        } else if (sub == 1) {
            o->a = (uint32_t)s.base_tsc;
            o->b = (uint32_t)(s.base_tsc >> 32);
            o->c = s.mul;
            o->d = (uint32_t)s.shift;
        } else if (sub == 2) {
            o->a = (uint32_t)clock_tsc_khz();
        }
        break;
    default:
        break;
    }
}

static void leaf_1(const struct vcpu *v, struct cpuid_regs *o)
{
    o->b = (o->b & 0x0000ffff) | 1u << 16 | (uint32_t)(v->id * 2) << 24;
    o->c = (o->c & MASK_1_ECX) | ECX1_HYPERVISOR;
    o->d &= MASK_1_EDX | (v->domain->privileged ? DOM0_1_EDX : 0);
    /* User space learns from this bit whether the kernel switched XSAVE on. */
    o->c &= ~ECX1_OSXSAVE;
    if (v->hw.xcr0)
        o->c |= ECX1_OSXSAVE;
}

static void leaf_7(uint32_t sub, struct cpuid_regs *o)
{
    if (sub == 0) {
        *o = (struct cpuid_regs){0, o->b & MASK_7_EBX, o->c & MASK_7_ECX,
                                 o->d & MASK_7_EDX};
        return;
    }
    *o = (struct cpuid_regs){0};
}

static void leaf_d(uint32_t sub, struct cpuid_regs *o)
{
    if (sub == 0)
        o->a &= 0xe7; /* x87, SSE, AVX, AVX-512 */
    else if (sub == 1)
        *o = (struct cpuid_regs){o->a & MASK_D1_EAX, o->a & 2 ? o->b : 0, 0, 0};
    else if (sub > 7)
        *o = (struct cpuid_regs){0};
}

static void basic(const struct vcpu *v, uint32_t leaf, uint32_t sub, struct cpuid_regs *o)
{
    switch (leaf) {
    case 0:
        o->a = MIN(o->a, 0xdu);
        break;
    case 1:
        leaf_1(v, o);
        break;
    case 2:
    case 4:
        break;
    case 7:
        leaf_7(sub, o);
        break;
    case 0xd:
        leaf_d(sub, o);
        break;
    default: /* 3 serial, 5 mwait, 6 power, 9 DCA, 0xa PMU, 0xb topology */
        *o = (struct cpuid_regs){0};
        break;
    }
}

static void extended(const struct vcpu *v, uint32_t leaf, struct cpuid_regs *o)
{
    switch (leaf) {
    case 0x80000000:
        o->a = MIN(o->a, 0x80000008u);
        break;
    case 0x80000001:
        o->c &= MASK_E1_ECX;
        o->d &=
            MASK_E1_EDX | (MASK_1_EDX & 0x0183f3ffu); /* AMD repeats leaf 1's bits here */
        break;
    case 0x80000002 ... 0x80000006:
        break;
    case 0x80000007:
        *o = (struct cpuid_regs){0, 0, 0, v->domain->privileged ? o->d & 0x100 : 0};
        break;
    case 0x80000008:
        o->b &= MASK_E8_EBX;
        o->a &= 0xffff;
        o->c = o->d = 0;
        break;
    default:
        *o = (struct cpuid_regs){0};
        break;
    }
}

void guest_cpuid(const struct vcpu *v, uint32_t leaf, uint32_t sub, struct cpuid_regs *o)
{
    struct cpuid_regs top;

    if (leaf >= HV_CPUID_FIRST_LEAF && leaf < HV_CPUID_FIRST_LEAF + 0x100) {
        hypervisor_leaf(v, leaf - HV_CPUID_FIRST_LEAF, sub, o);
        return;
    }
    cpu_cpuid(leaf & 0x80000000, 0, &top);
    *o = (struct cpuid_regs){0};
    if ((leaf & 0x7fffffff) > MIN(top.a & 0x7fffffff, leaf & 0x80000000 ? 8u : 0xdu))
        return;
    cpu_cpuid(leaf, sub, o);
    if (leaf & 0x80000000)
        extended(v, leaf, o);
    else
        basic(v, leaf, sub, o);
}
