/* SPDX-License-Identifier: MIT */
/* Timers: a heap per CPU, run from SOFTIRQ_TIMER. A timer's function runs on the timer's
 * CPU, irqs on, without locks; it may set the timer again. */
#ifndef KERN_TIMER_H
#define KERN_TIMER_H

#include "port/cpu.h"

struct timer {
    uint64_t expires; /* ns of clock_now() */
    void (*fn)(void *arg);
    void *arg;
    uint16_t cpu;
    uint16_t state; /* private, as all below: place in the heap */
    struct timer *child, *sibling, *back;
};

void timer_init(struct timer *t, void (*fn)(void *), void *arg, unsigned cpu);
void timer_set(struct timer *t, uint64_t expires); /* also moves a set timer */
void timer_stop(struct timer *t);   /* its function does not start after this returns */
void timer_kill(struct timer *t);   /* as stop, and waits for a running function */
bool timer_active(struct timer *t); /* set and not yet run */
void timer_migrate(struct timer *t, unsigned cpu);
void timer_subsys_init(void);
void timer_dump(void); /* debug key: what is set on each CPU */

#endif
