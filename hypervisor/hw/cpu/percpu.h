/* SPDX-License-Identifier: MIT */
/* A CPU's stacks and its own data.
 *
 * Each CPU has a slot of 64 KiB of addresses from STACKS_START on (within 2 GiB of the
 * image, so that rip-relative code reaches it). Pages of a slot, the others stay unmapped
 * as guards: 3 NMI stack, 5 machine check, 7 debug exception, 9-10 double fault, 12-15
 * the stack. struct cpu_info ends the slot. Whatever stack of a slot is in use, setting
 * the low bits of the stack pointer finds it. An entry from a guest has its registers in
 * cpu_info.regs, and the C stack grows down from there; the hypervisor never leaves that
 * stack but for the four exceptions above. */
#ifndef HW_CPU_PERCPU_H
#define HW_CPU_PERCPU_H

#define STACK_SLOT       0x10000
#define STACKS_START     0xffff82d080000000
#define STACK_MAIN_PAGE  12
#define STACK_PAGE_MASK 0xf6a8 /* which pages of a slot are mapped */

/* Bit of hv_cpu_user_regs.entry_vector: the frame came by SYSCALL, so rcx and r11 need
 * not be restored and SYSRET may be used. C code that changes rip, rflags, rcx or r11 of
 * a frame clears it. */
#define ENTRY_SYSCALL 0x100

#ifndef __ASSEMBLY__
#include "abi/arch_x86.h"

struct vcpu;
struct desc_page;

struct cpu_info {
    uint64_t align;               /* makes regs.es a multiple of 16: TSS.rsp0 */
    struct hv_cpu_user_regs regs; /* of the guest that entered the hypervisor here */
    struct vcpu *current;
    _Atomic uint32_t *softirq; /* softirq_cpu[cpu].pending */
    uint32_t cpu;
    uint32_t spare;
    uint64_t scratch[7];    /* entry.S, interrupts off */
    struct desc_page *desc; /* this CPU's GDT page and TSS */
    uint64_t desc_pte;      /* the PTE that maps it into a vCPU's window */
    uint64_t xcr0;          /* what XCR0 holds */
    uint64_t tsc_aux;       /* what MSR_TSC_AUX holds */
    uint64_t spec_ctrl;     /* what MSR_SPEC_CTRL holds */
    struct vcpu_hw *last;   /* guest vCPU that ran here last */
};
_Static_assert(sizeof(struct cpu_info) % 16 == 0, "cpu_info would misalign the stack");
#endif

#endif
