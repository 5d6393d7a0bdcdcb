/* SPDX-License-Identifier: MIT */
/* What the files of entry code share: names for the guest's frame and the CPU's data, and
 * the order in which registers are pushed. */
#ifndef HW_CPU_ENTRY_H
#define HW_CPU_ENTRY_H

#ifdef __ASSEMBLY__
#include "offsets.h"

/* The guest's frame and cpu_info: at offsets from rsp = &regs.rip, where the SYSCALL
 * paths have it, from that less the filling of the return stack (_BELOW), and from rsp =
 * &regs.rdi (_FAULT). */
#define R(x) (UREGS_##x - UREGS_rip)(%rsp)
#define I(x) (INFO_##x - UREGS_rip)(%rsp)
#define S(n) (INFO_scratch + 8 * (n) - UREGS_rip)(%rsp)
#define ARG(n) (INFO_hcall_arg + 8 * (n) - UREGS_rip)(%rsp)
#define R_BELOW(x) (UREGS_##x - UREGS_rip + HCALL_RSB * 8)(%rsp)
#define I_BELOW(x) (INFO_##x - UREGS_rip + HCALL_RSB * 8)(%rsp)
#define ARG_BELOW(n) (INFO_hcall_arg + 8 * (n) - UREGS_rip + HCALL_RSB * 8)(%rsp)
#define R_FAULT(x) (UREGS_##x - UREGS_rdi)(%rsp)
#define I_FAULT(x) (INFO_##x - UREGS_rdi)(%rsp)
#define S_FAULT(n) (INFO_scratch + 8 * (n) - UREGS_rdi)(%rsp)

.macro PUSH_REST /* after rdi, rsi, rdx, rcx, rax */
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
.endm
.macro PUSH_ALL
    pushq %rdi
    PUSH_BUT_RDI
.endm
.macro PUSH_BUT_RDI
    pushq %rsi
    pushq %rdx
    pushq %rcx
    pushq %rax
    PUSH_REST
.endm
.macro POP_ALL
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rax
    popq %rcx
    popq %rdx
    popq %rsi
    popq %rdi
.endm

/* The frame of an entry by SYSCALL for C: rsp = &regs.rip, all else live but rcx. */
.macro SYSCALL_FRAME cs
    movq $SEL_USER_DS, R(ss)
    movq $\cs, R(cs)
    movq R(rip), %rcx
    movq R(rflags), %r11
    pushq $0
    PUSH_ALL
.endm
#endif

#endif
