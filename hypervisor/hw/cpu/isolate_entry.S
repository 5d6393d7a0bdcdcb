/* SPDX-License-Identifier: MIT */
/* Entry code under isolation (port/isolate.h): what runs while the tables of a guest's
 * view are loaded, which hold of the hypervisor these pages, the IDT, and of this CPU the
 * GDT page and the tops of its stacks. Ways in load the guest's own table, which has all
 * of it, and go on in entry.S; ways out begin there and end in ways_out.S; what else is
 * other under isolation is led here by DETOUR().
 *
 * An exception can hit code of this file: an NMI anywhere, a fault at the IRETQs. It
 * finds the guest's view loaded, in ring 0, and gives it back when it returns.
 *
 * cpu_info.full_cr3 and guest_cr3 are of kernel mode, _USER of user mode. */
#include "abi/arch_x86.h"
#include "hw/cpu/desc.h"
#include "hw/cpu/entry.h"
#include "hw/cpu/extable.h"
#include "hw/cpu/msr.h"
#include "hw/cpu/percpu.h"

#define HYPERCALL_IRET 23
#define I_USER(x)       (INFO_##x - UREGS_rip + 8)(%rsp)
#define I_FAULT_USER(x) (INFO_##x - UREGS_rdi + 8)(%rsp)
/* From rbp, the last byte of the CPU's slot. */
#define I_SLOT(x)       (1 - INFO_SIZE + INFO_REGS + INFO_##x)(%rbp)
#define I_SLOT_USER(x)  (9 - INFO_SIZE + INFO_REGS + INFO_##x)(%rbp)

    .globl isolated_fault_cr3, isolated_syscall_cr3, isolated_iret_cr3
    .globl isolated_fault_slow, isolated_syscall_slow, isolated_iret_event

    .section .isolate, "ax", @progbits
    .balign 16
    .globl isolated_vectors
isolated_vectors:
    VECTOR_STUBS isolated_ist, isolated_page_fault, isolated_exception, isolated_irq

/* From a guest, rsp = &regs.error_code: pushes rdi and loads the tables of its mode. */
.macro ENTER_BY_MODE
    pushq %rdi
    movq %cr3, %rdi
    cmpq I_FAULT_USER(seen_cr3), %rdi
    movq I_FAULT(full_cr3), %rdi
    jne .Lmode\@
    movq I_FAULT_USER(full_cr3), %rdi
.Lmode\@:
    movq %rdi, %cr3
.endm

    .balign 16
isolated_exception:
    testb $3, UREGS_cs - UREGS_error_code(%rsp)
    jz isolated_in_hv
    ENTER_BY_MODE
    jmp exception_pushed

    .balign 16
isolated_irq:
    testb $3, UREGS_cs - UREGS_error_code(%rsp)
    jz entry_irq
    ENTER_BY_MODE
    jmp irq_pushed

/* Whatever mode it comes from, the kernel's tables are those that are wanted first. */
    .balign 16
isolated_page_fault:
    testb $3, UREGS_cs - UREGS_error_code(%rsp)
    jz isolated_page_fault_in_hv
    pushq %rdi
    movq I_FAULT(full_cr3), %rdi
    movq %rdi, %cr3
    jmp page_fault_pushed
isolated_page_fault_in_hv:
    movl $VECTOR_PF, 4(%rsp)
    jmp isolated_in_hv

/* Exceptions with a stack of their own, and all from ring 0: rbx = the guest's view if
 * that was loaded, else 0. */
    .balign 16
isolated_ist:
isolated_in_hv:
    cld
    PUSH_ALL
    ASM_CLAC
    movq %rsp, %rbp
    orq $(STACK_SLOT - 1), %rbp
    movq %cr3, %rbx
    movq I_SLOT(full_cr3), %rax
    cmpq I_SLOT(seen_cr3), %rbx
    je 1f
    movq I_SLOT_USER(full_cr3), %rax
    cmpq I_SLOT_USER(seen_cr3), %rbx
    je 1f
    xorl %ebx, %ebx
    jmp 2f
1:  movq %rax, %cr3
2:  movq %rsp, %rdi
    testb $3, UREGS_cs(%rsp)
    jnz ist_of_guest
    FILL_RSB RSB_DEPTH
    CALL_C trap_hv
    addq $(RSB_DEPTH * 8), %rsp
    testq %rbx, %rbx
    jz 3f
    movq %rbx, %cr3
3:  POP_ALL
    addq $8, %rsp
    iretq

/* SYSCALL: as syscall_stubs. */
    .balign 64
    .globl isolated_syscall
isolated_syscall:
    SYSCALL_STUBS ISOLATED_STUB_SIZE, syscall_taken
    .balign ISOLATED_STUB_SIZE
    .globl isolated_syscall32
isolated_syscall32:
    SYSCALL_STUBS ISOLATED_STUB_SIZE, syscall32_taken

    .balign 16
syscall_taken:
    movq %rcx, R(rip)
    movq I(full_cr3), %rcx
    movq %rcx, %cr3
    movq I(current), %rcx
    cmpb $0, VCPU_kernel_mode(%rcx)
    je syscall_from_user
    cmpq $HYPERCALL_IRET, %rax
    jne hypercall
    jmp iret_fast

syscall32_taken:
    movq %rcx, R(rip)
    movq %cr3, %rcx
    cmpq I_USER(seen_cr3), %rcx
    movq I(full_cr3), %rcx
    jne 1f
    movq I_USER(full_cr3), %rcx
1:  movq %rcx, %cr3
    jmp entry_syscall32

/* Changes of mode in the fast ways: the kernel's tables are loaded already; the user's
 * are loaded only if C is to see them. */
isolated_fault_cr3:
    swapgs
    jmp fault_frame
isolated_syscall_cr3:
    swapgs
    jmp syscall_frame
isolated_iret_cr3:
    swapgs
    jmp iret_leave
isolated_fault_slow:
    movq I_FAULT_USER(full_cr3), %rax
    movq %rax, %cr3
    movq S_FAULT(0), %rax
    jmp fault_in_c
isolated_syscall_slow:
    movq I_USER(full_cr3), %rax
    movq %rax, %cr3
    movq S(0), %rax
    jmp syscall_frame_c
isolated_iret_event:
    movq INFO_current(%rsp), %rbx
    cmpb $0, VCPU_kernel_mode(%rbx)
    jne exit_to_guest
    movq INFO_full_cr3 + 8(%rsp), %rax
    movq %rax, %cr3
    jmp exit_to_guest

    .section .note.GNU-stack, "", @progbits
