/* SPDX-License-Identifier: MIT */
/* Reaching other CPUs. One call is under way at a time: whoever holds `busy` has filled
 * `call`, and each CPU whose bit stands in call.pending runs it and clears its bit. A CPU
 * that waits, for the lock or for the others, serves its own bit meanwhile, so that two
 * callers with interrupts off do not wait for each other for ever.
 *
 * TLB clock: tlb_time[cpu] is the clock's value drawn before that CPU's latest whole
 * flush began. */
#include <stdatomic.h>
#include "hw/cpu/context.h"
#include "hw/cpu/features.h"
#include "hw/cpu/ipi.h"
#include "hw/cpu/isolate.h"
#include "hw/cpu/msr.h"
#include "hw/plat/apic.h"
#include "hw/plat/irq.h"
#include "kern/softirq.h"
#include "port/ipi.h"

static struct {
    _Atomic uint64_t
        pending; /* pairs with serve(): release by the caller, acquire by the served */
    void (*fn)(void *arg);
    void *arg;
} call;
static atomic_flag busy = ATOMIC_FLAG_INIT;

_Atomic uint32_t tlb_last = 1;
_Atomic uint32_t tlb_time[HV_MAX_CPUS];

static void serve(void)
{
    uint64_t me = cpumask_of(cpu_id());

    if (atomic_load_explicit(&call.pending, memory_order_acquire) & me) {
        call.fn(call.arg);
        atomic_fetch_and_explicit(&call.pending, ~me, memory_order_release);
    }
}

static void call_irq(struct hv_cpu_user_regs *r)
{
    (void)r;
    serve();
}

void ipi_serve(void)
{
    irqflags_t f = irq_save();

    serve();
    irq_restore(f);
}

void ipi_init(void)
{
    irq_set_vector(VEC_CALL, call_irq);
}

void ipi_poke(cpumask_t cpus)
{
    apic_send_ipi_mask(cpus, VEC_POKE);
}

void ipi_call(cpumask_t cpus, void (*fn)(void *arg), void *arg)
{
    irqflags_t f = irq_save();
    cpumask_t me = cpumask_of(cpu_id()), others = cpus & cpu_online() & ~me;

    if (others) {
        while (atomic_flag_test_and_set_explicit(&busy, memory_order_acquire)) {
            serve();
            cpu_relax();
        }
        call.fn = fn;
        call.arg = arg;
        atomic_store_explicit(&call.pending, others, memory_order_release);
        apic_send_ipi_mask(others, VEC_CALL);
    }
    if (cpus & me)
        fn(arg);
    if (others) {
        while (atomic_load_explicit(&call.pending, memory_order_acquire))
            cpu_relax();
        atomic_flag_clear_explicit(&busy, memory_order_release);
    }
    irq_restore(f);
}

/* Global entries too: guests' user pages are global, so that they outlive the switch to
 * their kernel and back. */
void tlb_flush_local(void)
{
    irqflags_t f = irq_save();
    uint32_t now = atomic_fetch_add(&tlb_last, 1) + 1;

    if (cpu_features.invpcid) {
        invpcid(2, 0, 0);
    } else if (cpu_features.pge) {
        uint64_t cr4 = read_cr4();

        write_cr4(cr4 & ~(uint64_t)CR4_PGE);
        write_cr4(cr4);
    } else {
        write_cr3(read_cr3());
    }
    atomic_store(&tlb_time[cpu_id()], now);
    irq_restore(f);
}

/* Writing CR3 forgets what is not global, of one PCID. */
void tlb_load_cr3(uint64_t cr3)
{
    irqflags_t f = irq_save();

    if (isolate_pcid) {
        uint32_t now = atomic_fetch_add(&tlb_last, 1) + 1;

        write_cr3(cr3);
        invpcid(2, 0, 0);
        atomic_store(&tlb_time[cpu_id()], now);
    } else {
        tlb_quick_cr3(cr3);
    }
    irq_restore(f);
}

void tlb_flush_local_page(vaddr_t va)
{
    invlpg(va); /* global entries, and those of the loaded PCID */
    if (isolate_pcid)
        isolate_flush_page(va);
}

static void flush(void *arg)
{
    vaddr_t va = *(vaddr_t *)arg;

    if (va == TLB_ALL)
        tlb_flush_local();
    else
        tlb_flush_local_page(va);
}

void tlb_flush_mask(cpumask_t cpus, vaddr_t va)
{
    if (cpus & cpu_online())
        ipi_call(cpus & cpu_online(), flush, &va);
}

uint32_t tlb_clock(void)
{
    return atomic_load(&tlb_last);
}

cpumask_t tlb_filter(cpumask_t cpus, uint32_t stamp)
{
    cpumask_t left = cpus;
    unsigned cpu;

    if (!stamp)
        return cpus;
    for (; left; left &= left - 1) {
        cpu = (unsigned)__builtin_ctzll(left);
        /* Differences, so that the clock may wrap; half its range is hours of nothing but
         * flushes. */
        if ((int32_t)(atomic_load(&tlb_time[cpu]) - stamp) > 0)
            cpus &= ~cpumask_of(cpu);
    }
    return cpus;
}
