/* SPDX-License-Identifier: MIT */
/* The ways into the hypervisor and out again. Contracts stand at each label. "The frame"
 * is struct hv_cpu_user_regs; the guest's one is cpu_info.regs, and when rsp points to
 * it INFO_* finds the rest of struct cpu_info. Interrupts are off in all of this file.
 *
 * Reference: Xen public interface, arch-x86/xen.h and xen-x86_64.h (callback frames,
 * iret); AMD64 Architecture Programmer's Manual volume 2, "Long-Mode Interrupt Control
 * Transfers". */
#include "abi/arch_x86.h"
#include "abi/xen.h"
#include "hw/cpu/desc.h"
#include "hw/cpu/entry.h"
#include "hw/cpu/extable.h"
#include "hw/cpu/msr.h"
#include "hw/cpu/percpu.h"
#include "lib/errno.h"
#include "port/hcall.h"
#include "port/layout.h"

/* Squared and doubled, more jumps than CPUs without BHI_DIS_S remember. */
#define HISTORY_ROUNDS 5

/* One word of the frame that is built on the guest's stack. AC is left set where SYSRET
 * or IRET comes next, which load the guest's: until then only what is the hypervisor's
 * own is touched. */
.macro PUT value, at, bad, to=%rdx
.Lput\@:
    movq \value, \at(\to)
    EXTABLE(.Lput\@, \bad)
.endm

    .section .rodata
    .balign 8
    .globl hv_virt_end
hv_virt_end:                        /* it has the lowest canonical addresses, signed */
    .quad HV_VIRT_END

    .section .text.forget, "ax", @progbits
forgetting:                         /* CALL_C's, for who reads a dump */

    .section .text.entry, "ax", @progbits

    .balign 16
    .globl vector_stubs
vector_stubs:
    VECTOR_STUBS entry_ist, entry_page_fault, entry_exception, entry_irq

    .balign 16
/* Exceptions on the CPU's stack: from a guest the frame is cpu_info.regs. */
entry_exception:
    pushq %rdi
    .globl exception_pushed
exception_pushed:
    cld
    PUSH_BUT_RDI
    ASM_CLAC
    movq %rsp, %rdi
    testb $3, UREGS_cs(%rsp)
    jz exception_in_hv
guest_exception:
    FILL_RSB RSB_DEPTH
    CALL_C trap_guest
    addq $(RSB_DEPTH * 8), %rsp
    jmp exit_to_guest
exception_in_hv:                    /* maybe of a path that has not filled it */
    FILL_RSB RSB_DEPTH
    CALL_C trap_hv
    addq $(RSB_DEPTH * 8), %rsp
    POP_ALL
    addq $8, %rsp
    iretq

    .balign 16
    .globl entry_irq
entry_irq:
    pushq %rdi
    .globl irq_pushed
irq_pushed:
    cld
    PUSH_BUT_RDI
    ASM_CLAC
    movq %rsp, %rdi
    testb $3, UREGS_cs(%rsp)
    jz 1f
    FILL_RSB RSB_DEPTH
    CALL_C irq_dispatch
    addq $(RSB_DEPTH * 8), %rsp
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
    .globl ist_of_guest
ist_of_guest:
    movq %rsp, %rsi
    movq %rsp, %rdi
    orq $(STACK_SLOT - 1), %rdi
    leaq 1 - INFO_SIZE + INFO_REGS(%rdi), %rdi
    movl $(UREGS_ss / 8 + 1), %ecx
    movq %rdi, %rsp
    rep movsq
    movq %rsp, %rdi
    jmp guest_exception

/* Page faults. In a guest's process: its kernel is entered at once, or by C if anything
 * is out of the ordinary (a frame that cannot be written, too: fault_frame). In its
 * kernel: mmu_quick_fault() may answer, which needs no return addresses of our own.
 * rsp = &regs.error_code, then &regs.rdi; rdi = vcpu. */
    .balign 16
