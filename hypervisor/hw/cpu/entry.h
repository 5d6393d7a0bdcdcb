/* SPDX-License-Identifier: MIT */
/* What the files of entry code share: names for the guest's frame and the CPU's data, and
 * the order in which registers are pushed. */
#ifndef HW_CPU_ENTRY_H
#define HW_CPU_ENTRY_H

#ifdef __ASSEMBLY__
#include "hw/cpu/percpu.h"
#include "offsets.h"

/* Exceptions 8, 10 to 14, 17, 21, 29 and 30 bring one. */
#define HAS_ERROR_CODE 0x60227d00
#define VECTOR_PF      14

/* With isolation, the code that follows begins with a jump to `to` (5 bytes). */
#define DETOUR(to)                  \
662:                                \
    .pushsection .detours, "a";     \
    .balign 4;                      \
    .long 662b - ., (to) - .;       \
    .popsection

/* The same before the last instructions of a way out, with what stands in their place in
 * ways_out.S: for isolation, for that and VERW, for VERW. */
#define WAY_OUT(name)                                                                    \
662:                                                                                     \
    .pushsection .ways_out, "a";                                                         \
    .balign 4;                                                                           \
    .long 662b - ., isolated_##name - ., isolated_verw_##name - ., verw_##name - .;      \
    .popsection

/* A call of C on behalf of a guest. Where guests' branch history is to be forgotten
 * first, it is led to what is put aside: if cpu_info.forget says so, that is done. No CPU
 * guesses its way past that, because of the LFENCE. rcx and rdx are dead. */
.macro CALL_C fn
774:
    call \fn
    .pushsection .text.forget, "ax"
775:
    movq %rsp, %rcx
    orq $(STACK_SLOT - 1), %rcx
    cmpb $0, 1 - INFO_SIZE + INFO_REGS + INFO_forget(%rcx)
    je 776f
    call forget_history
776:
    lfence
    jmp \fn
    .popsection
    .pushsection .c_calls, "a"
    .balign 4
    .long 774b - ., 775b - .
    .popsection
.endm

/* One stub of 16 bytes a vector: completes the processor's frame by error code and
 * vector. */
.macro VECTOR_STUBS on_ist, on_page_fault, on_exception, on_irq
    .set vector, 0
    .rept 256
    .balign 16
    .if vector > 31
    pushq $0
    .elseif !(HAS_ERROR_CODE & (1 << vector))
    pushq $0
    .endif
    .if vector != VECTOR_PF         /* which knows */
    movl $vector, 4(%rsp)
    .endif
    .if vector == 1 || vector == 2 || vector == 8 || vector == 18
    jmp \on_ist
    .elseif vector == VECTOR_PF
    jmp \on_page_fault
    .elseif vector < 32 || vector == 0x80
    jmp \on_exception
    .else
    jmp \on_irq
    .endif
    .set vector, vector + 1
    .endr
.endm

/* The first of what a CPU's own entry for SYSCALL does: rsp = &regs.rip on its stack. */
.macro SYSCALL_STACK
    movq %rsp, __stacks + (cpu + 1) * STACK_SLOT - INFO_SIZE + INFO_REGS + UREGS_rsp(%rip)
    leaq __stacks + (cpu + 1) * STACK_SLOT - INFO_SIZE + INFO_REGS + UREGS_rip(%rip), %rsp
.endm

/* One for each CPU, all of which go on at the same place. */
.macro SYSCALL_STUBS size, to
    .set cpu, 0
    .rept CPUS
    .balign \size
    SYSCALL_STACK
    jmp \to
    .set cpu, cpu + 1
    .endr
.endm

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

/* The frame of an entry by SYSCALL for C: rsp = &regs.rip, where rip is; all else is
 * live but rcx. */
.macro SYSCALL_FRAME cs
    movq $SEL_USER_DS, R(ss)
    movq $\cs, R(cs)
    movq %r11, R(rflags)
    movq R(rip), %rcx
    pushq $0
    PUSH_ALL
.endm
#endif

#endif
