/* SPDX-License-Identifier: MIT */
/*
 * A machine whose CPUs are threads. CPU n's thread runs sched_start(); where ctx_switch()
 * would jump to an empty stack it jumps back to the thread's first frame. Time is real; a
 * CPU looks at its deadline between two steps of its guest and while it is idle.
 *
 * The port checks what the scheduler promises the machine: nobody is loaded into a CPU
 * while he still is in another one.
 */
#include "smp_port.h"
#include "kern/log.h"
#include "kern/page_alloc.h"
#include "kern/sched.h"
#include "kern/softirq.h"
#include "kern/timer.h"
#include "port/clock.h"
#include "port/console.h"
#include "port/ipi.h"
#include "port/map.h"
#include "port/upcall.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define FRAMES 16384

_Thread_local unsigned model_cpu;
_Thread_local struct vcpu *model_current;
_Thread_local bool model_irqs_on = true;
uint8_t *model_arena;
void (*model_guest)(struct vcpu *v);

static struct page table[FRAMES];
struct page *const frametable = table;

static _Thread_local jmp_buf empty_stack;
static _Thread_local uint64_t deadline = ~0ull;
static uint64_t epoch;

/* Who is in which CPU, as the machine sees it; index: a small number per vCPU. */
static _Atomic unsigned loaded[1024]; /* CPU + 1 */
static _Atomic uint64_t steps[1024];

static unsigned slot(const struct vcpu *v)
{
    return v->domain->id % 64 * 16 + v->id % 16;
}

uint64_t model_progress(const struct vcpu *v)
{
    return steps[slot(v)];
}

void model_fail(const char *why, const struct vcpu *v)
{
    printf("not ok 1 - %s", why);
    if (v)
        printf(": d%uv%u flags %x pauses %d/%d running %d cpu %u", v->domain->id, v->id,
               v->pause_flags, v->pauses, v->domain->pauses, v->running, v->processor);
    printf("\n1..1\n");
    fflush(stdout);
    _Exit(1);
}

static uint64_t raw_clock(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

uint64_t clock_now(void)
{
    return raw_clock() - epoch;
}
void clock_set_deadline(uint64_t ns)
{
    deadline = ns;
}
void console_write(const char *s, size_t n)
{
    fwrite(s, 1, n, stderr);
}
unsigned cpu_count(void)
{
    return MODEL_CPUS;
}
cpumask_t cpu_online(void)
{
    return cpumask_of(MODEL_CPUS) - 1;
}
void ipi_poke(cpumask_t cpus)
{
}
void map_zero(mfn_t m, uint64_t frames)
{
    memset(map_mfn(m), 0, frames * PAGE_SIZE);
}
void map_zero_cold(mfn_t m, uint64_t frames)
{
    map_zero(m, frames);
}
uint64_t map_frames_cost(mfn_t start, mfn_t end)
{
    return 0;
}
void map_frames_open(mfn_t start, mfn_t end, mfn_t first)
{
}
bool map_frames_own(mfn_t start, mfn_t end, mfn_t first)
{
    return false;
}
void map_frames_close(mfn_t start, mfn_t end)
{
}
void tlb_flush_mask(cpumask_t cpus, vaddr_t va)
{
}
uint32_t tlb_clock(void)
{
    return 1;
}
cpumask_t tlb_filter(cpumask_t cpus, uint32_t stamp)
{
    return 0;
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
void cpu_halt_forever(void)
{
    model_fail("the hypervisor stopped", model_current);
}
void machine_restart(void)
{
    model_fail("the hypervisor gave up", model_current);
}
void machine_poweroff(void)
{
    model_fail("the machine went off", model_current);
}
void ctx_resume_pv(void)
{
    abort();
}

static void look_at_the_clock(void)
{
    if (clock_now() >= deadline) {
        deadline = ~0ull;
        timer_irq();
    }
}

void cpu_idle(void)
{
    while (!softirq_pending()) {
        look_at_the_clock();
        sched_yield();
    }
    irq_enable();
}

void model_guest_entry(void)
{
    struct vcpu *v = model_current;

    if (loaded[slot(v)] != model_cpu + 1)
        model_fail("a vCPU runs where it was not loaded", v);
    for (;;) {
        steps[slot(v)]++;
        irq_enable();
        model_guest(v);
        look_at_the_clock();
        if (softirq_pending())
            softirq_run();
    }
}

void ctx_switch(struct vcpu_hw *prev, struct vcpu_hw *next)
{
    struct vcpu *p = (struct vcpu *)prev, *n = (struct vcpu *)next;
    unsigned none = 0;

    if (model_irqs_on)
        model_fail("a switch with interrupts on", p);
    if (p->is_idle ? 0 : atomic_exchange(&loaded[slot(p)], 0) != model_cpu + 1)
        model_fail("a vCPU leaves a CPU that it was not in", p);
    if (!n->is_idle &&
        !atomic_compare_exchange_strong(&loaded[slot(n)], &none, model_cpu + 1))
        model_fail("a vCPU is loaded while another CPU has it", n);
    cpu_set_current(n);
    sched_switched(p);
    longjmp(empty_stack, 1);
}

static void *cpu_main(void *arg)
{
    model_cpu = (unsigned)(uintptr_t)arg;
    model_irqs_on = false;
    if (setjmp(empty_stack))
        model_current->hw.resume();
    sched_start();
}

void model_boot(void)
{
    epoch = raw_clock() - 1000000;
    model_arena = mmap(NULL, (size_t)FRAMES << PAGE_SHIFT, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (model_arena == MAP_FAILED)
        abort();
    page_add_range(mk_mfn(256), mk_mfn(FRAMES));
    page_alloc_add(mk_mfn(256), mk_mfn(FRAMES));
    timer_subsys_init();
    domains_init();
    sched_init();
}

/* The caller is no CPU: it borrows a number that no thread has, for the locks' owner
 * field. */
void model_start(void)
{
    for (unsigned cpu = 0; cpu < MODEL_CPUS; cpu++) {
        pthread_t t;

        if (pthread_create(&t, NULL, cpu_main, (void *)(uintptr_t)cpu))
            abort();
    }
    model_cpu = HV_MAX_CPUS - 1;
}
