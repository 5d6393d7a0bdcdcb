/* SPDX-License-Identifier: MIT */
/* The MSRs of a PV guest. What is not named here faults, as on Xen 4.17 with the default
 * msr_relaxed=0. Names as in Intel SDM volume 4, "Model-Specific Registers", and AMD APM
 * volume 2, appendix "MSRs". */
#include "guest/pv/msr.h"
#include "abi/arch_x86.h"
#include "guest/pv/domain.h"
#include "lib/errno.h"
#include "port/priv.h"

#define MSR_TSC               0x10
#define MSR_PLATFORM_ID       0x17
#define MSR_APIC_BASE         0x1b
#define MSR_SPEC_CTRL         0x48
#define MSR_PRED_CMD          0x49
#define MSR_UCODE_REV         0x8b
#define MSR_MTRRCAP           0xfe
#define MSR_ARCH_CAPABILITIES 0x10a
#define MSR_SYSENTER_CS       0x174
#define MSR_SYSENTER_EIP      0x176
#define MSR_MCG_CAP           0x179
#define MSR_MCG_STATUS        0x17a
#define MSR_MISC_ENABLE       0x1a0
#define MSR_DEBUGCTL          0x1d9
#define MSR_PAT               0x277
#define MSR_EFER              0xc0000080
#define MSR_FS_BASE           0xc0000100
#define MSR_GS_BASE           0xc0000101
#define MSR_KERNEL_GS_BASE    0xc0000102
#define MSR_TSC_AUX           0xc0000103
#define MSR_K8_SYSCFG         0xc0010010
#define MSR_K8_HWCR           0xc0010015
#define MSR_AMD64_DE_CFG      0xc0011029
#define EFER_SCE              1ull
/* The PAT of the PV ABI: WB, WT, UC-, UC, WC, WP, UC-, UC (public arch-x86/xen.h leaves
 * it fixed). */
#define PAT_VALUE 0x050100070406ull

static bool read_base(struct vcpu *v, uint32_t msr, uint64_t *val)
{
    ctx_sync_segments(&v->hw);
    *val = msr == MSR_FS_BASE                            ? v->hw.fs_base
           : (msr == MSR_GS_BASE) == !!v->hw.kernel_mode ? v->hw.gs_base_kernel
                                                         : v->hw.gs_base_user;
    return true;
}

static bool write_base(struct vcpu *v, uint32_t msr, uint64_t val)
{
    if (!pv_is_canonical(val))
        return false;
    ctx_sync_segments(&v->hw);
    if (msr == MSR_FS_BASE)
        v->hw.fs_base = val;
    else if ((msr == MSR_GS_BASE) == !!v->hw.kernel_mode)
        v->hw.gs_base_kernel = val;
    else
        v->hw.gs_base_user = val;
    ctx_load_segments(&v->hw);
    return true;
}

bool guest_rdmsr(struct vcpu *v, uint32_t msr, uint64_t *val)
{
    switch (msr) {
    case MSR_FS_BASE:
    case MSR_GS_BASE:
    case MSR_KERNEL_GS_BASE:
        return read_base(v, msr, val);
    case MSR_EFER:
        return cpu_rdmsr(msr, val) && (*val &= 0x4d01, true); /* SCE LME LMA NX FFXSR */
    case MSR_PAT:
        *val = PAT_VALUE;
        return true;
    case MSR_APIC_BASE:
        return v->domain->privileged && cpu_rdmsr(msr, val);
    case MSR_TSC:
    case MSR_PLATFORM_ID:
    case MSR_MISC_ENABLE:
    case MSR_UCODE_REV:
    case MSR_K8_HWCR:
    case MSR_AMD64_DE_CFG:
        return cpu_rdmsr(msr, val);
    case MSR_K8_SYSCFG:
        return v->domain->privileged && cpu_rdmsr(msr, val);
    case MSR_MCG_CAP:
    case MSR_MCG_STATUS:
    case MSR_DEBUGCTL:
    case MSR_SYSENTER_CS ... MSR_SYSENTER_EIP:
        *val = 0;
        return true;
    case MSR_TSC_AUX:
        *val = v->hw.tsc_aux;
        return true;
    default:
        return false;
    }
}

bool guest_wrmsr(struct vcpu *v, uint32_t msr, uint64_t val)
{
    switch (msr) {
    case MSR_FS_BASE:
    case MSR_GS_BASE:
    case MSR_KERNEL_GS_BASE:
        return write_base(v, msr, val);
    case MSR_EFER: /* kept as it is; a kernel writes back what it read */
    case MSR_PAT:
        return msr != MSR_PAT || val == PAT_VALUE;
    case MSR_SYSENTER_CS ... MSR_SYSENTER_EIP:
    case MSR_UCODE_REV:
    case MSR_MISC_ENABLE:
    case MSR_DEBUGCTL:
    case MSR_MCG_STATUS:
    case MSR_AMD64_DE_CFG:
    case MSR_K8_HWCR:
        return true;
    case MSR_PRED_CMD:
        return cpu_wrmsr(msr, val & 1);
    case MSR_TSC_AUX:
        v->hw.tsc_aux = val;
        return true;
    default:
        return false;
    }
}
