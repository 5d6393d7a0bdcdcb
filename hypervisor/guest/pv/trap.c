/* SPDX-License-Identifier: MIT */
/* PV traps. An exception, an event or a failed IRET reaches the guest's kernel as a frame
 * on its stack: rcx, r11, [ds, es, fs, gs: failsafe only], [error code], rip, cs | upcall
 * mask << 32, rflags, rsp, ss (public arch-x86/xen.h and xen-x86_64.h). The frame is
 * written first; only then registers change, so a bad stack leaves nothing half done:
 * that guest is crashed with a line that says why.
 *
 * A 64-bit PV kernel runs in ring 3 as its processes do; code segments in frames carry
 * RPL 0 for kernel mode. */
#include "guest/pv/trap.h"
#include "comm/event.h"
#include "guest/pv/domain.h"
#include "guest/pv/priv.h"
#include "guest/time.h"
#include "kern/log.h"
#include "kern/softirq.h"
#include "mm/mmu.h"
#include "port/guest_mem.h"
#include "port/layout.h"
#include "port/priv.h"
#include "port/upcall.h"

#define EFLAGS_TF   0x100ull
#define EFLAGS_IF   0x200ull
#define EFLAGS_IOPL 0x3000ull
/* Cleared on entry to the guest's kernel: AC, VM, RF, NT, TF and IOPL. */
#define EFLAGS_ENTRY_CLEAR 0x77100ull
#define PF_PRESENT         1u
#define PF_WRITE           2u
#define PF_USER            4u

struct bounce {
    uint64_t ip;
    bool has_error, mask_events, failsafe;
    uint32_t error;
};

static bool has_error_code(unsigned vector)
{
    return vector == 8 || (vector >= TRAP_TS && vector <= TRAP_PF) || vector == TRAP_AC;
}

static uint64_t frame_flags(const struct vcpu *v, const struct hv_cpu_user_regs *r)
{
    uint64_t f = r->rflags & ~(EFLAGS_IF | EFLAGS_IOPL);

    if (!v->hw.info->evtchn_upcall_mask)
        f |= EFLAGS_IF;
    if (v->domain->vm_assist & (1ull << HV_VMASST_TYPE_ARCHITECTURAL_IOPL))
        f |= (uint64_t)v->pv->iopl << 12;
    return f;
}

static unsigned build_frame(struct vcpu *v, const struct hv_cpu_user_regs *r,
                            const struct bounce *b, uint64_t *f)
{
    unsigned n = 0;
    uint64_t cs = r->cs;

    if (v->hw.kernel_mode)
        cs &= ~3ull;
    f[n++] = r->rcx;
    f[n++] = r->r11;
    if (b->failsafe) {
        ctx_sync_segments(&v->hw);
        f[n++] = v->hw.ds;
        f[n++] = v->hw.es;
        f[n++] = v->hw.fs;
        f[n++] = v->hw.gs;
    }
    if (b->has_error)
        f[n++] = b->error;
    f[n++] = r->rip;
    f[n++] = cs | (uint64_t)v->hw.info->evtchn_upcall_mask << 32;
    f[n++] = frame_flags(v, r);
    f[n++] = r->rsp;
    f[n++] = r->ss;
    return n;
}

/* Makes the current vCPU enter its kernel at b->ip with a frame of where it was. */
static void bounce(struct vcpu *v, struct hv_cpu_user_regs *r, const struct bounce *b)
{
    uint64_t frame[16], sp;
    bool from_user = !v->hw.kernel_mode;
    unsigned n;

    if (!b->ip) {
        domain_crash(v->domain, "vcpu %u has no handler for what happened at %#lx", v->id,
                     (unsigned long)r->rip);
        return;
    }
    n = build_frame(v, r, b, frame);
    if (from_user)
        ctx_toggle_mode(&v->hw);
    sp = ((from_user ? v->hw.kernel_sp : r->rsp) & ~15ull) - n * 8;
    if (guest_write(sp, frame, n * 8)) {
        domain_crash(v->domain,
                     "vcpu %u: its kernel stack at %#lx cannot take a frame (rip %#lx)",
                     v->id, (unsigned long)sp, (unsigned long)r->rip);
        return;
    }
    if (b->mask_events)
        v->hw.info->evtchn_upcall_mask = 1;
    r->rip = b->ip;
    r->rsp = sp;
    r->cs = HV_FLAT_KERNEL_CS;
    r->ss = HV_FLAT_KERNEL_SS;
    r->rflags &= ~EFLAGS_ENTRY_CLEAR;
}

