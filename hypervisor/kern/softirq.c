/* SPDX-License-Identifier: MIT */
/*
 * Work put off to the way out to the guest or to the idle loop.
 *
 * A raise from another CPU sets the bit first and pokes then; the poked CPU looks at its
 * bits with irqs off before it sleeps or returns to the guest, so none is lost. Only the
 * raise that sets the first bit pokes: later ones find a CPU that is already on its way.
 */
#include "kern/softirq.h"
#include "kern/log.h"
#include "port/ipi.h"

#include <stdatomic.h>

struct softirq_cpu softirq_cpu[HV_MAX_CPUS];

static void (*handlers[SOFTIRQ_COUNT])(void);

/* Tasks kicked on this CPU; only touched by it, with irqs off. */
static struct task_list {
    struct task *first, **last;
} __attribute__((aligned(CACHE_LINE))) task_list[HV_MAX_CPUS];

static void run_tasks(void);

void softirq_register(enum softirq nr, void (*fn)(void))
{
    handlers[nr] = fn;
}

void softirq_raise(enum softirq nr)
{
    atomic_fetch_or(&softirq_cpu[cpu_id()].pending, 1u << nr);
}

void softirq_raise_cpu(unsigned cpu, enum softirq nr)
{
    uint32_t old = atomic_fetch_or(&softirq_cpu[cpu].pending, 1u << nr);

    if (!old && cpu != cpu_id())
        ipi_poke(cpumask_of(cpu));
}

/* The schedule softirq may not return (it switches to another vCPU and starts with an
 * empty stack), so it comes last; what became pending meanwhile is found by the next look
 * on the way out. */
void softirq_run(void)
{
    _Atomic uint32_t *pending = &softirq_cpu[cpu_id()].pending;
    uint32_t now;

    while ((now = atomic_load(pending)) != 0) {
        uint32_t others = now & ~(1u << SOFTIRQ_SCHEDULE);
        unsigned nr = (unsigned)__builtin_ctz(others ? others : now);

        atomic_fetch_and(pending, ~(1u << nr));
        if (nr == SOFTIRQ_TASK)
            run_tasks();
        else if (handlers[nr])
            handlers[nr]();
    }
}

void task_init(struct task *t, void (*fn)(void *), void *arg)
{
    t->next = NULL;
    atomic_init(&t->queued, 0);
    t->fn = fn;
    t->arg = arg;
}

void task_kick(struct task *t)
{
    struct task_list *l;
    irqflags_t f;

    if (atomic_exchange(&t->queued, 1))
        return;
    f = irq_save();
    l = &task_list[cpu_id()];
    t->next = NULL;
    if (!l->first)
        l->last = &l->first;
    *l->last = t;
    l->last = &t->next;
    irq_restore(f);
    softirq_raise(SOFTIRQ_TASK);
}

/* A task that is kicked again by its own function runs in the next round. */
static void run_tasks(void)
{
    struct task_list *l = &task_list[cpu_id()];
    irqflags_t f = irq_save();
    struct task *t = l->first, *next;

    l->first = NULL;
    irq_restore(f);
    for (; t; t = next) {
        next = t->next;
        atomic_store(&t->queued, 0);
        t->fn(t->arg); /* may free t */
    }
}