entry_page_fault:
    testb $3, UREGS_cs - UREGS_error_code(%rsp)
    jz page_fault_in_hv
    pushq %rdi
    .globl page_fault_pushed
page_fault_pushed:
    movq I_FAULT(current), %rdi
    cmpb $0, VCPU_kernel_mode(%rdi)
    jne fault_of_kernel
    movq %rax, S_FAULT(0)
    movq %cr2, %rax
    movq %rax, S_FAULT(2)
    shrq $47, %rax
    jnz fault_slow                  /* not an address of its own */
    movq VCPU_info(%rdi), %rax
    cmpb $0, 1(%rax)                /* events masked in user mode: odd */
    jne fault_slow
    DETOUR(isolated_fault_cr3)
    movq VCPU_cr3_kernel(%rdi), %rax
    swapgs
    movq %rax, %cr3
    .globl fault_frame
fault_frame:
    movq VCPU_fault_frame(%rdi), %rax
    movq %rcx, S_FAULT(1)
    ASM_STAC
    PUT %rcx, 0, fault_bad_stack, %rax
    PUT %r11, 8, fault_bad_stack, %rax
    movl R_FAULT(error_code), %ecx
    PUT %rcx, 16, fault_bad_stack, %rax
    movq R_FAULT(rip), %rcx
    PUT %rcx, 24, fault_bad_stack, %rax
    movzwl R_FAULT(cs), %ecx
    PUT %rcx, 32, fault_bad_stack, %rax
    movq R_FAULT(rflags), %rcx
    PUT %rcx, 40, fault_bad_stack, %rax
    movq R_FAULT(rsp), %rcx
    PUT %rcx, 48, fault_bad_stack, %rax
    movzwl R_FAULT(ss), %ecx
    PUT %rcx, 56, fault_bad_stack, %rax
    movb $1, VCPU_kernel_mode(%rdi)
    movq VCPU_info(%rdi), %rcx
    movq S_FAULT(2), %r11
    movq %r11, GINFO_cr2(%rcx)
    movb VCPU_pf_masks_events(%rdi), %r11b
    movb %r11b, 1(%rcx)
    movl R_FAULT(rflags), %r11d
    andl $~EFLAGS_BOUNCE_CLEAR, %r11d
    movq VCPU_pf_ip(%rdi), %rcx
    movq %rax, R_FAULT(rsp)
    WAY_OUT(fault_leave)
    movq S_FAULT(0), %rax
    movq R_FAULT(rdi), %rdi
    movq R_FAULT(rsp), %rsp
    sysretq

page_fault_in_hv:
    movl $VECTOR_PF, 4(%rsp)
    jmp entry_exception

fault_of_kernel:
    movl $VECTOR_PF, R_FAULT(entry_vector)
    cld
    PUSH_BUT_RDI
    ASM_CLAC
    movq %rdi, %rsi
    movq %rsp, %rdi
    movq %cr2, %rdx
    call mmu_quick_fault

fault_bad_stack:                    /* as it was; C meets the fault and tells */
    ASM_CLAC
    movq VCPU_cr3_user(%rdi), %rax
    swapgs
    movq %rax, %cr3
    movq S_FAULT(2), %rax
    movq %rax, %cr2
    movq S_FAULT(1), %rcx
fault_slow:
    DETOUR(isolated_fault_slow)
    movq S_FAULT(0), %rax
    .globl fault_in_c
fault_in_c:
    movl $VECTOR_PF, R_FAULT(entry_vector)
    cld
    PUSH_BUT_RDI
    ASM_CLAC
    movq %rsp, %rdi
    FILL_RSB RSB_DEPTH
    CALL_C pv_page_fault
    addq $(RSB_DEPTH * 8), %rsp
    jmp exit_to_guest

/* SYSCALL. Each CPU has code of its own that knows where its stack is: rsp = &regs.rip,
 * where rip is kept; the rest is as the guest left it, but for rcx = vcpu. */
    .balign 64
    .globl syscall_stubs
