/* SPDX-License-Identifier: MIT */
/* Switching vCPUs. The contract is port/context.h's. A vCPU that has a level-4 table of
 * its own is a guest's; an idle one has no state but its number, and runs on the master
 * table with the CPU's own GDT.
 *
 * GS bases: while the guest is in kernel mode MSR_GS_BASE holds gs_base_kernel and
 * MSR_KERNEL_GS_BASE gs_base_user; in user mode the other way round. So SWAPGS is all
 * that changing modes takes. */
#include "port/context.h"
#include "abi/arch_x86.h"
#include "hw/boot/boot.h"
#include "hw/cpu/context.h"
#include "hw/cpu/desc.h"
#include "hw/cpu/extable.h"
#include "hw/cpu/features.h"
#include "hw/cpu/fpu.h"
#include "hw/cpu/isolate.h"
#include "hw/cpu/mitigate.h"
#include "hw/cpu/msr.h"
#include "hw/cpu/spec.h"
#include "kern/vcpu.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "port/cpu.h"
#include "port/ipi.h"
#include "port/upcall.h"

#define DR7_ENABLES 0xffull
#define DR7_DEFAULT 0x400ull

struct hv_cpu_user_regs *guest_regs(void)
{
    return &cpu_info()->regs;
}

/* A selector that faults loads as null. */
#define LOAD_SEG(seg, sel)                                                               \
    do {                                                                                 \
        uint32_t s_ = (sel);                                                             \
        __asm__ volatile("1: mov %0, %%" seg "\n.pushsection .text.fixup, \"ax\"\n"      \
                         "2: xorl %0, %0; jmp 1b\n.popsection\n" EXTABLE_C("1b", "2b")   \
                         : "+r"(s_)                                                      \
                         :                                                               \
                         : "memory");                                                    \
    } while (0)
#define SAVE_SEG(seg)                                                                    \
    ({                                                                                   \
        uint32_t s_;                                                                     \
        __asm__ volatile("mov %%" seg ", %0" : "=r"(s_));                                \
        (uint16_t) s_;                                                                   \
    })

static uint64_t get_fs_base(void)
{
    uint64_t v;

    if (!cpu_features.fsgsbase)
        return rdmsr(MSR_FS_BASE);
    __asm__ volatile("rdfsbase %0" : "=r"(v));
    return v;
}
static uint64_t get_gs_base(void)
{
    uint64_t v;

    if (!cpu_features.fsgsbase)
        return rdmsr(MSR_GS_BASE);
    __asm__ volatile("rdgsbase %0" : "=r"(v));
    return v;
}
static void set_fs_base(uint64_t v)
{
    if (cpu_features.fsgsbase)
        __asm__ volatile("wrfsbase %0" : : "r"(v));
    else
        wrmsr(MSR_FS_BASE, v);
}
static void set_gs_base(uint64_t v)
{
    if (cpu_features.fsgsbase)
        __asm__ volatile("wrgsbase %0" : : "r"(v));
    else
        wrmsr(MSR_GS_BASE, v);
}

static bool canonical(uint64_t va)
{
    return (uint64_t)((int64_t)(va << 16) >> 16) == va;
}

void ctx_sync_segments(struct vcpu_hw *v)
{
    uint64_t active = get_gs_base(), other = rdmsr(MSR_KERNEL_GS_BASE);

    v->ds = SAVE_SEG("ds");
    v->es = SAVE_SEG("es");
    v->fs = SAVE_SEG("fs");
    v->gs = SAVE_SEG("gs");
    v->fs_base = get_fs_base();
    v->gs_base_kernel = v->kernel_mode ? active : other;
    v->gs_base_user = v->kernel_mode ? other : active;
}

void ctx_load_segments(struct vcpu_hw *v)
{
    uint64_t k = canonical(v->gs_base_kernel) ? v->gs_base_kernel : 0,
             u = canonical(v->gs_base_user) ? v->gs_base_user : 0;

    LOAD_SEG("ds", v->ds);
    LOAD_SEG("es", v->es);
    LOAD_SEG("fs", v->fs);
    LOAD_SEG("gs", v->gs);
    set_fs_base(canonical(v->fs_base) ? v->fs_base : 0);
    set_gs_base(v->kernel_mode ? k : u);
    wrmsr(MSR_KERNEL_GS_BASE, v->kernel_mode ? u : k);
}

void ctx_load_user_gs(struct vcpu_hw *v, uint16_t sel)
{
    irqflags_t f = irq_save();
    bool swap = v->kernel_mode;

    if (swap)
        __asm__ volatile("swapgs" : : : "memory");
    LOAD_SEG("gs", sel);
    if (swap)
        __asm__ volatile("swapgs" : : : "memory");
    irq_restore(f);
    v->gs_user_sel = sel;
}

