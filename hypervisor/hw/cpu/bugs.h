/* SPDX-License-Identifier: MIT */
/* What this machine's CPUs are said to leak, and what of their own they have against it.
 * What is done about it, mitigate.c decides. */
#ifndef HW_CPU_BUGS_H
#define HW_CPU_BUGS_H

#include "lib/types.h"

struct cpu_bugs {
    bool l1tf;          /* reads ahead through entries that are not present */
    unsigned addr_bits; /* of physical addresses, as CPUID tells ... */
    unsigned l1d_bits;  /* ... and as the L1 data cache compares them */
    bool buffers;       /* shows what went through its buffers, but VERW cleans them */
    bool mmio;          /* the same, where a guest has devices */
    bool history;       /* branch history of ring 3 counts in ring 0 */
    bool bhi_dis_s;     /* ... unless this bit of MSR_SPEC_CTRL is set */
    /* As told, for the log. */
    uint64_t arch_caps; /* 0: no such register */
    bool md_clear, verw_clear;
};
extern struct cpu_bugs cpu_bugs;

void bugs_probe(void); /* boot CPU, behind features_probe() */

#endif