syscall_stubs:
    .set cpu, 0
    .rept CPUS
    .balign SYSCALL_STUB_SIZE
    SYSCALL_STACK
    movq %rcx, R(rip)
    movq I(current), %rcx
    cmpb $0, VCPU_kernel_mode(%rcx)
    je syscall_from_user
    cmpq $HV_CALL_IRET, %rax
    jne hypercall
    jmp iret_fast
    .set cpu, cpu + 1
    .endr

/* The same from 32-bit code: always by C. */
    .balign SYSCALL_STUB_SIZE
    .globl syscall32_stubs
syscall32_stubs:
    SYSCALL_STUBS SYSCALL_STUB_SIZE, syscall32_on_stack
syscall32_on_stack:
    movq %rcx, R(rip)
    .globl entry_syscall32
entry_syscall32:
    SYSCALL_FRAME SEL_USER_CS32
    jmp syscall_in_c

/* rdi, rsi, rdx as they came, rcx = vcpu; r8 and r9 stay. */
.macro QUICKLY fn
    cmpq $HV_DOMID_SELF, %r10
    jne hypercall_plain
    movq %rdi, ARG(0)
    movq %rsi, ARG(1)
    movq %rdx, ARG(2)
    jmp \fn
.endm

/* A hypercall. There is no frame: C keeps rbx, rbp and r12 to r15, the arguments lie in
 * cpu_info.hcall, and rip, rflags and rsp are where the stub put them. hypercall_slow
 * makes a frame of all that when the way out is not straight. Arguments are given back:
 * what the handler left in their registers is not for the guest to see. */
    .balign 16
    .globl hypercall
hypercall:
    movq %r11, R(rflags)
    cmpq $HV_CALL_MMU_UPDATE, %rax
    je hypercall_mmu_update
    cmpq $HV_CALL_MMUEXT_OP, %rax
    je hypercall_mmuext_op
hypercall_plain:
    movl %eax, I(nr)
    movq %rdi, ARG(0)
    movq %rsi, ARG(1)
    movq %rdx, ARG(2)
    movq %r10, ARG(3)
    movq %r8, ARG(4)
    movq %r9, ARG(5)
hypercall_by_table:
    leaq I(hcall), %rdi
    FILL_RSB HCALL_RSB
    cmpq $(HCALLS - 1), %rax
    ja hypercall_unknown
    andl $(HCALLS - 1), %eax        /* also for a processor that guesses past the check */
    leaq hcall_table(%rip), %rcx
    movq (%rcx, %rax, 8), %rax
    sti
    CALL_C __x86_indirect_thunk_rax
    .globl hypercall_done
hypercall_done:
    cli
hypercall_answered:
    movq I_BELOW(softirq), %rcx
    movq I_BELOW(info), %rdx
    movzbl (%rdx), %edx             /* evtchn_upcall_pending */
    orl (%rcx), %edx
    jnz hypercall_work
hypercall_leave:
    movq ARG_BELOW(0), %rdi
    movq ARG_BELOW(1), %rsi
    movq ARG_BELOW(2), %rdx
    movq ARG_BELOW(3), %r10
    movq ARG_BELOW(4), %r8
    movq ARG_BELOW(5), %r9
    movq R_BELOW(rip), %rcx         /* SYSRET faults in ring 0 if not canonical: what */
    testq %rcx, %rcx                /* SYSCALL or a check gave is, if it is negative */
    jns hypercall_slow
    WAY_OUT(hypercall_leave)
    movq R_BELOW(rflags), %r11
    movq R_BELOW(rsp), %rsp
    sysretq

hypercall_unknown:
    movq $-ENOSYS, %rax
    jmp hypercall_done

/* Most of these can be answered without a call. __x86_return_thunk is where such
 * functions end (WITHOUT_RET), with no return address on the stack, nothing raised, and
 * the word that says what is still to be done. They leave r8 and r9 alone. */
