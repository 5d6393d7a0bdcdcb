/* SPDX-License-Identifier: MIT */
/* What a machine owes the core: the state of a vCPU in hardware terms, and switching it.
 *
 * One hypervisor stack per CPU; a vCPU is never descheduled inside the hypervisor, so all
 * of its state is its guest state. While it runs, its registers lie in the frame at the
 * top of the CPU's stack (guest_regs()); while it does not, in vcpu_hw.regs. Selectors,
 * segment bases, FPU and debug registers are in hardware while it runs, in vcpu_hw while
 * it does not. */
#ifndef PORT_CONTEXT_H
#define PORT_CONTEXT_H

#include "abi/xen.h"
#include "lib/types.h"

/* First member of struct vcpu. Entry code reaches it by generated offsets. Everything
 * here is written by the vCPU itself (on its CPU) or while it does not run. */
struct vcpu_hw {
    struct hv_cpu_user_regs regs;
    void (*resume)(
        void); /* where ctx_switch() jumps: ctx_resume_pv, the idle loop, HVM's loop */
    struct hv_vcpu_info
        *info; /* evtchn_upcall_pending/mask, polled on the way out; never NULL */
    uint64_t cr3_kernel; /* CR3 in guest kernel mode, 0 = none yet */
    uint64_t cr3_user;   /* CR3 in guest user mode, 0 = none yet */
    uint64_t kernel_sp;  /* stack_switch: kernel stack for entries from user mode */
    /* Where entry code lays its frames of system calls and page faults from user mode, or
     * an address that faults when C shall do it. */
    uint64_t syscall_frame, fault_frame;
    uint64_t kernel_ss;
    uint64_t event_ip; /* callbacks, canonical; 0 = not registered */
    uint64_t failsafe_ip;
    uint64_t syscall_ip;
    uint64_t pf_ip; /* handler of page faults; 0: none, or for C to refuse */
    uint64_t syscall32_ip;
    uint32_t syscall32_cs;
    uint64_t sysenter_ip;
    uint32_t sysenter_cs;
    uint8_t kernel_mode;     /* 1: guest kernel, 0: guest user (PV ring 3 either way) */
    uint8_t pf_masks_events; /* HV_TI_IF */
    uint8_t syscall_masks_events;  /* VGCF_syscall_disables_events */
    uint8_t failsafe_masks_events; /* VGCF_failsafe_disables_events */
    uint8_t sysenter_masks_events;
    uint8_t syscall32_masks_events;
    uint8_t isolated; /* guest code runs on this CPU's tables (port/isolate.h) */
    uint8_t ts;       /* CR0.TS as the guest has it: its next FPU instruction is #NM */
    /* Any of these four bytes set, and an event takes the way through C. */
    uint8_t nmi_pending __attribute__((aligned(4))), nmi_masked;
    uint8_t runstate_stale; /* the guest's copy of its runstate is to be written */
    uint8_t unused;
    uint64_t fs_base, gs_base_kernel,
        gs_base_user; /* gs_base_kernel: of kernel mode, _user: of user mode */
    uint16_t ds, es, fs, gs, gs_user_sel;
    uint16_t gdt_entries; /* guest's part, in descriptors */
    uint16_t ldt_entries; /* 0: null LDT */
    uint64_t window;      /* va of this vCPU's descriptor-table window (port/layout.h) */
    uint64_t *gdt_l1e;    /* PTE of the window's page GDT_RESERVED_PAGE (2 entries), CPU's
                             own pages */
    uint64_t dr[8];       /* 0-3, 6, 7; loaded when dr[7] has an enable bit */
    uint64_t xcr0;        /* the guest's, 0 = x87 and SSE only */
    uint64_t cr4_guest;   /* bits the guest sees set */
    uint64_t tsc_aux;
    uint64_t spec_ctrl; /* MSR_SPEC_CTRL; 0 where the CPU has none */
    void *fpu;          /* XSAVE/FXSAVE area, 64-byte aligned, fpu_area_size() bytes */
};

size_t fpu_area_size(void);
void fpu_init_area(void *area); /* state after FNINIT with default MXCSR */

void fpu_import(void *area, const void *fxsave); /* from an FXSAVE image of 512 bytes */

/* Guest registers of the vCPU that entered the hypervisor on this CPU; not in a
 * hypercall, which has only struct hcall. */
struct hv_cpu_user_regs *guest_regs(void);

/* Saves prev's state, loads next's, makes it current and jumps to next->resume on an
 * empty stack. prev may equal next (then only jumps). Called from the schedule softirq
 * with irqs off. After prev's state is saved and this CPU no longer uses it, calls
 * sched_switched(prev) (port/upcall.h). */
_Noreturn void ctx_switch(struct vcpu_hw *prev, struct vcpu_hw *next);
_Noreturn void
ctx_resume_pv(void); /* to the guest through the exit path with its checks */
/* From an upcall that is not to return, with the frame that it was given. quick: to the
 * guest at once; interrupts were off all the time. by: fn first, as if it were the
 * upcall, then as from any. */
_Noreturn void ctx_leave_quick(struct hv_cpu_user_regs *r);
_Noreturn void ctx_leave_by(struct hv_cpu_user_regs *r,
                            void (*fn)(struct hv_cpu_user_regs *r));

/* The vCPU is current (running): its hardware state is written back to / loaded from
 * vcpu_hw, so that hypercalls can read or change it. */
void ctx_sync_segments(
    struct vcpu_hw *v); /* hardware -> ds, es, fs, gs, fs_base, gs bases */
void ctx_load_segments(struct vcpu_hw *v); /* the other way; bad selectors load as null */
void ctx_load_user_gs(
    struct vcpu_hw *v,
    uint16_t sel); /* SEGBASE_GS_USER_SEL: selector and its base, for user mode */
void ctx_set_ts(struct vcpu_hw *v, bool on); /* also in hardware; v is current */
/* v is current and its info has moved */
void ctx_load_info(struct vcpu_hw *v);
void ctx_load_tables(
    struct vcpu_hw *v); /* GDTR and LDTR after gdt_entries/ldt_entries changed */
void ctx_load_cr3(struct vcpu_hw *v);      /* CR3 by kernel_mode; flushes the TLB */
void ctx_load_user_cr3(struct vcpu_hw *v); /* cr3_user is another; v is in kernel mode */
void ctx_load_debug(struct vcpu_hw *v);
void ctx_toggle_mode(struct vcpu_hw *v); /* kernel <-> user: kernel_mode, swapgs, CR3 */
/* spec_ctrl -> hardware. The hypervisor runs with it, too: it relies on retpolines. */
void ctx_load_spec_ctrl(struct vcpu_hw *v);
void ctx_set_xcr0(struct vcpu_hw *v, uint64_t xcr0);
/* set_segment_base for the running vCPU: which is HV_SEGBASE_*. -EINVAL: not canonical,
 * no such segment. */
int ctx_set_base(struct vcpu_hw *v, unsigned which, uint64_t base);
uint64_t ctx_get_base(struct vcpu_hw *v, unsigned which); /* not the selector */
uint64_t fpu_xcr0_supported(void); /* components that are switched; 0: no XSAVE here */

#endif
