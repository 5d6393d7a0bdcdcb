/* SPDX-License-Identifier: MIT */
/* What RDMSR and WRMSR do for a guest. */
#ifndef GUEST_PV_MSR_H
#define GUEST_PV_MSR_H

#include "kern/vcpu.h"

bool guest_rdmsr(struct vcpu *v, uint32_t msr, uint64_t *val); /* false: #GP */
bool guest_wrmsr(struct vcpu *v, uint32_t msr, uint64_t val);

#endif
