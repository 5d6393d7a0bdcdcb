/* SPDX-License-Identifier: MIT */
/* Work put off from interrupts to the way out to the guest (or the idle loop), per CPU.
 */
#ifndef KERN_SOFTIRQ_H
#define KERN_SOFTIRQ_H

#include "port/cpu.h"

enum softirq {
    SOFTIRQ_TIMER,
    SOFTIRQ_SCHEDULE,
    SOFTIRQ_TASK,
    SOFTIRQ_RCU,
    SOFTIRQ_EXIT, /* no work: has the CPU leave its hypercall the long way */
    SOFTIRQ_COUNT
};

/* Pending bits, one cache line a CPU; entry code reads them on the way out. */
struct softirq_cpu {
    _Atomic uint32_t pending;
} __attribute__((aligned(CACHE_LINE)));
extern struct softirq_cpu softirq_cpu[HV_MAX_CPUS];

void softirq_register(enum softirq nr, void (*fn)(void));
void softirq_raise(enum softirq nr); /* on this CPU */
/* on another, poked when it needs to be */
void softirq_raise_cpu(unsigned cpu, enum softirq nr);
void softirq_run(void); /* irqs on; runs until none is pending */
static inline bool softirq_pending(void)
{
    return softirq_cpu[cpu_id()].pending != 0;
}

/* A piece of work that runs once per kick, on the CPU that kicked it (SOFTIRQ_TASK). */
struct task {
    struct task *next;
    _Atomic uint32_t queued;
    void (*fn)(void *arg);
    void *arg;
};
void task_init(struct task *t, void (*fn)(void *), void *arg);
void task_kick(struct task *t);

#endif
