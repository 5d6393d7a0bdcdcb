/* SPDX-License-Identifier: MIT */
/* What CPUID answers to a guest. */
#ifndef GUEST_CPUID_H
#define GUEST_CPUID_H

#include "kern/vcpu.h"
#include "port/priv.h"

void guest_cpuid(const struct vcpu *v, uint32_t leaf, uint32_t subleaf,
                 struct cpuid_regs *out);
bool guest_has_xsave(void);
bool cpuid_is_intel(void);
bool cpuid_is_amd(void); /* or Hygon */

/* Features by their numbers in the public arch-x86/cpufeatureset.h: word * 32 + bit. */
#define CPUID_RDTSCP    (2u * 32 + 27)
#define CPUID_IBPB      (8u * 32 + 12)
#define CPUID_IBRSB     (9u * 32 + 26)
#define CPUID_ARCH_CAPS (9u * 32 + 29)
#define CPUID_SSBD      (9u * 32 + 31)
bool guest_has(const struct vcpu *v, unsigned feature);
uint64_t guest_arch_caps(void); /* the MSR's value, where guest_has() it */

#endif
