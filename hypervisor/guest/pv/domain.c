/* SPDX-License-Identifier: MIT */
/* PV domains: their room record, and vCPU contexts (struct hv_vcpu_guest_context, public
 * arch-x86/xen.h). Invariant: a vCPU that is `initialised` has a level-4 table, or gets
 * one before it may run. */
#include "guest/pv/domain.h"
#include "guest/pv/trap.h"
#include "guest/time.h"
#include "kern/heap.h"
#include "kern/log.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mm/mmu.h"
#include "port/guest_mem.h"
#include "port/layout.h"

/* What entry code writes. */
#define SYSCALL_FRAME 56
#define FAULT_FRAME   64
#define NO_STACK      (1ull << 63) /* not canonical */
#define EFLAGS_IF     0x200ull
#define EFLAGS_FIXED  0x2ull
/* What IRET could load and a guest must not have: IOPL, NT, VM, VIF, VIP. */
#define EFLAGS_FORBIDDEN 0x1a7000ull
#define CR0_PG_PE_ETC                                                                    \
    0x80050033ull /* PG WP NE ET MP PE: the CR0 that a 64-bit kernel finds */

bool pv_is_canonical(uint64_t va)
{
    return (int64_t)(va << 16) >> 16 == (int64_t)va;
}

static bool selector_ok(uint16_t sel)
{
    return (sel & 3) == 3;
}

void pv_sanitise_regs(struct hv_cpu_user_regs *r)
{
    if (!selector_ok(r->cs))
        r->cs |= 3;
    if (!selector_ok(r->ss))
        r->ss |= 3;
    r->rflags = (r->rflags & ~EFLAGS_FORBIDDEN) | EFLAGS_IF | EFLAGS_FIXED;
}

static int domain_init(struct domain *d, const struct hv_domctl_createdomain *c)
{
    if (d->is_hvm)
        return 0;
    d->pv = heap_new(struct pv_domain);
    return d->pv ? 0 : -ENOMEM;
}

static void domain_free(struct domain *d)
{
    heap_free(d->pv);
    d->pv = NULL;
}

static int vcpu_init(struct vcpu *v)
{
    if (v->domain->is_hvm)
        return 0;
    v->pv = heap_new(struct pv_vcpu);
    if (!v->pv)
        return -ENOMEM;
    v->hw.fpu = heap_alloc_aligned(fpu_area_size(), 64);
    if (!v->hw.fpu) {
        heap_free(v->pv);
        v->pv = NULL;
        return -ENOMEM;
    }
    fpu_init_area(v->hw.fpu);
    v->pv->cr0 = CR0_PG_PE_ETC;
    v->pv->cr4 = PV_CR4_FIXED;
    v->hw.kernel_mode = 1;
    v->hw.xcr0 = 0;
    v->hw.dr[6] = 0xffff0ff0;
    v->hw.dr[7] = 0x400;
    v->hw.resume = ctx_resume_pv;
    return 0;
}

static void vcpu_drop(struct vcpu *v)
{
    heap_free(v->hw.fpu);
    v->hw.fpu = NULL;
    heap_free(v->pv);
    v->pv = NULL;
}

const struct room pv_room = {
    .name = "pv",
    .domain_init = domain_init,
    .domain_free = domain_free,
    .vcpu_init = vcpu_init,
    .vcpu_free = vcpu_drop,
};

static void set_traps(struct vcpu *v, const struct hv_trap_info *traps)
{
    for (unsigned i = 0; i < 256; i++)
        pv_set_trap(v, i, &traps[i]);
}

static bool shows_iopl(const struct domain *d)
{
    return d->vm_assist & (1ull << HV_VMASST_TYPE_ARCHITECTURAL_IOPL);
}

/* Each by one store, as another vCPU may switch both off meanwhile. */
static inline void set_frames(struct vcpu *v, uint64_t syscall, uint64_t fault)
{
    __atomic_store_n(&v->hw.syscall_frame, syscall, __ATOMIC_RELAXED);
    __atomic_store_n(&v->hw.fault_frame, fault, __ATOMIC_RELAXED);
}

/* The stores are in order with the look at vm_assist: a change of that by another vCPU is
 * seen here, or it comes after them (pv_vm_assist()). */
