/* SPDX-License-Identifier: MIT */
/* The ways into the hypervisor and out again. Contracts stand at each label. "The frame"
 * is struct hv_cpu_user_regs; the guest's one is cpu_info.regs, and when rsp points to
 * it INFO_* finds the rest of struct cpu_info. Interrupts are off in all of this file.
 *
 * Reference: Xen public interface, arch-x86/xen.h and xen-x86_64.h (callback frames,
 * iret); AMD64 Architecture Programmer's Manual volume 2, "Long-Mode Interrupt Control
 * Transfers". */
#include "abi/arch_x86.h"
#include "hw/cpu/desc.h"
#include "hw/cpu/extable.h"
#include "hw/cpu/msr.h"
#include "hw/cpu/percpu.h"
#include "offsets.h"

/* Offsets of the guest's frame and cpu_info from rsp = &regs.rip, where the SYSCALL
 * paths have it. */
#define R(x) (UREGS_##x - UREGS_rip)(%rsp)
#define I(x) (INFO_##x - UREGS_rip)(%rsp)
#define S(n) (INFO_scratch + 8 * (n) - UREGS_rip)(%rsp)
/* va >> 43 of every address in the hypervisor's range (port/layout.h). */
#define HV_RANGE_TAG 0x1ffff0
#define HYPERCALL_IRET 23
/* Exceptions 8, 10 to 14, 17, 21, 29 and 30 bring one. */
#define HAS_ERROR_CODE 0x60227d00
#define VECTOR_PF      14

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

    .section .text.entry, "ax", @progbits

/* One stub of 16 bytes a vector: completes the processor's frame by error code and
 * vector. */
    .balign 16
    .globl vector_stubs
vector_stubs:
    .set vector, 0
    .rept 256
    .balign 16
    .if vector > 31 || !(HAS_ERROR_CODE & (1 << vector))
    pushq $0
    .endif
    movl $vector, 4(%rsp)
    .if vector == 1 || vector == 2 || vector == 8 || vector == 18
    jmp entry_ist
    .elseif vector == VECTOR_PF
    jmp entry_page_fault
    .elseif vector < 32 || vector == 0x80
    jmp entry_exception
    .else
    jmp entry_irq
    .endif
    .set vector, vector + 1
    .endr

    .balign 16
/* Exceptions on the CPU's stack: from a guest the frame is cpu_info.regs. */
entry_exception:
    cld
    PUSH_ALL
    ASM_CLAC
    movq %rsp, %rdi
    testb $3, UREGS_cs(%rsp)
    jz exception_in_hv
guest_exception:
    FILL_RSB
    call trap_guest
    jmp exit_to_guest
exception_in_hv:
    call trap_hv
    POP_ALL
    addq $8, %rsp
    iretq

/* Page faults: a guest kernel's may be answered without return addresses of our own.
 * rsp = &regs.error_code. */
    .balign 16
entry_page_fault:
    testb $3, UREGS_cs - UREGS_error_code(%rsp)
    jz entry_exception
    pushq %rdi
    movq INFO_current - UREGS_rdi(%rsp), %rdi
    cmpb $0, VCPU_kernel_mode(%rdi)
    jne 1f
    popq %rdi
    jmp entry_exception
1:  cld
    PUSH_BUT_RDI
    ASM_CLAC
    movq %rdi, %rsi
    movq %rsp, %rdi
    movq %cr2, %rdx
    call mmu_quick_fault

    .balign 16
entry_irq:
    cld
    PUSH_ALL
    ASM_CLAC
    movq %rsp, %rdi
    testb $3, UREGS_cs(%rsp)
    jz 1f
    FILL_RSB
    call irq_dispatch
    jmp exit_to_guest
1:  call irq_dispatch
    POP_ALL
    addq $8, %rsp
    iretq

/* Exceptions with a stack of their own: what came from a guest moves to the CPU's stack
 * first. */
    .balign 16
entry_ist:
    cld
    PUSH_ALL
    ASM_CLAC
    movq %rsp, %rdi
    testb $3, UREGS_cs(%rsp)
    jz exception_in_hv
    movq %rsp, %rsi
    movq %rsp, %rdi
    orq $(STACK_SLOT - 1), %rdi
    leaq 1 - INFO_SIZE + INFO_REGS(%rdi), %rdi
    movl $(UREGS_ss / 8 + 1), %ecx
    movq %rdi, %rsp
    rep movsq
    movq %rsp, %rdi
    jmp guest_exception

