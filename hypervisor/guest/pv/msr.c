/* SPDX-License-Identifier: MIT */
/* The MSRs of a PV guest, as Xen 4.17 answers. What is not named here faults, as there
 * with the default msr_relaxed=0. Registers of things that a guest does not get
 * (counters, frequencies, error banks) read as something harmless, and writes to them are
 * dropped. Names as in Intel SDM volume 4, "Model-Specific Registers", and AMD APM volume
 * 2, appendix "MSRs". */
#include "guest/pv/msr.h"
#include "abi/arch_x86.h"
#include "guest/cpuid.h"
#include "guest/pv/domain.h"
#include "lib/errno.h"
#include "port/clock.h"
#include "port/priv.h"

#define MSR_P5_MC_ADDR        0x00
#define MSR_P5_MC_TYPE        0x01
#define MSR_TSC               0x10
#define MSR_PLATFORM_ID       0x17
#define MSR_APIC_BASE         0x1b
#define MSR_FEATURE_CONTROL   0x3a
#define MSR_SPEC_CTRL         0x48
#define MSR_PRED_CMD          0x49
#define MSR_UCODE_REV         0x8b
#define MSR_PMC(n)            (0xc1 + (n))
#define MSR_PLATFORM_INFO     0xce
#define MSR_ARCH_CAPABILITIES 0x10a
#define MSR_MISC_FEATURES     0x140
#define MSR_MCG_CAP           0x179
#define MSR_MCG_STATUS        0x17a
#define MSR_MCG_CTL           0x17b
#define MSR_EVNTSEL(n)        (0x186 + (n))
#define MSR_PERF_STATUS       0x198
#define MSR_PERF_CTL          0x199
#define MSR_THERM_STATUS      0x19c
#define MSR_MISC_ENABLE       0x1a0
#define MSR_PAT               0x277
#define MSR_FIXED_CTR(n)      (0x309 + (n))
#define MSR_PERF_CAPABILITIES 0x345
#define MSR_FIXED_CTR_CTRL    0x38d
#define MSR_GLOBAL_OVF_CTRL   0x390
#define MSR_MC_CTL(bank)      (0x400 + 4 * (bank))
#define MSR_XEN_FIRST         0x40000000
#define MSR_EFER              0xc0000080
#define MSR_FS_BASE           0xc0000100
#define MSR_GS_BASE           0xc0000101
#define MSR_KERNEL_GS_BASE    0xc0000102
#define MSR_TSC_AUX           0xc0000103
#define MSR_K7_EVNTSEL0       0xc0010000
#define MSR_K7_PERFCTR3       0xc0010007
#define MSR_K8_SYSCFG         0xc0010010
#define MSR_K8_HWCR           0xc0010015
#define MSR_K8_IORR_BASE0     0xc0010016
#define MSR_K8_IORR_MASK1     0xc0010019
#define MSR_AMD64_NB_CFG      0xc001001f
#define MSR_PSTATE_LIMIT      0xc0010061
#define MSR_PSTATE7           0xc001006b
#define MSR_K8_TSEG_BASE      0xc0010112
#define MSR_K8_TSEG_MASK      0xc0010113
#define MSR_FAM15H_EVNTSEL0   0xc0010200
#define MSR_FAM15H_PERFCTR5   0xc001020b
#define MSR_AMD64_DE_CFG      0xc0011029

/* The PAT of the PV ABI: WB, WT, UC-, UC, WC, WP, UC-, UC (public arch-x86/xen.h leaves
 * it fixed). */
#define PAT_VALUE 0x050100070406ull
/* Error banks: two that never have an error; on Intel CPUs with interrupts for corrected
 * ones, thresholds and recovery. */
#define MC_BANKS      2u
#define MCG_CAP_INTEL 0x1000c00u
/* No branch trace, no sampling, no xTPR; neither counters nor MONITOR. */
#define MISC_ENABLE_SET   0x801800u
#define MISC_ENABLE_CLEAR 0x040080u
#define DE_CFG_LFENCE     2u
#define SPEC_CTRL_ALWAYS  3u /* IBRS, STIBP: at worst without effect */
#define SPEC_CTRL_SSBD    4u

