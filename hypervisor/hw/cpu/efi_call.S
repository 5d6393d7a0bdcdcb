/* SPDX-License-Identifier: MIT */
/* From our calling convention to EFI's (Microsoft's), and a way back from firmware that
 * went astray. efi_stack is where rsp stood: whatever the function does to registers or
 * the stack pointer, the return is found. One call is under way at a time. Reference:
 * UEFI Specification 2.10, "x64 Platforms: Detailed Calling Conventions". */
    .section .text, "ax", @progbits

/* uint64_t efi_call(uint64_t fn, const uint64_t arg[EFI_ARGS]) */
    .balign 16
    .globl efi_call
efi_call:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, efi_stack(%rip)
    movq %rdi, %rax
    movq %rsi, %r10
    andq $-16, %rsp
    subq $48, %rsp                  /* the callee's four words, the fifth argument */
    movq (%r10), %rcx
    movq 8(%r10), %rdx
    movq 16(%r10), %r8
    movq 24(%r10), %r9
    movq 32(%r10), %r11
    movq %r11, 32(%rsp)
    call __x86_indirect_thunk_rax
efi_return:
    cld
    movq efi_stack(%rip), %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret

/* Where efi_fault() sends a call that faulted: it answers EFI_ABORTED. */
    .globl efi_abort
efi_abort:
    movabs $0x8000000000000015, %rax
    jmp efi_return

    .section .bss, "aw", @nobits
    .balign 8
    .globl efi_stack
efi_stack:
    .skip 8
    .section .note.GNU-stack, "", @progbits
