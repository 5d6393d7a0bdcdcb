/* SPDX-License-Identifier: MIT */
/*
 * The host port: CPUs, time, switching. See host.h.
 *
 * ctx_switch() does not return on a machine; here it jumps back to where the softirqs of
 * that CPU were started, which is what an empty stack means. host_relax() stands in for
 * the other CPUs' going on while one waits for them.
 */
#include "host/host.h"
#include "lib/errno.h"
#include "kern/log.h"
#include "kern/page_alloc.h"
#include "kern/room.h"
#include "kern/sched.h"
#include "kern/softirq.h"
#include "kern/timer.h"
#include "port/clock.h"
#include "port/context.h"
#include "port/ipi.h"
#include "port/isolate.h"
#include "port/l1tf.h"
#include "port/map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

unsigned host_cpu;
struct vcpu *host_current[HV_MAX_CPUS];
bool host_irqs_on[HV_MAX_CPUS];
uint64_t host_clock = 1000000;
cpumask_t host_online = 1;
unsigned host_switches;
uint64_t host_tlb_flushes;

static unsigned nr_cpus = 1;
static uint64_t deadline[HV_MAX_CPUS];
static uint32_t flush_clock = 1, flushed_at[HV_MAX_CPUS];
static jmp_buf *softirq_jmp; /* innermost host_run_cpu() */
static jmp_buf *end_jmp;
static bool relaxing;

/* A test that needs more rooms defines its own list. */
const struct room *const rooms[] __attribute__((weak)) = {&sched_room, NULL};

/* port/cpu.h */
unsigned cpu_count(void)
{
    return nr_cpus;
}
cpumask_t cpu_online(void)
{
    return host_online;
}

static _Noreturn void end(enum host_end how)
{
    if (end_jmp)
        longjmp(*end_jmp, how);
    fprintf(stderr, "%s\nhost port: the machine ended (%d) outside of host_catch()\n",
            host_console(), how);
    abort();
}
void cpu_idle(void)
{
    end(HOST_HALT);
}
unsigned cpu_nmi_ticks(void)
{
    return 10;
}
void cpu_halt_forever(void)
{
    end(HOST_HALT);
}
void machine_restart(void)
{
    end(HOST_RESTART);
}
void machine_poweroff(void)
{
    end(HOST_POWEROFF);
}
void cpu_stop_others(void)
{
}
void cpu_dump_others(void)
{
}
void cpu_dump_state(void)
{
}

enum host_end host_catch(void (*fn)(void *arg), void *arg)
{
    jmp_buf here, *outer = end_jmp;
    jmp_buf *volatile softirqs = softirq_jmp;
    volatile unsigned cpu = host_cpu;
    int how;

    end_jmp = &here;
    how = setjmp(here);
    if (!how)
        fn(arg);
    end_jmp = outer;
    softirq_jmp = softirqs;
    host_cpu = cpu;
    relaxing = false;
    return (enum host_end)how;
}

/* Driving. */
void host_on_cpu(unsigned cpu)
{
    host_cpu = cpu;
}

void host_run_cpu(unsigned cpu)
{
    jmp_buf here;
    jmp_buf *volatile outer = softirq_jmp;
    volatile unsigned was = host_cpu;
    volatile bool irqs = host_irqs_on[cpu];

    host_cpu = cpu;
    softirq_jmp = &here;
    (void)setjmp(here);
    host_irqs_on[cpu] = true;
    softirq_run();
    host_irqs_on[cpu] = irqs;
    softirq_jmp = outer;
    host_cpu = was;
}

static bool run_others(unsigned except)
{
    bool any = false;

    for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
        if (cpu == except || !softirq_cpu[cpu].pending ||
            !(host_online & cpumask_of(cpu)))
            continue;
        host_run_cpu(cpu);
        any = true;
    }
    return any;
}

void host_settle(void)
{
    while (run_others(~0u))
        ;
}

void host_relax(void)
{
    host_clock += 1000;
    if (relaxing)
        return;
    relaxing = true;
    run_others(host_cpu);
    relaxing = false;
}

