/* SPDX-License-Identifier: MIT */
/* Emulation of the privileged instructions that a PV kernel still executes. */
#ifndef GUEST_PV_PRIV_H
#define GUEST_PV_PRIV_H

#include "kern/vcpu.h"

enum priv_result { PRIV_DONE, PRIV_NOT_MINE, PRIV_FAULT }; /* FAULT: #GP to the guest */

enum priv_result priv_emulate(struct vcpu *v, struct hv_cpu_user_regs *r);
bool priv_forced_cpuid(struct vcpu *v,
                       struct hv_cpu_user_regs *r); /* after #UD: ud2; "xen"; cpuid */

int pv_set_iopl(struct vcpu *v, unsigned iopl);
int pv_set_iobitmap(struct vcpu *v, vaddr_t bitmap, unsigned nr_ports);

#endif
