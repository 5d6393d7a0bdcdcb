/* SPDX-License-Identifier: MIT */
/* MSR_SPEC_CTRL holds what the vCPU that was here last wants, also while the hypervisor
 * runs; cpu_info remembers, as writing it is dear. Reference: Intel, "Speculative
 * Execution Side Channel Mitigations". */
#include "hw/cpu/spec.h"
#include "hw/cpu/features.h"
#include "hw/cpu/mitigate.h"
#include "hw/cpu/msr.h"
#include "port/cpu.h"

#define PRED_CMD_IBPB 1ull

void ctx_load_spec_ctrl(struct vcpu_hw *v)
{
    uint64_t val = v->spec_ctrl | mitigations.spec_ctrl;

    if (cpu_features.spec_ctrl && val != cpu_info()->spec_ctrl) {
        wrmsr(MSR_SPEC_CTRL, val);
        cpu_info()->spec_ctrl = val;
    }
}

void spec_switch(struct vcpu_hw *v)
{
    ctx_load_spec_ctrl(v);
    /* What one guest taught the branch predictors is not for another. */
    if (cpu_features.ibpb && cpu_info()->last != v)
        wrmsr(MSR_PRED_CMD, PRED_CMD_IBPB);
    cpu_info()->last = v;
}
