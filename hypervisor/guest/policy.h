/* SPDX-License-Identifier: MIT */
/* CPUID as tools ask for it: lists of leaves, and feature words. */
#ifndef GUEST_POLICY_H
#define GUEST_POLICY_H

#include "abi/arch_x86.h"
#include "kern/vcpu.h"

/* 14 leaves, 6 + 2 + 2 + 63 subleaves, 2 of hypervisors, 34 extended, are below it. */
#define POLICY_MAX_LEAVES 128
#define POLICY_WORDS      19 /* words of public arch-x86/cpufeatureset.h */

enum policy_kind { POLICY_RAW, POLICY_GUEST };
/* Leaves in rising order; returns how many (at most POLICY_MAX_LEAVES). */
unsigned policy_leaves(const struct vcpu *v, enum policy_kind kind,
                       struct hv_cpuid_leaf *out);
void policy_featureset(const struct vcpu *v, enum policy_kind kind, uint32_t *words);

#endif