void host_advance(uint64_t ns)
{
    uint64_t until = host_clock + ns;

    host_settle();
    for (;;) {
        unsigned first = 0, was = host_cpu;

        for (unsigned cpu = 1; cpu < nr_cpus; cpu++)
            if (deadline[cpu] < deadline[first])
                first = cpu;
        if (deadline[first] > until)
            break;
        if (deadline[first] > host_clock)
            host_clock = deadline[first];
        deadline[first] = ~0ull;
        host_cpu = first;
        timer_irq();
        host_cpu = was;
        host_settle();
    }
    if (host_clock < until)
        host_clock = until;
    host_settle();
}

void host_boot(unsigned cpus, unsigned ram_mib)
{
    uint64_t frames =
        MIN((uint64_t)ram_mib << (20 - PAGE_SHIFT), HOST_FRAMES - HOST_FIRST_FRAME);

    nr_cpus = cpus;
    host_online = cpus == 64 ? CPUMASK_ALL : cpumask_of(cpus) - 1;
    memset(deadline, 0xff, sizeof(deadline));
    page_add_range(mk_mfn(HOST_FIRST_FRAME), mk_mfn(HOST_FIRST_FRAME + frames));
    page_alloc_add(mk_mfn(HOST_FIRST_FRAME), mk_mfn(HOST_FIRST_FRAME + frames));
    timer_subsys_init();
    domains_init();
    sched_init();
    for (unsigned cpu = 0; cpu < cpus; cpu++) {
        host_current[cpu] = sched_idle_vcpu(cpu);
        host_irqs_on[cpu] = true;
        host_cpu = cpu;
        softirq_raise(SOFTIRQ_SCHEDULE);
    }
    host_cpu = 0;
    host_settle();
}

/* port/clock.h: a TSC of 1 GHz that started with the clock. */
uint64_t clock_now(void)
{
    return host_clock;
}
uint64_t clock_tsc(void)
{
    return host_clock;
}
uint64_t clock_tsc_khz(void)
{
    return 1000000;
}
bool clock_tsc_stable(void)
{
    return true;
}
void clock_get_scale(struct clock_scale *s)
{
    *s = (struct clock_scale){.mul = 0x80000000u, .shift = 1};
}
uint64_t clock_wall_at_boot(void)
{
    return 1700000000000000000ull;
}
void clock_set_deadline(uint64_t ns)
{
    deadline[host_cpu] = ns;
}

/* port/context.h */
static struct hv_cpu_user_regs frames[HV_MAX_CPUS];

size_t fpu_area_size(void)
{
    return 512;
}
void fpu_init_area(void *area)
{
    memset(area, 0, 512);
}
void fpu_import(void *area, const void *fxsave)
{
    memcpy(area, fxsave, 512);
}
struct hv_cpu_user_regs *guest_regs(void)
{
    return &frames[host_cpu];
}
void ctx_switch(struct vcpu_hw *prev, struct vcpu_hw *next)
{
    ASSERT(!host_irqs_on[host_cpu]);
    if (prev != next) {
        host_switches++;
        prev->regs = frames[host_cpu];
        frames[host_cpu] = next->regs;
        cpu_set_current((struct vcpu *)next);
        if (next->isolated)
            mmu_isolate((struct vcpu *)next);
        sched_switched((struct vcpu *)prev);
    }
    ASSERT(softirq_jmp);
    longjmp(*softirq_jmp, 1);
}
void ctx_resume_pv(void)
{
    end(HOST_HALT);
}
jmp_buf host_leave;
void (*host_leave_by)(struct hv_cpu_user_regs *r);
void ctx_leave_by(struct hv_cpu_user_regs *r, void (*fn)(struct hv_cpu_user_regs *r))
{
    host_leave_by = fn;
    longjmp(host_leave, 1);
}
void ctx_leave_quick(struct hv_cpu_user_regs *r)
{
    ctx_leave_by(r, NULL);
}
void ctx_sync_segments(struct vcpu_hw *v)
{
}
void ctx_load_segments(struct vcpu_hw *v)
{
}
void ctx_set_ts(struct vcpu_hw *v, bool on)
{
    v->ts = on;
}
void ctx_load_spec_ctrl(struct vcpu_hw *v)
{
}
uint64_t host_xcr0 = 7;
uint64_t fpu_xcr0_supported(void)
{
    return host_xcr0;
}
void ctx_load_user_gs(struct vcpu_hw *v, uint16_t sel)
{
    v->gs_user_sel = sel;
}
int ctx_set_base(struct vcpu_hw *v, unsigned which, uint64_t base)
{
    bool canonical = (uint64_t)((int64_t)(base << 16) >> 16) == base;

    if (which != HV_SEGBASE_GS_USER_SEL && !canonical)
        return -EINVAL;
    if (which == HV_SEGBASE_FS)
        v->fs_base = base;
    else if (which == HV_SEGBASE_GS_USER)
        v->gs_base_user = base;
    else if (which == HV_SEGBASE_GS_KERNEL)
        v->gs_base_kernel = base;
    else
        v->gs_user_sel = (uint16_t)base;
    return 0;
}