/* Which base an MSR means: the active GS is that of the mode the guest is in. */
static unsigned base_of(const struct vcpu *v, uint32_t msr)
{
    if (msr == MSR_FS_BASE)
        return HV_SEGBASE_FS;
    return (msr == MSR_GS_BASE) == !!v->hw.kernel_mode ? HV_SEGBASE_GS_KERNEL
                                                       : HV_SEGBASE_GS_USER;
}

/* ---- registers without anything behind them ---- */

enum dummy {
    DUMMY_NONE,
    DUMMY_READ, /* 0, and not to be written */
    DUMMY_DROP, /* 0, writes are dropped */
};

static enum dummy intel_dummy(uint32_t msr)
{
    switch (msr) {
    case MSR_PERF_STATUS:
        return DUMMY_READ;
    case MSR_PERF_CTL:
    case MSR_PMC(0)... MSR_PMC(7):
    case MSR_EVNTSEL(0)... MSR_EVNTSEL(7):
    case MSR_FIXED_CTR(0)... MSR_FIXED_CTR(2):
    case MSR_FIXED_CTR_CTRL ... MSR_GLOBAL_OVF_CTRL:
        return DUMMY_DROP;
    default:
        return DUMMY_NONE;
    }
}

static enum dummy amd_dummy(uint32_t msr)
{
    switch (msr) {
    case MSR_K8_IORR_BASE0 ... MSR_K8_IORR_MASK1:
    case MSR_K8_TSEG_BASE ... MSR_K8_TSEG_MASK:
        return DUMMY_READ;
    case MSR_K7_EVNTSEL0 ... MSR_K7_PERFCTR3:
    case MSR_FAM15H_EVNTSEL0 ... MSR_FAM15H_PERFCTR5:
    case MSR_PSTATE_LIMIT ... MSR_PSTATE7:
        return DUMMY_DROP;
    default:
        return DUMMY_NONE;
    }
}

static enum dummy dummy(uint32_t msr)
{
    enum dummy d = cpuid_is_intel() ? intel_dummy(msr)
                   : cpuid_is_amd() ? amd_dummy(msr)
                                    : DUMMY_NONE;

    if (d != DUMMY_NONE)
        return d;
    switch (msr) {
    case MSR_P5_MC_ADDR:
    case MSR_P5_MC_TYPE:
    case MSR_PLATFORM_INFO:
    case MSR_PERF_CAPABILITIES:
    case MSR_XEN_FIRST:
        return DUMMY_READ;
    case MSR_MCG_STATUS:
    case MSR_AMD64_NB_CFG:
        return DUMMY_DROP;
    default:
        return DUMMY_NONE;
    }
}

/* ---- reading ---- */

static bool read_error_bank(uint32_t msr, uint64_t *val)
{
    *val = (msr - MSR_MC_CTL(0)) % 4 == 0 ? ~0ull : 0;
    return true;
}

static bool read_intel(const struct vcpu *v, uint32_t msr, uint64_t *val)
{
    if (!cpuid_is_intel())
        return false;
    switch (msr) {
    case MSR_PLATFORM_ID:
        return cpu_rdmsr(msr, val);
    case MSR_FEATURE_CONTROL: /* locked, nothing on */
        *val = 1;
        return true;
    case MSR_THERM_STATUS:
        return v->domain->privileged && cpu_rdmsr(msr, val);
    case MSR_ARCH_CAPABILITIES:
        *val = guest_arch_caps();
        return guest_has(v, CPUID_ARCH_CAPS);
    default:
        return false;
    }
}

static bool read_amd(const struct vcpu *v, uint32_t msr, uint64_t *val)
{
    if (!cpuid_is_amd())
        return false;
    switch (msr) {
    case MSR_K8_SYSCFG:
        return v->domain->privileged && cpu_rdmsr(msr, val);
    case MSR_K8_HWCR:
        return cpu_rdmsr(msr, val);
    case MSR_AMD64_DE_CFG: /* hw/cpu/features.c turned it on */
        *val = DE_CFG_LFENCE;
        return true;
    default:
        return false;
    }
}

static bool read_vendor(const struct vcpu *v, uint32_t msr, uint64_t *val)
{
    if (dummy(msr) == DUMMY_NONE)
        return read_intel(v, msr, val) || read_amd(v, msr, val);
    *val = 0;
    return true;
}