void pv_set_trap(struct vcpu *v, unsigned vector, const struct hv_trap_info *t)
{
    struct hv_trap_info *to = &v->pv->traps[vector & 0xff];

    *to = *t;
    to->cs |= 3;
    if (vector == TRAP_PF) { /* entry code raises it by itself */
        v->hw.pf_ip = pv_is_canonical(t->address) ? t->address : 0;
        v->hw.pf_masks_events = !!(t->flags & HV_TI_IF);
        pv_update_entries(v);
    }
}

void pv_inject(struct vcpu *v, struct hv_cpu_user_regs *r, unsigned vector,
               uint32_t error_code)
{
    const struct hv_trap_info *t = &v->pv->traps[vector & 0xff];
    struct bounce b = {
        .ip = t->address,
        .has_error = has_error_code(vector),
        .error = error_code,
        .mask_events = !!(t->flags & HV_TI_IF),
    };

    if (!t->address)
        domain_crash(v->domain,
                     "vcpu %u: exception %u, error %#x, at %#lx (cr2 %#lx) and no "
                     "handler registered",
                     v->id, vector, error_code, (unsigned long)r->rip,
                     (unsigned long)v->hw.info->arch.cr2);
    else
        bounce(v, r, &b);
}

void pv_inject_pf(struct vcpu *v, struct hv_cpu_user_regs *r, vaddr_t va,
                  uint32_t error_code)
{
    v->hw.info->arch.cr2 = va;
    if (v->hw.kernel_mode)
        error_code &= ~PF_USER;
    pv_inject(v, r, TRAP_PF, error_code);
}

static bool in_window(const struct vcpu *v, vaddr_t va)
{
    uint64_t ldt = v->hw.window + VCPU_GDT_PAGES * PAGE_SIZE;

    return va >= ldt && va < ldt + (VCPU_WINDOW_PAGES - VCPU_GDT_PAGES) * PAGE_SIZE;
}

void pv_page_fault(struct hv_cpu_user_regs *r)
{
    struct vcpu *v = cpu_current();
    vaddr_t va = cpu_fault_va();

    irq_enable();
    if (in_window(v, va)) {
        vaddr_t off = va - v->hw.window - VCPU_GDT_PAGES * PAGE_SIZE, base;
        unsigned entries;

        if (mmu_ldt_fault(v, off))
            return;
        mmu_get_ldt(v, &base, &entries);
        va = base + off; /* the guest hears of its own address */
        pv_inject_pf(v, r, va, r->error_code & ~PF_PRESENT);
        return;
    }
    if (guest_range_ok(va, 1) && mmu_fault(v, va, r) == MMU_FAULT_FIXED)
        return;
    pv_inject_pf(v, r, va, r->error_code);
}

/* INT n from the guest arrives as #GP with the IDT bit set in the error code: real gates
 * have DPL 0. */
static bool soft_interrupt(struct vcpu *v, struct hv_cpu_user_regs *r)
{
    unsigned vector = (r->error_code & 0xffff) >> 3;
    const struct hv_trap_info *t;

    if ((r->error_code & 7) != 2 || vector > 255)
        return false;
    t = &v->pv->traps[vector];
    if (!t->address ||
        (unsigned)(t->flags & HV_TI_DPL_MASK) < (v->hw.kernel_mode ? 1u : 3u))
        return false;
    r->rip += 2;
    pv_inject(v, r, vector, 0);
    return true;
}

static void general_protection(struct vcpu *v, struct hv_cpu_user_regs *r)
{
    if (soft_interrupt(v, r))
        return;
    if (!(r->error_code & 0xffff) && priv_emulate(v, r) == PRIV_DONE)
        return;
    pv_inject(v, r, TRAP_GP, r->error_code);
}

void pv_trap(struct hv_cpu_user_regs *r)
{
    struct vcpu *v = cpu_current();
    unsigned vector = r->entry_vector & 0xff;

    irq_enable();
    switch (vector) {
    case TRAP_GP:
        general_protection(v, r);
        return;
    case TRAP_UD:
        if (priv_forced_cpuid(v, r))
            return;
        break;
    case TRAP_NM:
        v->pv->cr0 &= ~8ull; /* TS: the guest's handler expects it clear */
        ctx_set_ts(&v->hw, false);
        break;
    default:
        break;
    }
    pv_inject(v, r, vector, r->error_code);
}