uint64_t ctx_get_base(struct vcpu_hw *v, unsigned which)
{
    return which == HV_SEGBASE_FS        ? v->fs_base
           : which == HV_SEGBASE_GS_USER ? v->gs_base_user
                                         : v->gs_base_kernel;
}

void ctx_load_info(struct vcpu_hw *v)
{
    (void)v;
}

void ctx_load_tables(struct vcpu_hw *v)
{
}
void ctx_load_cr3(struct vcpu_hw *v)
{
    host_tlb_flushes++;
    if (v->isolated)
        mmu_isolate((struct vcpu *)v);
}
bool tlb_quick(void)
{
    return !cpu_current()->hw.isolated;
}
void tlb_quick_cr3(uint64_t cr3)
{
    (void)cr3;
    host_tlb_flushes++;
}
void ctx_load_user_cr3(struct vcpu_hw *v)
{
    if (v->isolated)
        mmu_isolate((struct vcpu *)v);
}
void ctx_load_debug(struct vcpu_hw *v)
{
}
void ctx_toggle_mode(struct vcpu_hw *v)
{
    v->kernel_mode = !v->kernel_mode;
}
void ctx_set_xcr0(struct vcpu_hw *v, uint64_t xcr0)
{
    v->xcr0 = xcr0;
}

/* port/isolate.h: as a CPU that needs it, if the test says so. */
bool host_isolate;
static uint64_t *isolated_l4[HV_MAX_CPUS][2];

bool isolate_wanted(bool control_domain)
{
    return host_isolate;
}
uint64_t *isolate_l4(unsigned cpu, bool user)
{
    uint64_t **t = &isolated_l4[cpu][user];

    if (!*t)
        *t = page_alloc_mapped(0);
    return *t;
}

/* port/l1tf.h */
uint64_t host_l1tf_safe;

uint64_t l1tf_safe_address(bool control_domain)
{
    return control_domain ? 0 : host_l1tf_safe;
}

/* port/ipi.h */
void ipi_poke(cpumask_t cpus)
{
}
void ipi_call(cpumask_t cpus, void (*fn)(void *arg), void *arg)
{
    unsigned was = host_cpu;

    for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
        bool irqs = host_irqs_on[cpu];

        if (!(cpus & cpumask_of(cpu)))
            continue;
        host_cpu = cpu;
        host_irqs_on[cpu] = false;
        fn(arg);
        host_irqs_on[cpu] = irqs;
    }
    host_cpu = was;
}
void (*host_serve)(void);
void ipi_serve(void)
{
    if (host_serve)
        host_serve();
}
static void flushed(cpumask_t cpus, bool all)
{
    uint32_t now = all ? ++flush_clock : flush_clock;

    for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
        if (!(cpus & cpumask_of(cpu)))
            continue;
        host_tlb_flushes++;
        if (all)
            flushed_at[cpu] = now;
    }
}
void tlb_flush_local(void)
{
    flushed(cpumask_of(host_cpu), true);
}
void tlb_flush_local_page(vaddr_t va)
{
    flushed(cpumask_of(host_cpu), false);
}
void tlb_flush_mask(cpumask_t cpus, vaddr_t va)
{
    flushed(cpus, va == TLB_ALL);
}
uint32_t tlb_clock(void)
{
    return flush_clock;
}
cpumask_t tlb_filter(cpumask_t cpus, uint32_t stamp)
{
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        if (stamp && flushed_at[cpu] > stamp)
            cpus &= ~cpumask_of(cpu);
    return cpus;
}
