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
#include "port/context.h"
#include "port/map.h"

#define MASK_1_EDX      0x1fc9cbf5u
#define MASK_1_ECX      0xf6d83203u
#define MASK_E1_EDX     0xea500800u
#define MASK_E1_ECX     0x042109e3u
#define MASK_D1_EAX     0x00000007u
#define MASK_7_EBX      0xfdaf2b69u
#define MASK_7_ECX      0x02405f43u
#define MASK_7_EDX      0x8c00441cu
#define MASK_7_1A       0x00001c30u
#define MASK_E8_EBX     0x64001005u
#define MASK_E21A       0x78000064u
#define DOM0_1_EDX      0x00001000u /* MTRR: read through platform_op */
#define DOM0_7_EDX      (1u << 29)  /* ARCH_CAPS, on Intel's CPUs */

#define ECX1_XSAVE      (1u << 26)
#define ECX1_OSXSAVE    (1u << 27)
#define ECX1_HYPERVISOR (1u << 31)
#define ECX1_MONITOR    (1u << 3)
#define EDX1_SEP        (1u << 11)
/* What needs the AVX state: FMA, AVX, F16C; AVX2, AVX512*; VAES, VPCLMULQDQ. */
#define ECX1_AVX_ITSELF (1u << 28)
#define ECX1_AVX        0x30001000u
#define EBX7_CLWB       (1u << 24)
#define EBX7_AVX        0xdc230020u
#define ECX7_AVX        0x00005e42u
#define EDX7_AVX        0x0080010cu
#define EAX7_1_AVX      0x00800030u
#define XSAVE_LEGACY    576u /* bytes: x87 and SSE, and the header */
#define LAST_EXTENDED   0x80000021u
#define E21A_LFENCE     4u
#define CAPS_RSBA       4u /* a RET may be predicted from the branch buffer */
#define CAPS_GDS_NO     (1u << 26)
#define SKYLAKE_SP      0x55

#define XEN_MAJOR       4
#define XEN_MINOR       17

static bool vendor_is(uint32_t b, uint32_t d, uint32_t c)
{
    struct cpuid_regs r;

    cpu_cpuid(0, 0, &r);
    return r.b == b && r.d == d && r.c == c;
}

bool cpuid_is_intel(void)
{
    return vendor_is(0x756e6547, 0x49656e69, 0x6c65746e); /* GenuineIntel */
}

bool cpuid_is_amd(void)
{
    return vendor_is(0x68747541, 0x69746e65, 0x444d4163) || /* AuthenticAMD */
           vendor_is(0x6f677948, 0x6e65476e, 0x656e6975);   /* HygonGenuine */
}

bool guest_has_xsave(void)
{
    struct cpuid_regs c;

    cpu_cpuid(1, 0, &c);
    return c.c & ECX1_XSAVE;
}

static void tsc_leaf(const struct vcpu *v, uint32_t sub, struct cpuid_regs *o)
{
    struct clock_scale s;

    clock_get_scale(&s);
    if (sub == 0) {
        o->a = clock_tsc_stable() ? 2u : 0u; /* bit 1: the host's TSC is reliable */
        o->a |= guest_has(v, CPUID_RDTSCP) ? 4u : 0u;
        o->c = (uint32_t)clock_tsc_khz();
    } else if (sub == 1) {
        o->a = (uint32_t)s.base_tsc;
        o->b = (uint32_t)(s.base_tsc >> 32);
        o->c = s.mul;
        o->d = (uint32_t)s.shift;
    } else if (sub == 2) {
        o->a = (uint32_t)clock_tsc_khz();
    }
}

