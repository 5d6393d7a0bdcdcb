/* SPDX-License-Identifier: MIT */
/* A CPU's stacks and its own data.
 *
 * Each CPU has a slot of 64 KiB of addresses from STACKS_START on (within 2 GiB of the
 * image, so that rip-relative code reaches it). Pages of a slot, the others stay unmapped
 * as guards: 1 the GDT page and TSS, 3 NMI stack, 5 machine check, 7 debug exception,
 * 9-10 double fault, 12-15 the stack. struct cpu_info ends the slot. Whatever stack of a
 * slot is in use, setting the low bits of the stack pointer finds it. An entry from a
 * guest has its registers in cpu_info.regs, and the C stack grows down from there; the
 * hypervisor never leaves that stack but for the four exceptions above. */
#ifndef HW_CPU_PERCPU_H
#define HW_CPU_PERCPU_H

#define STACK_SLOT       0x10000
#define STACKS_START     0xffff82d080000000
#define STACK_MAIN_PAGE  12
#define STACK_DESC_PAGE  1
#define STACK_PAGE_MASK  0xf6a8 /* pages of a slot that are stacks */
#define STACK_ENTRY_MASK 0x84a8 /* those that entry from a guest needs: their tops */

/* Return addresses of our own that lie in the return stack buffer before the first RET of
 * an entry, and on the stack as long as C runs. A hypercall's two CALLs on the way to its
 * handler are the last of them. */
#define RSB_DEPTH 32
#define HCALL_RSB (RSB_DEPTH - 2)

#ifndef __ASSEMBLY__
#include "abi/arch_x86.h"
#include "port/hcall.h"

struct vcpu;
struct desc_page;
struct hv_vcpu_info;

struct cpu_info {
    uint64_t align;               /* makes regs.es a multiple of 16: TSS.rsp0 */
    struct hv_cpu_user_regs regs; /* of the guest that entered the hypervisor here */
    struct vcpu *current;
    struct hv_vcpu_info *info; /* current's */
    _Atomic uint32_t *softirq; /* softirq_cpu[cpu].pending */
    uint32_t cpu;
    uint32_t nr;            /* the hypercall that is under way or was the last */
    struct hcall hcall;     /* its arguments; v and d are current and its domain */
    uint64_t scratch[3];    /* entry.S, interrupts off */
    struct desc_page *desc; /* this CPU's GDT page and TSS */
    uint64_t desc_pte;      /* the PTE that maps it into a vCPU's window */
    uint64_t xcr0;          /* what XCR0 holds */
    uint64_t tsc_aux;       /* what MSR_TSC_AUX holds */
    uint64_t spec_ctrl;     /* what MSR_SPEC_CTRL holds */
    uint64_t forget;        /* not 0: current's branch history, before C runs for it */
    struct vcpu_hw *last;   /* guest vCPU that ran here last */
    /* Under isolation, of current, in kernel and in user mode: its own tables, and what
     * is loaded while its code runs. */
    uint64_t full_cr3[2], guest_cr3[2];
    uint64_t seen_cr3[2]; /* guest_cr3, as it is read from CR3 */
};
_Static_assert(sizeof(struct cpu_info) % 16 == 0, "cpu_info would misalign the stack");
#endif

#endif