/* SYSCALL. From the CPU's stub: rsp = &regs.rsp + nothing else saved, regs.rsp set; rcx
 * = rip, r11 = rflags. */
    .balign 16
    .globl entry_lstar
entry_lstar:
    pushq %r11
    pushq $SEL_USER_CS64
    pushq %rcx
    movq I(current), %rcx
    cmpb $0, VCPU_kernel_mode(%rcx)
    je syscall_from_user
    cmpq $HYPERCALL_IRET, %rax
    je iret_fast

/* Hypercall: rsp = &regs.rip; rip, cs, rflags, rsp of the frame are there, rax and the
 * arguments live. */
hypercall:
    movq $SEL_USER_DS, R(ss)
    movq $((ENTRY_SYSCALL) << 32), %rcx
    pushq %rcx
    movq UREGS_rip - UREGS_error_code(%rsp), %rcx
    PUSH_ALL
    movq %rsp, %rdi
    FILL_RSB
    call pv_hypercall

/* The way out to a PV guest. rsp = the frame, all else free. Work comes first. */
    .globl exit_to_guest
exit_to_guest:
    cli
    movq INFO_softirq(%rsp), %rax
    movq INFO_current(%rsp), %rbx
    cmpl $0, (%rax)
    jne exit_work
    cmpb $0, VCPU_nmi_pending(%rbx)
    jne exit_nmi
    movq VCPU_info(%rbx), %rax
    cmpb $0, (%rax)                 /* evtchn_upcall_pending */
    jne exit_event
exit_restore:
    testb $(ENTRY_SYSCALL >> 8), UREGS_entry_vector + 1(%rsp)
    jz 1f
    movq UREGS_rip(%rsp), %rcx      /* SYSRET faults in ring 0 if not canonical */
    sarq $47, %rcx
    incl %ecx
    cmpl $1, %ecx
    jbe exit_sysret
1:  POP_ALL
    addq $8, %rsp
    .globl exit_iretq
exit_iretq:
    iretq
exit_sysret:
    POP_ALL
    movq 8(%rsp), %rcx
    movq 24(%rsp), %r11
    cmpw $SEL_USER_CS32, 16(%rsp)
    movq 32(%rsp), %rsp
    je 1f
    sysretq
1:  sysretl

exit_nmi:
    cmpb $0, VCPU_nmi_masked(%rbx)
    je exit_work
    movq VCPU_info(%rbx), %rax
    cmpb $0, (%rax)
    je exit_restore
exit_event:
    cmpb $0, 1(%rax)                /* evtchn_upcall_mask */
    jne exit_restore
    cmpq $0, VCPU_event_ip(%rbx)    /* nowhere to deliver it */
    je exit_restore
exit_work:
    movq %rsp, %rdi
    call pv_exit_work
    jmp exit_to_guest

/* SYSCALL from guest user mode: the guest kernel is entered at syscall_ip with rcx, r11,
 * rip, cs and mask, rflags, rsp, ss on its stack. rsp = &regs.rip, rcx = vcpu. Whatever
 * is out of the ordinary goes by C. */
    .balign 16
syscall_from_user:
    movq %rax, S(0)
    movq %rdx, S(1)
    movq VCPU_info(%rcx), %rdx
    movq VCPU_syscall_ip(%rcx), %rax
    sarq $47, %rax                  /* neither unset nor non-canonical */
    incl %eax
    cmpl $1, %eax
    ja syscall_slow
    cmpq $0, VCPU_syscall_ip(%rcx)
    je syscall_slow
    cmpb $0, 1(%rdx)                /* events masked in user mode: odd, C's */
    jne syscall_slow
    movq VCPU_kernel_sp(%rcx), %rdx
    andq $-16, %rdx
    subq $56, %rdx
    movq %rdx, %rax
    shrq $43, %rax
    cmpl $HV_RANGE_TAG, %eax
    je syscall_slow
    movq VCPU_cr3_kernel(%rcx), %rax
    swapgs
    movq %rax, %cr3
    ASM_STAC
1:  movq $SEL_USER_DS, 48(%rdx)
    movq R(rsp), %rax
2:  movq %rax, 40(%rdx)
3:  movq %r11, 32(%rdx)
4:  movq $SEL_USER_CS64, 24(%rdx)
    movq R(rip), %rax