/* Loading a selector, or the IRET to the guest, met a page of the LDT that is not in the
 * window yet. Every other access of the hypervisor to guest memory has its own fixup:
 * what is left is its own mistake. */
bool hv_fault_fixup(struct hv_cpu_user_regs *r)
{
    struct vcpu *v = cpu_current();
    vaddr_t va = cpu_fault_va();

    if ((r->entry_vector & 0xff) != TRAP_PF || !v || v->is_idle || !in_window(v, va))
        return false;
    return mmu_ldt_fault(v, va - v->hw.window - VCPU_GDT_PAGES * PAGE_SIZE);
}

void pv_syscall(struct hv_cpu_user_regs *r)
{
    struct vcpu *v = cpu_current();
    struct bounce b = {.ip = v->hw.syscall_ip, .mask_events = v->hw.syscall_masks_events};

    irq_enable();
    if (!b.ip)
        pv_inject(v, r, TRAP_UD, 0);
    else
        bounce(v, r, &b);
}

/* The iret hypercall is answered by entry code; this is its slow form, for frames that it
 * does not like. */
void pv_iret(struct hv_cpu_user_regs *r)
{
    struct vcpu *v = cpu_current();
    struct hv_iret_context c;

    irq_enable();
    if (guest_read(&c, r->rsp, sizeof(c))) {
        domain_crash(v->domain, "vcpu %u: its iret frame at %#lx cannot be read", v->id,
                     (unsigned long)r->rsp);
        return;
    }
    if ((c.cs & 3) == 3) {
        if (!v->hw.cr3_user) {
            domain_crash(v->domain,
                         "vcpu %u: return to user mode without user page tables", v->id);
            return;
        }
        ctx_toggle_mode(&v->hw);
    }
    r->rip = c.rip;
    r->cs = (uint16_t)c.cs | 3;
    r->rflags = c.rflags;
    r->rsp = c.rsp;
    r->ss = (uint16_t)c.ss | 3;
    if (!(c.flags & HV_VGCF_IN_SYSCALL)) {
        r->rcx = c.rcx;
        r->r11 = c.r11;
    } else {
        r->rcx = c.rip;
        r->r11 = c.rflags;
    }
    r->rax = c.rax;
    v->hw.nmi_masked = 0;
    v->hw.info->evtchn_upcall_mask = !(c.rflags & 0x200);
    pv_sanitise_regs(r);
}

static void deliver_nmi(struct vcpu *v, struct hv_cpu_user_regs *r)
{
    struct bounce b = {.ip = v->pv->nmi_ip, .mask_events = true};

    v->hw.nmi_pending = 0;
    if (!b.ip)
        return;
    v->hw.nmi_masked = 1; /* the next one waits for the handler's iret */
    bounce(v, r, &b);
}

static void deliver_event(struct vcpu *v, struct hv_cpu_user_regs *r)
{
    struct bounce b = {.ip = v->hw.event_ip, .mask_events = true};

    bounce(v, r, &b);
}

void pv_exit_work(struct hv_cpu_user_regs *r)
{
    struct vcpu *v;

    irq_enable();
    if (softirq_pending())
        softirq_run(); /* may not come back: the scheduler leaves through ctx_switch() */
    v = cpu_current();
    time_enter_guest(v);
    if (v->hw.nmi_pending && !v->hw.nmi_masked)
        deliver_nmi(v, r);
    else if (v->hw.info->evtchn_upcall_pending && !v->hw.info->evtchn_upcall_mask &&
             v->hw.event_ip)
        deliver_event(v, r);
}

void pv_exit_fault(struct hv_cpu_user_regs *r)
{
    struct vcpu *v = cpu_current();
    struct bounce b = {
        .ip = v->hw.failsafe_ip,
        .failsafe = true,
        .mask_events = v->hw.failsafe_masks_events,
    };

    irq_enable();
    if (!b.ip)
        domain_crash(v->domain,
                     "vcpu %u: cannot return to cs:rip %#x:%#lx ss:rsp %#x:%#lx", v->id,
                     r->cs, (unsigned long)r->rip, r->ss, (unsigned long)r->rsp);
    else
        bounce(v, r, &b);
}