static void hypervisor_leaf(const struct vcpu *v, uint32_t n, uint32_t sub,
                            struct cpuid_regs *o)
{
    *o = (struct cpuid_regs){0};
    switch (n) {
    case 0:
        *o = (struct cpuid_regs){HV_CPUID_LEAF(5), HV_CPUID_SIGNATURE_EBX,
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
        tsc_leaf(v, sub, o);
        break;
    case 5: /* how wide machine addresses are */
        o->b = 64u - (uint32_t)__builtin_clzll(map_max_mfn() << PAGE_SHIFT);
        break;
    default:
        break;
    }
}

/* Where the AVX state is not switched (hw/cpu/features.c may have a reason) what needs it
 * is not there either. */
static bool no_avx(void)
{
    return !(fpu_xcr0_supported() & 4);
}

static void leaf_1(const struct vcpu *v, struct cpuid_regs *o)
{
    o->b &= 0x00ffffff;
    o->c = (o->c & MASK_1_ECX) | ECX1_HYPERVISOR;
    if (no_avx())
        o->c &= ~ECX1_AVX;
    o->d &= MASK_1_EDX | (v->domain->privileged ? DOM0_1_EDX : 0);
    if (cpuid_is_amd()) /* theirs know no SYSENTER in long mode */
        o->d &= ~EDX1_SEP;
    /* A process's own CPUID meets the machine's CR4, which has it on. */
    if (o->c & ECX1_XSAVE)
        o->c |= ECX1_OSXSAVE;
}

static uint32_t intel_model(void) /* of family 6; 0: another family or vendor */
{
    struct cpuid_regs r;

    cpu_cpuid(1, 0, &r);
    return cpuid_is_intel() && (r.a & 0xf00) == 0x600
               ? (r.a >> 4 & 15) | (r.a >> 12 & 0xf0)
               : 0;
}

static void leaf_7(const struct vcpu *v, uint32_t sub, struct cpuid_regs *o)
{
    if (sub == 0) {
        *o = (struct cpuid_regs){MIN(o->a, 1u), o->b & MASK_7_EBX, o->c & MASK_7_ECX,
                                 o->d & MASK_7_EDX};
        if (v->domain->privileged && cpuid_is_intel())
            o->d |= DOM0_7_EDX;
        if (intel_model() == SKYLAKE_SP) /* with it Xen hides it, too */
            o->b &= ~EBX7_CLWB;
        if (no_avx()) {
            o->b &= ~EBX7_AVX;
            o->c &= ~ECX7_AVX;
            o->d &= ~EDX7_AVX;
        }
        return;
    }
    *o = (struct cpuid_regs){sub == 1 ? o->a & MASK_7_1A : 0, 0, 0, 0};
    if (no_avx())
        o->a &= ~EAX7_1_AVX;
}

static void leaf_d(uint32_t sub, struct cpuid_regs *o)
{
    uint64_t known = fpu_xcr0_supported() & 0xe7; /* x87, SSE, AVX, AVX-512 */
    struct cpuid_regs r;

    if (sub == 0) {
        o->a &= known;
        o->c = XSAVE_LEGACY; /* where the last of the components ends */
        for (uint32_t i = 2; i < 8; i++) {
            cpu_cpuid(0xd, i, &r);
            if (known >> i & 1)
                o->c = MAX(o->c, r.a + r.b);
        }
    } else if (sub == 1) {
        *o = (struct cpuid_regs){o->a & MASK_D1_EAX, o->a & 2 ? o->b : 0, 0, 0};
    } else if (sub > 7 || !(known >> sub & 1)) {
        *o = (struct cpuid_regs){0};
    }
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
        leaf_7(v, sub, o);
        break;
    case 0xd:
        leaf_d(sub, o);
        break;
    default: /* 3 serial, 5 mwait, 6 power, 9 DCA, 0xa PMU, 0xb topology */
        *o = (struct cpuid_regs){0};
        break;
    }
}

/* What Intel's manual says is reserved, whatever the machine below answers. */
static void reserved_by_intel(uint32_t leaf, struct cpuid_regs *o)
{
    switch (leaf) {
    case 0x80000000:
        *o = (struct cpuid_regs){MIN(o->a, 0x80000008u), 0, 0, 0};
        break;
    case 0x80000001:
        o->a = o->b = 0;
        break;
    case 0x80000005:
        *o = (struct cpuid_regs){0};
        break;
    case 0x80000006:
        *o = (struct cpuid_regs){0, 0, o->c, 0};
        break;
    case 0x80000008:
        o->c = 0;
        break;
    default:
        break;
    }
}