5:  movq %rax, 16(%rdx)
6:  movq %r11, 8(%rdx)
7:  movq %rax, (%rdx)
    ASM_CLAC
    EXTABLE(1b, syscall_bad_stack)
    EXTABLE(2b, syscall_bad_stack)
    EXTABLE(3b, syscall_bad_stack)
    EXTABLE(4b, syscall_bad_stack)
    EXTABLE(5b, syscall_bad_stack)
    EXTABLE(6b, syscall_bad_stack)
    EXTABLE(7b, syscall_bad_stack)
    movb $1, VCPU_kernel_mode(%rcx)
    movq VCPU_info(%rcx), %rax
    movq %rdx, R(rsp)
    movb VCPU_syscall_masks_events(%rcx), %dl
    movb %dl, 1(%rax)
    movq VCPU_syscall_ip(%rcx), %rcx
    movq S(0), %rax
    movq S(1), %rdx
    andl $~EFLAGS_ENTRY_CLEAR, %r11d
    movq R(rsp), %rsp
    sysretq

syscall_bad_stack:                  /* as it was; C meets the fault and tells */
    ASM_CLAC
    movq VCPU_cr3_user(%rcx), %rax
    swapgs
    movq %rax, %cr3
syscall_slow:
    movq S(0), %rax
    movq S(1), %rdx
    movq $SEL_USER_DS, R(ss)
    movq $((ENTRY_SYSCALL) << 32), %rcx
    pushq %rcx
    movq UREGS_rip - UREGS_error_code(%rsp), %rcx
    PUSH_ALL
    movq %rsp, %rdi
    FILL_RSB
    call pv_syscall
    jmp exit_to_guest

/* SYSCALL from 32-bit code: always by C. */
    .balign 16
    .globl entry_cstar
entry_cstar:
    pushq %r11
    pushq $SEL_USER_CS32
    pushq %rcx
    movq $SEL_USER_DS, R(ss)
    movq $((ENTRY_SYSCALL) << 32), %rcx
    pushq %rcx
    movq UREGS_rip - UREGS_error_code(%rsp), %rcx
    PUSH_ALL
    movq %rsp, %rdi
    FILL_RSB
    call pv_syscall
    jmp exit_to_guest

/* The iret hypercall: struct hv_iret_context lies at the guest's rsp. rsp = &regs.rip,
 * rcx = vcpu, rax dead. Reads everything, then switches; anything unusual is left to the
 * C handler, which starts anew from regs.rsp. */
    .balign 16
iret_fast:
    cmpw $0, VCPU_nmi_pending(%rcx) /* and nmi_masked behind it */
    jne hypercall_iret
    movq R(rsp), %r11
    movq %r11, %rax
    shrq $43, %rax
    cmpl $HV_RANGE_TAG, %eax
    je hypercall_iret
    movq %rdx, S(1)
    movq %rbx, S(2)
    ASM_STAC
1:  movq 48(%r11), %rdx             /* rflags */
2:  movq 32(%r11), %rax             /* rip */
    testl $(EFLAGS_VM | EFLAGS_IOPL), %edx
    jnz iret_bad
    movq %rax, S(3)
3:  movq (%r11), %rax
    movq %rax, S(0)
4:  movzwl 40(%r11), %ebx           /* cs */
5:  testl $HV_VGCF_IN_SYSCALL, 24(%r11)
    jnz iret_by_sysret
6:  movzwl 64(%r11), %eax
    orl $3, %eax
    movq %rax, R(ss)
7:  movq 8(%r11), %rax
    movq %rax, S(4)
8:  movq 16(%r11), %rax
    movq %rax, S(5)
9:  movq 56(%r11), %r11             /* rsp: the last read */
    ASM_CLAC
    movl %ebx, %eax
    notl %eax
    testb $3, %al
    jnz 10f
    movq VCPU_cr3_user(%rcx), %rax
    testq %rax, %rax
    jz iret_bad_late
    movb $0, VCPU_kernel_mode(%rcx)
    swapgs
    movq %rax, %cr3
