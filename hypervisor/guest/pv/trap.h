/* SPDX-License-Identifier: MIT */
/* What a PV guest's exceptions become, and the frames by which it hears of anything. */
#ifndef GUEST_PV_TRAP_H
#define GUEST_PV_TRAP_H

#include "kern/vcpu.h"

#define TRAP_DE  0
#define TRAP_DB  1
#define TRAP_NMI 2
#define TRAP_BP  3
#define TRAP_OF  4
#define TRAP_UD  6
#define TRAP_NM  7
#define TRAP_TS  10
#define TRAP_NP  11
#define TRAP_SS  12
#define TRAP_GP  13
#define TRAP_PF  14
#define TRAP_MF  16
#define TRAP_AC  17
#define TRAP_MC  18
#define TRAP_XM  19

/* Its handler of a vector, from now on. */
void pv_set_trap(struct vcpu *v, unsigned vector, const struct hv_trap_info *t);
/* The current vCPU takes an exception through its virtual IDT. Crashes the domain where
 * none is set. */
void pv_inject(struct vcpu *v, struct hv_cpu_user_regs *r, unsigned vector,
               uint32_t error_code);
void pv_inject_pf(struct vcpu *v, struct hv_cpu_user_regs *r, vaddr_t va,
                  uint32_t error_code);

#endif