hypercall_mmu_update:
    QUICKLY mmu_quick_update
hypercall_mmuext_op:
    QUICKLY mmu_quick_bases
    .globl __x86_return_thunk
__x86_return_thunk:
    testl %eax, %eax
    jnz hypercall_not_quick
    movq I(info), %rcx
    cmpb $0, (%rcx)                 /* evtchn_upcall_pending */
    jne hypercall_quick_work
    movq R(rip), %rcx
    testq %rcx, %rcx
    jns hypercall_quick_work
    movq ARG(0), %rdi
    movq ARG(1), %rsi
    movq ARG(2), %rdx
    movl $HV_DOMID_SELF, %r10d
    WAY_OUT(quick_leave)
    movq R(rflags), %r11
    movq R(rsp), %rsp
    sysretq

hypercall_not_quick:                /* eax = the hypercall */
    movl %eax, I(nr)
    movq $HV_DOMID_SELF, ARG(3)
    movq %r8, ARG(4)
    movq %r9, ARG(5)
    jmp hypercall_by_table
hypercall_quick_work:
    movq $HV_DOMID_SELF, ARG(3)
    movq %r8, ARG(4)
    movq %r9, ARG(5)
    subq $(HCALL_RSB * 8), %rsp
    jmp hypercall_answered

/* rcx = the softirq word, rax = the result. An event is delivered here if nothing else is
 * to be done. */
hypercall_work:
    cmpl $0, (%rcx)
    jne hypercall_slow
    movq I_BELOW(info), %rsi
    cmpb $0, 1(%rsi)                /* evtchn_upcall_mask */
    jne hypercall_leave
    movq I_BELOW(hcall_d), %rdi
    testb $VMASST_IOPL, DOMAIN_vm_assist(%rdi)
    jnz hypercall_slow
    movq I_BELOW(current), %rcx
    cmpl $0, VCPU_nmi_pending(%rcx) /* with nmi_masked and runstate_stale behind it */
    jne hypercall_slow
    cmpq $0, VCPU_event_ip(%rcx)
    je hypercall_slow
    movq R_BELOW(rsp), %rdx
    andq $-16, %rdx
    subq $56, %rdx
    cmpq hv_virt_end(%rip), %rdx    /* the hypervisor's own range: for C to refuse */
    jl hypercall_slow
    ASM_STAC
    movq R_BELOW(rip), %r8
    PUT %r8, 0, event_bad_stack
    PUT %r8, 16, event_bad_stack
    movq R_BELOW(rflags), %r11
    PUT %r11, 8, event_bad_stack
    PUT %r11, 32, event_bad_stack
    PUT $SEL_KERNEL_CS64, 24, event_bad_stack
    movq R_BELOW(rsp), %rdi
    PUT %rdi, 40, event_bad_stack
    PUT $SEL_USER_DS, 48, event_bad_stack
    ASM_CLAC
    movb $1, 1(%rsi)
    andl $~EFLAGS_BOUNCE_CLEAR, %r11d
    movq %r11, R_BELOW(rflags)
    movq VCPU_event_ip(%rcx), %rcx
    movq %rcx, R_BELOW(rip)
    movq %rdx, R_BELOW(rsp)
    jmp hypercall_leave

event_bad_stack:                    /* C meets the fault and tells */
    ASM_CLAC
hypercall_slow:
    addq $(HCALL_RSB * 8), %rsp
    movq ARG(0), %rdi
    movq ARG(1), %rsi
    movq ARG(2), %rdx
    movq ARG(3), %r10
    movq ARG(4), %r8
    movq ARG(5), %r9
    cmpq $HCALL_AGAIN_CODE, %rax
    jne 1f
    movl I(nr), %eax                /* the guest executes its SYSCALL again; events are */
    subq $2, R(rip)                 /* delivered in between */