bool guest_rdmsr(struct vcpu *v, uint32_t msr, uint64_t *val)
{
    switch (msr) {
    case MSR_FS_BASE:
    case MSR_GS_BASE:
    case MSR_KERNEL_GS_BASE:
        *val = ctx_get_base(&v->hw, base_of(v, msr));
        return true;
    case MSR_EFER:
        return cpu_rdmsr(msr, val) && (*val &= 0x4d01, true); /* SCE LME LMA NX FFXSR */
    case MSR_PAT:
        *val = PAT_VALUE;
        return true;
    case MSR_APIC_BASE:
        return v->domain->privileged && cpu_rdmsr(msr, val);
    case MSR_TSC:
        *val = clock_tsc();
        return true;
    case MSR_UCODE_REV:
        return cpu_rdmsr(msr, val);
    case MSR_MISC_ENABLE:
        return cpu_rdmsr(msr, val) &&
               (*val = (*val & ~(uint64_t)MISC_ENABLE_CLEAR) | MISC_ENABLE_SET, true);
    case MSR_MISC_FEATURES:
        *val = 0;
        return true;
    case MSR_MCG_CAP:
        *val = MC_BANKS | (cpuid_is_intel() ? MCG_CAP_INTEL : 0);
        return true;
    case MSR_MC_CTL(0)... MSR_MC_CTL(MC_BANKS) - 1:
        return read_error_bank(msr, val);
    case MSR_SPEC_CTRL:
        *val = v->hw.spec_ctrl;
        return guest_has(v, CPUID_IBRSB);
    case MSR_TSC_AUX:
        *val = v->hw.tsc_aux;
        return guest_has(v, CPUID_RDTSCP);
    default:
        return read_vendor(v, msr, val);
    }
}

/* ---- writing ---- */

static bool write_spec_ctrl(struct vcpu *v, uint64_t val)
{
    uint64_t known = SPEC_CTRL_ALWAYS | (guest_has(v, CPUID_SSBD) ? SPEC_CTRL_SSBD : 0);

    if (!guest_has(v, CPUID_IBRSB) || val & ~known) /* the processor would fault */
        return false;
    v->hw.spec_ctrl = val;
    ctx_load_spec_ctrl(&v->hw);
    return true;
}

static bool write_pred_cmd(const struct vcpu *v, uint64_t val)
{
    if (!(guest_has(v, CPUID_IBRSB) || guest_has(v, CPUID_IBPB)) || val & ~1ull)
        return false;
    return !val || cpu_wrmsr(MSR_PRED_CMD, val);
}

static bool write_vendor(const struct vcpu *v, uint32_t msr, uint64_t val)
{
    if (dummy(msr) == DUMMY_DROP)
        return true;
    switch (msr) {
    case MSR_UCODE_REV:
        return cpuid_is_intel() && !val;
    case MSR_K8_HWCR:
    case MSR_AMD64_DE_CFG:
        return cpuid_is_amd();
    default:
        return false;
    }
}

bool guest_wrmsr(struct vcpu *v, uint32_t msr, uint64_t val)
{
    uint64_t old;

    switch (msr) {
    case MSR_FS_BASE:
    case MSR_GS_BASE:
    case MSR_KERNEL_GS_BASE:
        return !ctx_set_base(&v->hw, base_of(v, msr), val);
    case MSR_EFER: /* a kernel writes back what it read */
        return guest_rdmsr(v, msr, &old) && val == old;
    case MSR_MISC_ENABLE:
        return cpu_rdmsr(msr, &old);
    case MSR_MISC_FEATURES:
        return !val;
    case MSR_MCG_CAP:
    case MSR_MCG_CTL:
    case MSR_MC_CTL(0)... MSR_MC_CTL(MC_BANKS) - 1:
        return true;
    case MSR_SPEC_CTRL:
        return write_spec_ctrl(v, val);
    case MSR_PRED_CMD:
        return write_pred_cmd(v, val);
    case MSR_TSC_AUX:
        if (!guest_has(v, CPUID_RDTSCP) || val >> 32) /* the processor would fault */
            return false;
        v->hw.tsc_aux = val;
        return true;
    default:
        return write_vendor(v, msr, val);
    }
}