void pv_update_entries(struct vcpu *v)
{
    const struct vcpu_hw *hw = &v->hw;
    uint64_t top = hw->kernel_sp & ~15ull;

    if (unlikely(!guest_range_ok(top - FAULT_FRAME, FAULT_FRAME)))
        set_frames(v, NO_STACK, NO_STACK);
    else
        set_frames(v, likely(hw->syscall_ip) ? top - SYSCALL_FRAME : NO_STACK,
                   likely(hw->pf_ip) ? top - FAULT_FRAME : NO_STACK);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (unlikely(shows_iopl(v->domain)))
        set_frames(v, NO_STACK, NO_STACK);
}

void pv_vm_assist(struct domain *d, uint64_t set, uint64_t clear)
{
    __atomic_fetch_or(&d->vm_assist, set, __ATOMIC_SEQ_CST);
    __atomic_fetch_and(&d->vm_assist, ~clear, __ATOMIC_SEQ_CST);
    if (!shows_iopl(d))
        return; /* their next stack will do */
    for (unsigned i = 0; i < d->max_vcpus; i++)
        if (d->vcpu[i])
            set_frames(d->vcpu[i], NO_STACK, NO_STACK);
}

void pv_set_kernel_stack(struct vcpu *v, uint64_t ss, uint64_t sp)
{
    v->hw.kernel_ss = ss | 3;
    v->hw.kernel_sp = sp;
    pv_update_entries(v);
}

static void set_entries(struct vcpu *v, const struct hv_vcpu_guest_context *c)
{
    struct vcpu_hw *hw = &v->hw;

    hw->event_ip = c->event_callback_eip;
    hw->failsafe_ip = c->failsafe_callback_eip;
    hw->syscall_ip = c->syscall_callback_eip;
    pv_set_kernel_stack(v, c->kernel_ss, c->kernel_sp);
    hw->failsafe_masks_events = !!(c->flags & HV_VGCF_FAILSAFE_DISABLES_EVENTS);
    hw->syscall_masks_events = !!(c->flags & HV_VGCF_SYSCALL_DISABLES_EVENTS);
    hw->kernel_mode = !!(c->flags & HV_VGCF_IN_KERNEL) || !v->initialised;
    v->pv->iopl = c->user_regs.rflags >> 12 & 3; /* Linux starts its other CPUs so */
    hw->fs_base = c->fs_base;
    hw->gs_base_kernel = c->gs_base_kernel;
    hw->gs_base_user = c->gs_base_user;
    hw->ds = c->user_regs.ds;
    hw->es = c->user_regs.es;
    hw->fs = c->user_regs.fs;
    hw->gs = c->user_regs.gs;
}

static bool context_ok(const struct hv_vcpu_guest_context *c)
{
    return pv_is_canonical(c->event_callback_eip) &&
           pv_is_canonical(c->failsafe_callback_eip) &&
           pv_is_canonical(c->syscall_callback_eip) &&
           pv_is_canonical(c->user_regs.rip) && pv_is_canonical(c->fs_base) &&
           pv_is_canonical(c->gs_base_kernel) && pv_is_canonical(c->gs_base_user) &&
           c->gdt_ents <= HV_FIRST_RESERVED_GDT_ENTRY && c->ldt_ents <= 8192 &&
           !(c->ldt_base & 7) && c->kernel_ss <= 0xffff;
}

/* A vCPU gets its tables once, and its first mode is the kernel's. */
static bool has_tables(const struct vcpu *v, const struct hv_vcpu_guest_context *c)
{
    return !v->initialised || (c->flags & HV_VGCF_IN_KERNEL) || v->hw.cr3_user;
}

static int set_tables(struct vcpu *v, const struct hv_vcpu_guest_context *c)
{
    mfn_t frames[16] = {{0}};
    unsigned n = (unsigned)((c->gdt_ents + 511) / 512);
    int rc;

    for (unsigned i = 0; i < n; i++)
        frames[i] = mk_mfn(c->gdt_frames[i]);
    rc = mmu_set_gdt(v, frames, n, (unsigned)c->gdt_ents);
    if (rc)
        return rc;
    v->pv->gdt_frame_count = n;
    for (unsigned i = 0; i < n; i++)
        v->pv->gdt_frames[i] = frames[i];
    if (v->initialised)
        return 0;
    /* Control register 3 as a frame number: xen_pfn_to_cr3() of the ABI shifts by a page.
     */
    rc = mmu_set_base(v, mk_mfn(hv_cr3_to_pfn(c->ctrlreg[3])), false);
    if (!rc && c->ctrlreg[1])
        rc = mmu_set_base(v, mk_mfn(hv_cr3_to_pfn(c->ctrlreg[1])), true);
    return rc;
}