1:  movq R(rflags), %r11
    SYSCALL_FRAME SEL_USER_CS64

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
    WAY_OUT(exit_restore)
    POP_ALL
    addq $8, %rsp
    .globl exit_iretq
exit_iretq:
    iretq

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
    CALL_C pv_exit_work
    jmp exit_to_guest

/* SYSCALL from guest user mode: the guest kernel is entered at syscall_ip with rcx, r11,
 * rip, cs and mask, rflags, rsp, ss on its stack. rsp = &regs.rip, rcx = vcpu. Whatever
 * is out of the ordinary goes by C; so does a frame that cannot be written, as nothing
 * has changed then: C finds out if it is the stack or syscall_frame that sends it. */
    .balign 16
    .globl syscall_from_user
syscall_from_user:
    movq %rax, S(0)
    movq %rdx, S(1)
    movq VCPU_info(%rcx), %rax
    cmpb $0, 1(%rax)                /* events masked in user mode: odd, C's */
    jne syscall_slow
    movq VCPU_syscall_frame(%rcx), %rdx
    DETOUR(isolated_syscall_cr3)
    movq VCPU_cr3_kernel(%rcx), %rax
    swapgs
    movq %rax, %cr3
    .globl syscall_frame
syscall_frame:
    ASM_STAC
    PUT $SEL_USER_DS, 48, syscall_bad_frame
    movq R(rsp), %rax
    PUT %rax, 40, syscall_bad_frame
    PUT %r11, 32, syscall_bad_frame
    PUT $SEL_USER_CS64, 24, syscall_bad_frame
    movq R(rip), %rax
    PUT %rax, 16, syscall_bad_frame
    PUT %r11, 8, syscall_bad_frame
    PUT %rax, 0, syscall_bad_frame
    movb $1, VCPU_kernel_mode(%rcx)
    movq VCPU_info(%rcx), %rax
    movb VCPU_syscall_masks_events(%rcx), %dl
    movb %dl, 1(%rax)
    WAY_OUT(syscall_leave)
    movq S(0), %rax
    movq S(1), %rdx
    andl $~EFLAGS_ENTRY_CLEAR, %r11d
    movq VCPU_syscall_frame(%rcx), %rsp
    movq VCPU_syscall_ip(%rcx), %rcx
    sysretq

syscall_bad_frame:
    ASM_CLAC
    movq VCPU_cr3_user(%rcx), %rax
    swapgs
    movq %rax, %cr3
syscall_slow:
    DETOUR(isolated_syscall_slow)
    movq S(0), %rax
    .globl syscall_frame_c
syscall_frame_c:
    movq S(1), %rdx
    SYSCALL_FRAME SEL_USER_CS64
syscall_in_c:
    movq %rsp, %rdi
    FILL_RSB RSB_DEPTH
    CALL_C pv_syscall
    addq $(RSB_DEPTH * 8), %rsp
    jmp exit_to_guest

/* The iret hypercall: struct hv_iret_context lies at the guest's rsp. rsp = &regs.rip,
 * rcx = vcpu, rax dead. The words for IRET, rcx and r11 are copied below regs.rip, once
 * each, and judged there; then modes are switched. Anything unusual is left to C, which
 * starts anew from regs.rsp. */
.macro IRET_WORD read:vararg
.Lword\@:
    \read
    EXTABLE(.Lword\@, iret_bad)
.endm
/* Where they lie then. */
#define IRET_CS     24(%rsp)
#define IRET_RFLAGS 32(%rsp)
#define IRET_SS     48(%rsp)
    .balign 16
    .globl iret_fast
