/* SPDX-License-Identifier: MIT */
/* What CPUID answers to a guest. */
#ifndef GUEST_CPUID_H
#define GUEST_CPUID_H

#include "kern/vcpu.h"
#include "port/priv.h"

void guest_cpuid(const struct vcpu *v, uint32_t leaf, uint32_t subleaf,
                 struct cpuid_regs *out);
bool guest_has_xsave(void);

#endif