int ctx_set_base(struct vcpu_hw *v, unsigned which, uint64_t base)
{
    if (which != HV_SEGBASE_GS_USER_SEL && !canonical(base))
        return -EINVAL;
    switch (which) {
    case HV_SEGBASE_FS:
        set_fs_base(base);
        return 0;
    case HV_SEGBASE_GS_KERNEL:
    case HV_SEGBASE_GS_USER:
        if ((which == HV_SEGBASE_GS_KERNEL) == !!v->kernel_mode)
            set_gs_base(base);
        else
            wrmsr(MSR_KERNEL_GS_BASE, base);
        return 0;
    case HV_SEGBASE_GS_USER_SEL:
        ctx_load_user_gs(v, (uint16_t)base);
        return 0;
    default:
        return -EINVAL;
    }
}

uint64_t ctx_get_base(struct vcpu_hw *v, unsigned which)
{
    if (which == HV_SEGBASE_FS)
        return get_fs_base();
    return (which == HV_SEGBASE_GS_KERNEL) == !!v->kernel_mode
               ? get_gs_base()
               : rdmsr(MSR_KERNEL_GS_BASE);
}

void ctx_load_tables(struct vcpu_hw *v)
{
    if (!v->window) {
        desc_load_own_gdt();
        desc_load_ldt(0, 0);
        return;
    }
    v->gdt_l1e[0] = cpu_info()->desc_pte;
    v->gdt_l1e[1] = 0; /* page 15: beyond the limit */
    desc_load_gdt(v->window);
    desc_load_ldt(v->window + VCPU_GDT_PAGES * PAGE_SIZE, v->ldt_entries);
}

void ctx_load_info(struct vcpu_hw *v)
{
    cpu_info()->info = v->info;
}

void ctx_load_cr3(struct vcpu_hw *v)
{
    tlb_load_cr3(isolate_full_cr3(v));
    isolate_load(v);
}

void ctx_load_user_cr3(struct vcpu_hw *v)
{
    isolate_load(v);
    if (isolate_pcid)
        tlb_flush_local();
}

void ctx_toggle_mode(struct vcpu_hw *v)
{
    irqflags_t f = irq_save();

    v->kernel_mode = !v->kernel_mode;
    __asm__ volatile("swapgs" : : : "memory");
    write_cr3(isolate_full_cr3(v) | (isolate_pcid && v->isolated ? CR3_NOFLUSH : 0));
    irq_restore(f);
}

void ctx_load_debug(struct vcpu_hw *v)
{
    if (!(v->dr[7] & DR7_ENABLES)) {
        __asm__ volatile("mov %0, %%db7" : : "r"(DR7_DEFAULT));
        return;
    }
    __asm__ volatile("mov %0, %%db0" : : "r"(v->dr[0]));
    __asm__ volatile("mov %0, %%db1" : : "r"(v->dr[1]));
    __asm__ volatile("mov %0, %%db2" : : "r"(v->dr[2]));
    __asm__ volatile("mov %0, %%db3" : : "r"(v->dr[3]));
    __asm__ volatile("mov %0, %%db7" : : "r"(v->dr[7]));
}

static bool is_guest(const struct vcpu_hw *v)
{
    return v->resume == ctx_resume_pv;
}

static void save(struct vcpu_hw *v)
{
    memcpy(&v->regs, guest_regs(), sizeof(v->regs));
    ctx_sync_segments(v);
    fpu_save(v);
    if (v->dr[7] & DR7_ENABLES)
        __asm__ volatile("mov %0, %%db7" : : "r"(DR7_DEFAULT));
}

static void load(struct vcpu_hw *v)
{
    struct hcall *h = &cpu_info()->hcall;

    h->v = (struct vcpu *)v;
    h->d = h->v->domain;
    cpu_info()->forget =
        h->d->privileged ? mitigations.forget_dom0 : mitigations.forget_domu;
    ctx_load_info(v);
    ctx_load_cr3(v);
    ctx_load_tables(v);
    ctx_load_segments(v);
    fpu_load(v);
    if (v->dr[7] & DR7_ENABLES)
        ctx_load_debug(v);
    if (cpu_features.rdtscp && v->tsc_aux != cpu_info()->tsc_aux) {
        wrmsr(MSR_TSC_AUX, v->tsc_aux);
        cpu_info()->tsc_aux = v->tsc_aux;
    }
    spec_switch(v);
    memcpy(guest_regs(), &v->regs, sizeof(v->regs));
}

static void load_idle(void)
{
    desc_load_own_gdt();
    desc_load_ldt(0, 0);
    tlb_load_cr3(paging_master());
}

/* The guest's selectors refer to a GDT that is about to go. */
static void drop_segments(void)
{
    __asm__ volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%fs; mov %0, %%gs"
                     :
                     : "r"(0)
                     : "memory");
}

void ctx_switch(struct vcpu_hw *prev, struct vcpu_hw *next)
{
    if (prev != next) {
        if (is_guest(prev)) {
            save(prev);
            drop_segments();
        }
        cpu_set_current((struct vcpu *)next);
        if (is_guest(next))
            load(next);
        else if (is_guest(prev))
            load_idle();
        sched_switched((struct vcpu *)prev);
    }
    stack_jump(cpu_info(), next->resume);
}
