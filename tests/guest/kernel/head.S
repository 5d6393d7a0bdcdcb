/* SPDX-License-Identifier: MIT */
/*
 * How a test kernel is started, and how the hypervisor enters it again.
 *
 * The hypervisor's frame, from rsp up: rcx, r11, [error code], rip, cs, rflags, rsp, ss.
 * Every entry turns it into struct frame (guest.h) and leaves through the iret hypercall.
 */
#define __ASSEMBLY__
#include "abi/xen.h"
#include "abi/elfnote.h"
#include "abi/features.h"

.macro note type, desc:vararg
    .pushsection .note.Xen, "a", @note
    .align 4
    .long 4, 2f - 1f, \type
    .asciz "Xen"
1:  \desc
2:  .align 4
    .popsection
.endm

    note HV_ELFNOTE_GUEST_OS, .asciz "ostler-test"
    note HV_ELFNOTE_XEN_VERSION, .asciz "xen-3.0"
    note HV_ELFNOTE_LOADER, .asciz "generic"
    note HV_ELFNOTE_VIRT_BASE, .quad VIRT_BASE
    note HV_ELFNOTE_ENTRY, .quad start
    note HV_ELFNOTE_HYPERCALL_PAGE, .quad hypercall_page
    note HV_ELFNOTE_SUPPORTED_FEATURES, .quad (1 << HV_FEAT_DOM0)

    .section .text.page, "ax", @progbits
    .balign 4096
    .globl hypercall_page
hypercall_page:
    .skip 4096

    .text
/* rsi: start_info */
    .globl start
start:
    cld
    lea stack_end(%rip), %rsp
    mov %rsi, %rdi
    xor %ebp, %ebp
    call guest_main
    ud2

/* A second vCPU: its stack is set by who started it, rdi holds its number. */
    .globl start_secondary
start_secondary:
    cld
    xor %ebp, %ebp
    call secondary_main
    ud2

/* long guarded(void (*fn)(void *), void *arg): -1, or the vector of the trap fn met. */
    .globl guarded, guarded_end
guarded:
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, guard_rsp(%rip)
    mov %rdi, %rax
    mov %rsi, %rdi
    call *%rax
    mov $-1, %rax
guarded_end: /* the trap handler returns here, with guard_rsp and rax set */
    movq $0, guard_rsp(%rip)
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret

/* Entered with rcx and r11 restored, and error code and vector pushed. */
entry_common:
    push %rax
    push %rcx
    push %rdx
    push %rbx
    push %rbp
    push %rsi
    push %rdi
    push %r8
    push %r9
    push %r10
    push %r11
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, %rdi
    mov %rsp, %rbp
    and $-16, %rsp
    cld
    call guest_entry
    mov %rbp, %rsp
/* void resume(struct frame *) falls in here with rsp at a frame. */
return_frame:
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rdi
    pop %rsi
    pop %rbp
    pop %rbx
    pop %rdx
    pop %rcx
    pop %rax
    add $16, %rsp
    pushq $0 /* flags; the hypercall page's stub pushes rcx, r11 and rax itself */
    jmp hypercall_page + HV_CALL_IRET * 32

    .globl resume
resume:
    mov %rdi, %rsp
    jmp return_frame

/* One stub per exception vector, 32 bytes each: trap_stubs + vector * 32. */
    .balign 32
    .globl trap_stubs
trap_stubs:
    .set vector, 0
    .rept 32
    .balign 32
    pop %rcx
    pop %r11
    .if !((1 << vector) & 0x60227d00)
    pushq $0
    .endif
    pushq $vector
    jmp entry_common
    .set vector, vector + 1
    .endr

.macro stub name, number
    .globl \name
\name:
    pop %rcx
    pop %r11
    pushq $0
    pushq $\number
    jmp entry_common
.endm

    stub int80_stub, 0x80
    stub event_stub, 0x100
    stub syscall_stub, 0x101
    stub syscall32_stub, 0x102
    stub nmi_stub, 2

/* The failsafe frame has ds, es, fs, gs between r11 and rip. */
    .globl failsafe_stub
failsafe_stub:
    pop %rcx
    pop %r11
    add $32, %rsp
    pushq $0
    pushq $0x103
    jmp entry_common

    .bss
    .balign 4096
    .globl stack_end
    .skip 65536
stack_end:
    .globl guard_rsp
guard_rsp:
    .skip 8
    .section .note.GNU-stack, "", @progbits
