/* SPDX-License-Identifier: MIT */
/* What the CPUs can do, asked once on the boot CPU. */
#ifndef HW_CPU_FEATURES_H
#define HW_CPU_FEATURES_H

#include "lib/types.h"

struct cpu_features {
    bool nx, page1g, smep, smap, umip, fsgsbase, xsave, xsaveopt, rdtscp, invpcid, pcid,
        cpuid_fault;
    bool spec_ctrl, ibpb; /* MSR_SPEC_CTRL, MSR_PRED_CMD */
    bool pge;             /* the CPU has global pages, and they are used */
    bool intel, amd, hygon;
    bool meltdown;     /* reads ahead of page rights; as Xen takes it */
    uint64_t xcr0;     /* every state component that the hardware has and we switch */
    uint32_t fpu_size; /* bytes of a save area with all of them */
};
extern struct cpu_features cpu_features;

void features_probe(void); /* boot CPU, first of all */
void features_enable(
    void); /* this CPU: CR0, CR4, EFER, XCR0; SMEP and SMAP as boot options allow */

#endif
