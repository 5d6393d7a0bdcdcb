/* SPDX-License-Identifier: MIT */
/* Between sched.c (who runs, sleeps, is switched) and sched_credit.c (who comes next).
 * Everything here is called with the run queue's lock held. */
#ifndef KERN_SCHED_CREDIT_H
#define KERN_SCHED_CREDIT_H

#include "kern/sched.h"
#include "lib/list.h"

/* CPUs that share a queue: few enough for its lock, many enough to be fair */
#define RUNQ_CPUS            8
#define SCHED_WEIGHT_DEFAULT 256
#define CREDIT_INIT          10000000ll /* ns: what a reset gives */
#define SLICE_MIN            500000ull
#define SLICE_MAX            10000000ull
#define NO_DEADLINE          (~0ull)

struct runq {
    spinlock_t lock;        /* RANK_SCHED, irqs masked */
    struct list_head queue; /* by falling credit; nobody in it runs anywhere */
    cpumask_t cpus;
    unsigned nr_queued;
    unsigned nr_running; /* CPUs that run a vCPU which is not idle */
    int64_t given;       /* sum of all resets, see credit_settle() */
} __attribute__((aligned(CACHE_LINE)));

struct sched_cpu {
    struct vcpu *curr; /* chosen to run here; becomes cpu_current() with the switch */
    struct vcpu *idle;
    struct runq *rq;
    struct timer slice;
} __attribute__((aligned(CACHE_LINE)));
extern struct sched_cpu sched_cpu[HV_MAX_CPUS];

struct sched_unit {
    struct vcpu *vcpu;
    struct list_head queue;
    bool queued;
    bool parked; /* runnable, but its domain's cap is used up */
    bool yielding;
    bool pinned; /* SCHEDOP_pin_override; saved_affinity comes back */
    int64_t credit;
    int64_t given;      /* runq.given when credit was last brought up to date */
    uint64_t burned_to; /* running: credit is accounted up to here */
    uint64_t since;     /* running: it got the CPU */
    uint64_t woke;      /* when it woke somebody who waits for its CPU; 0: it did not */
    uint8_t habit;      /* so often in a row it slept soon after that */
    uint8_t trust;      /* so often it is believed to do so without a look */
    cpumask_t saved_affinity;
};

struct sched_domain {
    uint16_t weight, cap;   /* written under the domctl's lock, read by all ... */
    unsigned ratelimit_us;  /* ... as this is: the pool's */
    struct cpupool *pool;   /* under the domctl's lock */
    _Atomic int64_t budget; /* ns of CPU time left in this period */
    _Atomic bool refilling; /* timer is set */
    struct timer refill;
    struct domain *domain;
};

void credit_enqueue(struct runq *rq, struct vcpu *v);
void credit_dequeue(struct runq *rq, struct vcpu *v);
/* v runs on a CPU of rq */
void credit_burn(struct runq *rq, struct vcpu *v, uint64_t now);
/* May it not run for want of budget? Then it is marked parked until the refill. */
bool credit_park(struct vcpu *v);
/* The best for this CPU: prev (if it may go on), one taken off the queue, or NULL. */
struct vcpu *credit_pick(struct runq *rq, unsigned cpu, struct vcpu *prev, uint64_t now);
/* one for an idle CPU of another queue */
struct vcpu *credit_steal(struct runq *from, unsigned cpu);
/* When the slice of v, just chosen, ends. */
uint64_t credit_slice_end(struct runq *rq, struct vcpu *v, struct vcpu *prev,
                          uint64_t now);
/* The CPU of rq whose vCPU deserves less than the queued v; *at: when it should give way
 * (0: now). */
int credit_victim(struct runq *rq, struct vcpu *v, uint64_t now, uint64_t *at);
/* u, which runs, has woken somebody who should have its CPU later: true if it makes way
 * at once, as one who yields. And u is about to sleep. */
bool credit_makes_way(struct sched_unit *u, uint64_t now);
void credit_sleeps(struct sched_unit *u, uint64_t now);
void credit_leave(struct runq *rq, struct vcpu *v); /* v leaves the queue's care ... */
void credit_join(struct runq *rq, struct vcpu *v);  /* ... for another's */
/* In sched.c; they take the lock themselves. */
void sched_unpark(struct vcpu *v);
void sched_account(struct vcpu *v); /* burns what it has run so far */

#endif