int pv_set_context(struct vcpu *v, const struct hv_vcpu_guest_context *c)
{
    int rc;

    if (!context_ok(c) || !has_tables(v, c))
        return -EINVAL;
    rc = set_tables(v, c);
    if (rc)
        return rc;
    set_entries(v, c);
    set_traps(v, c->trap_ctxt);
    v->hw.regs = c->user_regs;
    v->pv->iopl = (c->user_regs.rflags >> 12) &
                  3; /* the level travels in the flags, never in the real ones */
    pv_sanitise_regs(&v->hw.regs);
    if (c->flags & HV_VGCF_I387_VALID)
        fpu_import(v->hw.fpu, &c->fpu_ctxt);
    else
        fpu_init_area(v->hw.fpu);
    v->pv->cr0 = c->ctrlreg[0] | CR0_PG_PE_ETC;
    v->pv->ldt_base = c->ldt_base;
    rc = mmu_set_ldt(v, c->ldt_base, (unsigned)c->ldt_ents);
    if (rc)
        return rc;
    pv_vm_assist(v->domain, c->vm_assist, 0);
    if (!v->initialised)
        time_start_tick(v);
    v->initialised = true;
    if (c->flags & HV_VGCF_ONLINE)
        __atomic_fetch_and(&v->pause_flags, ~VPF_DOWN, __ATOMIC_SEQ_CST);
    else
        __atomic_fetch_or(&v->pause_flags, VPF_DOWN, __ATOMIC_SEQ_CST);
    time_update_vcpu(v);
    return 0;
}

void pv_get_context(struct vcpu *v, struct hv_vcpu_guest_context *c)
{
    const struct vcpu_hw *hw = &v->hw;
    mfn_t l4;

    memset(c, 0, sizeof(*c));
    c->user_regs = hw->regs;
    memcpy(&c->fpu_ctxt, hw->fpu, sizeof(c->fpu_ctxt));
    c->flags = HV_VGCF_I387_VALID | (hw->kernel_mode ? HV_VGCF_IN_KERNEL : 0) |
               (hw->failsafe_masks_events ? HV_VGCF_FAILSAFE_DISABLES_EVENTS : 0) |
               (hw->syscall_masks_events ? HV_VGCF_SYSCALL_DISABLES_EVENTS : 0) |
               (v->pause_flags & VPF_DOWN ? 0 : HV_VGCF_ONLINE);
    c->user_regs.ds = hw->ds;
    c->user_regs.es = hw->es;
    c->user_regs.fs = hw->fs;
    c->user_regs.gs = hw->gs;
    c->user_regs.rflags |= (uint64_t)v->pv->iopl << 12;
    memcpy(c->trap_ctxt, v->pv->traps, sizeof(c->trap_ctxt));
    c->ldt_base = v->pv->ldt_base;
    c->ldt_ents = hw->ldt_entries;
    for (unsigned i = 0; i < v->pv->gdt_frame_count; i++)
        c->gdt_frames[i] = v->pv->gdt_frames[i].n;
    c->gdt_ents = hw->gdt_entries;
    c->kernel_ss = hw->kernel_ss;
    c->kernel_sp = hw->kernel_sp;
    c->ctrlreg[0] = v->pv->cr0;
    c->ctrlreg[3] = mmu_get_base(v, &l4) ? hv_pfn_to_cr3(l4.n) : 0;
    c->ctrlreg[1] = hw->cr3_user & PAGE_MASK & ((1ull << 52) - 1);
    c->ctrlreg[4] = v->pv->cr4;
    for (unsigned i = 0; i < 8; i++)
        c->debugreg[i] = hw->dr[i];
    c->event_callback_eip = hw->event_ip;
    c->failsafe_callback_eip = hw->failsafe_ip;
    c->syscall_callback_eip = hw->syscall_ip;
    c->vm_assist = v->domain->vm_assist;
    c->fs_base = hw->fs_base;
    c->gs_base_kernel = hw->gs_base_kernel;
    c->gs_base_user = hw->gs_base_user;
}