10: movq %r11, R(rsp)               /* from here on nothing can go wrong */
    orl $3, %ebx
    movq %rbx, R(cs)
    movl %edx, %eax
    orl $EFLAGS_IF, %eax
    andl $~EFLAGS_NT, %eax
    movq %rax, R(rflags)
    movq S(3), %rax
    movq %rax, R(rip)
    movq VCPU_info(%rcx), %rcx
    btl $9, %edx
    setnc 1(%rcx)
    jnc 11f
    cmpb $0, (%rcx)
    jne iret_event
11: movq S(2), %rbx
    movq S(1), %rdx
    movq S(0), %rax
    movq S(5), %rcx
    movq S(4), %r11
    .globl fast_iretq
fast_iretq:
    iretq

/* The frame allows SYSRET: rcx and r11 become rip and rflags. Only to user mode, and
 * only to a canonical rip. */
iret_by_sysret:
12: movq 56(%r11), %r11
    ASM_CLAC
    movq S(3), %rax
    sarq $47, %rax
    incl %eax
    cmpl $1, %eax
    ja iret_bad_late
    movl %ebx, %eax
    notl %eax
    testb $3, %al
    jnz iret_bad_late
    movq VCPU_cr3_user(%rcx), %rax
    testq %rax, %rax
    jz iret_bad_late
    movq VCPU_info(%rcx), %rbx
    btl $9, %edx
    jnc iret_bad_late               /* user mode with events masked: C's */
    movb $0, 1(%rbx)
    cmpb $0, (%rbx)
    jne iret_bad_late               /* an event waits: C's */
    movb $0, VCPU_kernel_mode(%rcx)
    swapgs
    movq %rax, %cr3
    orl $EFLAGS_IF, %edx
    movq %r11, R(rsp)
    movl %edx, %r11d
    movq S(3), %rcx
    movq S(2), %rbx
    movq S(1), %rdx
    movq S(0), %rax
    movq R(rsp), %rsp
    sysretq

    EXTABLE(1b, iret_bad)
    EXTABLE(2b, iret_bad)
    EXTABLE(3b, iret_bad)
    EXTABLE(4b, iret_bad)
    EXTABLE(5b, iret_bad)
    EXTABLE(6b, iret_bad)
    EXTABLE(7b, iret_bad)
    EXTABLE(8b, iret_bad)
    EXTABLE(9b, iret_bad)
    EXTABLE(12b, iret_bad)

iret_bad:
    ASM_CLAC
iret_bad_late:
    movq S(2), %rbx
    movq S(1), %rdx
hypercall_iret:
    movl $HYPERCALL_IRET, %eax
    jmp hypercall

/* The frame is complete and an event is to be delivered on top of it. */
iret_event:
    movq S(2), %rbx
    movq S(1), %rdx
    movq S(0), %rax
    movq S(5), %rcx
    movq S(4), %r11
    pushq $0
    PUSH_ALL
    jmp exit_to_guest

/* _Noreturn void stack_jump(struct cpu_info *info, void (*fn)(void)) */
    .globl stack_jump
stack_jump:
    leaq INFO_REGS(%rdi), %rsp
    xorl %ebp, %ebp
    pushq $0                        /* fn's return address: it has none */
    call 2f                         /* a jump to fn that no predictor is asked about */
1:  pause
    lfence
    jmp 1b
2:  movq %rsi, (%rsp)
    ret

/* The saved frame of this CPU's current vCPU goes back to the guest. */
    .globl ctx_resume_pv
ctx_resume_pv:
    orq $(STACK_SLOT - 1), %rsp
    leaq 1 - INFO_SIZE + INFO_REGS(%rsp), %rsp
    jmp exit_to_guest

/* Ways out of an upcall that does not return. rdi = the frame, rsi = what is to be called
 * first, as in port/context.h. */
    .globl ctx_leave_by
ctx_leave_by:
    movq %rdi, %rsp
    movq %rsi, %rax
    FILL_RSB
    call __x86_indirect_thunk_rax
    jmp exit_to_guest
    .globl ctx_leave_quick
ctx_leave_quick:
    movq %rdi, %rsp
    jmp exit_restore

/* exit_iretq or fast_iretq faulted; trap.c has put the frame back in order. */
    .globl exit_fault
exit_fault:
    orq $(STACK_SLOT - 1), %rsp
    leaq 1 - INFO_SIZE + INFO_REGS(%rsp), %rsp
    movq %rsp, %rdi
    call pv_exit_fault
    jmp exit_to_guest
    .section .note.GNU-stack, "", @progbits