/* AMD's family 15: LFENCE waits there without being told to. */
static bool lfence_waits(void)
{
    struct cpuid_regs r;

    cpu_cpuid(1, 0, &r);
    return cpuid_is_amd() && (r.a & 0x0ff00f00) == 0xf00;
}

static void extended(const struct vcpu *v, uint32_t leaf, struct cpuid_regs *o)
{
    switch (leaf) {
    case 0x80000000:
        o->a = lfence_waits() ? LAST_EXTENDED : MIN(o->a, LAST_EXTENDED);
        break;
    case 0x80000001:
        o->c &= MASK_E1_ECX;
        o->d &=
            MASK_E1_EDX | (MASK_1_EDX & 0x0183f3ffu); /* AMD repeats leaf 1's bits here */
        if (v->domain->privileged)
            o->d |= DOM0_1_EDX;
        break;
    case 0x80000002 ... 0x80000006:
        break;
    case 0x80000007:
        *o = (struct cpuid_regs){0, 0, 0, v->domain->privileged ? o->d & 0x100 : 0};
        break;
    case 0x80000008:
        o->b &= MASK_E8_EBX;
        o->a = (o->a & 0xff) | 48u << 8; /* four levels of page tables */
        o->c &= 0xf0ff;                  /* cores and their number's width */
        o->d = 0;
        break;
    case 0x80000021:
        *o = (struct cpuid_regs){o->a & MASK_E21A, 0, 0, 0};
        o->a |= lfence_waits() ? E21A_LFENCE : 0;
        break;
    default:
        *o = (struct cpuid_regs){0};
        break;
    }
    if (cpuid_is_intel())
        reserved_by_intel(leaf, o);
}

void guest_cpuid(const struct vcpu *v, uint32_t leaf, uint32_t sub, struct cpuid_regs *o)
{
    uint32_t last = leaf & 0x80000000 ? LAST_EXTENDED : 0xd;
    struct cpuid_regs top;

    if (leaf >= HV_CPUID_FIRST_LEAF && leaf < HV_CPUID_FIRST_LEAF + 0x100) {
        hypervisor_leaf(v, leaf - HV_CPUID_FIRST_LEAF, sub, o);
        return;
    }
    cpu_cpuid(leaf & 0x80000000, 0, &top);
    *o = (struct cpuid_regs){0};
    if (leaf > last)
        return;
    if (leaf <= top.a)
        cpu_cpuid(leaf, sub, o);
    if (leaf & 0x80000000)
        extended(v, leaf, o);
    else
        basic(v, leaf, sub, o);
}

bool guest_has(const struct vcpu *v, unsigned feature)
{
    struct cpuid_regs r;
    uint32_t word;

    switch (feature / 32) {
    case 2:
        guest_cpuid(v, 0x80000001, 0, &r);
        word = r.d;
        break;
    case 8:
        guest_cpuid(v, 0x80000008, 0, &r);
        word = r.b;
        break;
    default:
        guest_cpuid(v, 7, 0, &r);
        word = r.d;
        break;
    }
    return word >> feature % 32 & 1;
}

/* Of what the register can promise only that there are no gathers to leak; of warnings
 * the one that concerns retpolines, which Intel's CPUs since Broadwell need. */
uint64_t guest_arch_caps(void)
{
    static const uint8_t safe[] = {0x1a, 0x1e, 0x25, 0x2a, 0x2c, 0x2d, 0x2e,
                                   0x2f, 0x3a, 0x3c, 0x3e, 0x3f, 0x45, 0x46};
    uint32_t model = intel_model();
    uint64_t caps = CAPS_RSBA;
    struct cpuid_regs r;

    for (unsigned i = 0; i < sizeof(safe); i++)
        if (model == safe[i])
            caps = 0;
    cpu_cpuid(1, 0, &r);
    return r.c & ECX1_AVX_ITSELF ? caps : caps | CAPS_GDS_NO;
}