iret_fast:
    cmpw $0, VCPU_nmi_pending(%rcx) /* and nmi_masked behind it */
    jne hypercall_iret
    movq R(rsp), %rax
    cmpq hv_virt_end(%rip), %rax    /* the lowest negative addresses are not its own */
    jl hypercall_iret
    ASM_STAC
    IRET_WORD pushq 64(%rax)        /* ss */
    IRET_WORD pushq 56(%rax)        /* rsp */
    IRET_WORD pushq 48(%rax)        /* rflags */
    IRET_WORD pushq 40(%rax)        /* cs */
    IRET_WORD pushq 32(%rax)        /* rip */
    IRET_WORD testl $HV_VGCF_IN_SYSCALL, 24(%rax)
    jnz iret_in_syscall
    IRET_WORD pushq 16(%rax)        /* rcx */
    IRET_WORD pushq 8(%rax)         /* r11 */
iret_judge:
    testl $(EFLAGS_VM | EFLAGS_NT | EFLAGS_IOPL), IRET_RFLAGS
    jnz iret_bad
    orb $3, IRET_SS
    cmpb $(SEL_USER_CS64 & 0xff), IRET_CS
    jne iret_other_cs
iret_to_user:
    cmpq $0, VCPU_cr3_user(%rcx)
    je iret_bad
    IRET_WORD movq (%rax), %rax     /* from here on nothing can go wrong */
    movb $0, VCPU_kernel_mode(%rcx)
    DETOUR(isolated_iret_cr3)
    movq VCPU_cr3_user(%rcx), %r11
    swapgs
    movq %r11, %cr3
    .globl iret_leave
iret_leave:
    movq VCPU_info(%rcx), %rcx
    btsl $9, IRET_RFLAGS            /* only events are masked: interrupts are the */
    jnc iret_masked                 /* hypervisor's */
    movb $0, 1(%rcx)
    cmpb $0, (%rcx)
    jne iret_event
iret_out:
    WAY_OUT(iret_out)
    popq %r11
    popq %rcx
    .globl fast_iretq
fast_iretq:
    iretq
iret_other_cs:
    testb $1, IRET_CS
    jz iret_to_kernel
    testb $2, IRET_CS
    jnz iret_to_user
iret_to_kernel:                     /* of any privilege but a process's */
    orb $3, IRET_CS
    IRET_WORD movq (%rax), %rax
    jmp iret_leave
iret_in_syscall:                    /* rcx and r11 become rip and rflags */
    pushq (%rsp)
    pushq 24(%rsp)
    jmp iret_judge
iret_masked:
    movb $1, 1(%rcx)
    jmp iret_out

/* An event is to be delivered on top of it: the frame goes to its place. */
iret_event:
    ASM_CLAC
    popq %r11
    popq %rcx
    .rept 5
    popq 32(%rsp)
    .endr
    pushq $0
    PUSH_ALL
    DETOUR(isolated_iret_event)
    {disp32} jmp exit_to_guest      /* long enough to be led away */

iret_bad:
    ASM_CLAC
    orq $(STACK_SLOT - 1), %rsp
    leaq 1 - INFO_SIZE + INFO_REGS + UREGS_rip(%rsp), %rsp
hypercall_iret:
    SYSCALL_FRAME SEL_USER_CS64
    movq %rsp, %rdi
    FILL_RSB RSB_DEPTH
    CALL_C pv_iret
    addq $(RSB_DEPTH * 8), %rsp
    jmp exit_to_guest

/* A guest's branch history must not choose what is guessed of our own branches: enough
 * taken ones of our own, all direct, push it out. Keeps all but rcx and rdx. Reference:
 * Intel, "Branch History Injection and Intra-mode Branch Target Injection", "Software
 * BHB-clearing sequence". */
    .balign 64
    .globl forget_history
forget_history:
    movl $HISTORY_ROUNDS, %ecx
1:  call 5f
    decl %ecx
    jnz 1b
    ret
    .balign 64
5:  movl $HISTORY_ROUNDS, %edx
6:  jmp 7f
    int3
7:  decl %edx
    jnz 6b
    ret

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
    FILL_RSB RSB_DEPTH
    CALL_C __x86_indirect_thunk_rax
    addq $(RSB_DEPTH * 8), %rsp
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
