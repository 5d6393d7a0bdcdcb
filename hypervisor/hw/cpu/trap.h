/* SPDX-License-Identifier: MIT */
/* Exceptions, called by entry.S with interrupts off. */
#ifndef HW_CPU_TRAP_H
#define HW_CPU_TRAP_H

#include "abi/arch_x86.h"

void trap_guest(struct hv_cpu_user_regs *r); /* r is cpu_info.regs */
void trap_hv(struct hv_cpu_user_regs *r);    /* in the hypervisor: resolves it or dies */
_Noreturn void exit_fault(void);             /* entry.S */

/* What cpu_dump_state() shows; NULL: the caller's own stack. */
extern const struct hv_cpu_user_regs *trap_dump_regs;
/* By NMI: does not come back once a panic has begun elsewhere. */
void cpu_stop_if_asked(const struct hv_cpu_user_regs *r);
/* A text address as "name+0x12/0x40" in buf. */
const char *symbol_name(uint64_t addr, char *buf, unsigned n);

#endif
