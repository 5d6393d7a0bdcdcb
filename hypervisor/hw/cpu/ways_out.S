/* SPDX-License-Identifier: MIT */
/* The ways out to guests that stand in the place of those of entry.S on CPUs that need
 * more: the tables of the guest's view (port/isolate.h), or VERW, by which the CPU
 * forgets what went through its buffers and registers (mitigate.c), or both. Registers
 * are as at WAY_OUT() of that name in entry.S. VERW comes last, when the guest's
 * registers are loaded; what it names is readable in all tables.
 *
 * Reference: Intel, "Microarchitectural Data Sampling", "Register File Data Sampling". */
#include "hw/cpu/desc.h"
#include "hw/cpu/entry.h"
#include "hw/cpu/msr.h"
#include "hw/cpu/percpu.h"

/* In the iret hypercall, seven words below the others. */
#define I_IRET(x)      (INFO_##x - UREGS_rip + 56)(%rsp)
#define I_IRET_USER(x) (INFO_##x - UREGS_rip + 64)(%rsp)

    .section .isolate, "ax", @progbits
    .balign 2
    .globl verw_selector
verw_selector:
    .word SEL_HV_DS

/* The end of a hypercall that touched no register but these: by sysret, as it came. */
.macro LEAVE name, cr3, rflags, rsp, isolated, verw
    .balign 16
    .globl \name
\name:
    .if \isolated
    movq \cr3, %r11
    movq %r11, %cr3
    .endif
    movq \rflags, %r11
    movq \rsp, %rsp
    .if \verw
    verw verw_selector(%rip)
    .endif
    sysretq
.endm

.macro WAYS_OUT prefix, isolated, verw
    .balign 16
    .globl \prefix\()_syscall_leave
\prefix\()_syscall_leave:
    movq VCPU_syscall_frame(%rcx), %rax
    movq %rax, R(rsp)
    movq VCPU_syscall_ip(%rcx), %rcx
    .if \isolated
    movq I(guest_cr3), %rax
    movq %rax, %cr3
    .endif
    movq S(0), %rax
    movq S(1), %rdx
    andl $~EFLAGS_ENTRY_CLEAR, %r11d
    movq R(rsp), %rsp
    .if \verw
    verw verw_selector(%rip)
    .endif
    sysretq

    .balign 16
    .globl \prefix\()_fault_leave
\prefix\()_fault_leave:
    .if \isolated
    movq I_FAULT(guest_cr3), %rax
    movq %rax, %cr3
    .endif
    movq S_FAULT(0), %rax
    movq R_FAULT(rdi), %rdi
    movq R_FAULT(rsp), %rsp
    .if \verw
    verw verw_selector(%rip)
    .endif
    sysretq

    LEAVE \prefix\()_hypercall_leave, I_BELOW(guest_cr3), R_BELOW(rflags), R_BELOW(rsp), \
        \isolated, \verw
    LEAVE \prefix\()_quick_leave, I(guest_cr3), R(rflags), R(rsp), \isolated, \verw

    .balign 16
    .globl \prefix\()_iret_out, \prefix\()_fast_iretq
\prefix\()_iret_out:
    .if \isolated
    movq I_IRET(current), %rcx
    cmpb $0, VCPU_kernel_mode(%rcx)
    movq I_IRET(guest_cr3), %rcx
    jne 1f
    movq I_IRET_USER(guest_cr3), %rcx
1:  movq %rcx, %cr3
    .endif
    popq %r11
    popq %rcx
    .if \verw
    verw verw_selector(%rip)
    .endif
\prefix\()_fast_iretq:
    iretq

    .balign 16
    .globl \prefix\()_exit_restore, \prefix\()_iretq
\prefix\()_exit_restore:
    .if \isolated
    movq INFO_current(%rsp), %rbx
    movq INFO_guest_cr3(%rsp), %rax
    cmpb $0, VCPU_kernel_mode(%rbx)
    jne 1f
    movq INFO_guest_cr3 + 8(%rsp), %rax
1:  movq %rax, %cr3
    .endif
    POP_ALL
    addq $8, %rsp
    .if \verw
    verw verw_selector(%rip)
    .endif
\prefix\()_iretq:
    iretq
.endm

    WAYS_OUT isolated, 1, 0
    WAYS_OUT isolated_verw, 1, 1

    .section .text.entry, "ax", @progbits
    WAYS_OUT verw, 0, 1
    .section .note.GNU-stack, "", @progbits
