/* SPDX-License-Identifier: MIT */
/* The scheduler: which vCPU runs where. Work-conserving, weights, caps, hard and soft affinity. */
#ifndef KERN_SCHED_H
#define KERN_SCHED_H

#include "kern/vcpu.h"

extern const struct room sched_room;
void sched_init(void);                  /* boot CPU: run queues, the idle domain and its vCPUs' array */
struct vcpu *sched_idle_vcpu(unsigned cpu); /* created by sched_init for every CPU of cpu_count() */
_Noreturn void sched_start(void);       /* this CPU becomes its idle vCPU and runs what is there */
void vcpu_yield(void);                 /* current gives way */
int sched_set_hard_affinity(struct vcpu *v, cpumask_t m); /* -EINVAL: no online CPU in it */
int sched_set_soft_affinity(struct vcpu *v, cpumask_t m);
/* SCHEDOP_pin_override: for a time only on that CPU; negative: back. -EBUSY: is already, -EINVAL: was not. */
int sched_pin_override(struct vcpu *v, int cpu);
void sched_runstate_of(struct vcpu *v, struct hv_vcpu_runstate_info *out); /* brought up to now */
uint64_t sched_cpu_idle_ns(unsigned cpu); /* for sysctl getcpuinfo */
/* credit2's parameters through domctl/sysctl scheduler_op (layout: abi/domctl.h). */
struct hv_domctl_scheduler_op;
struct hv_sysctl_scheduler_op;
int sched_domctl(struct domain *d, struct hv_domctl_scheduler_op *op);
int sched_sysctl(struct hv_sysctl_scheduler_op *op);
void sched_set_weight(struct domain *d, unsigned weight); /* 1 to 65535 */
void sched_set_cap(struct domain *d, unsigned cap);       /* percent of one CPU, 0: none */
void sched_get_params(const struct domain *d, unsigned *weight, unsigned *cap);
int must_check sched_unit_init(struct vcpu *v);           /* between the scheduler's files */
void sched_place_new(struct vcpu *v);
/* Called with irqs off when v starts to run and when it stops; in the second case v is still current and
 * its address space loaded. */
extern void (*sched_runstate_changed)(struct vcpu *v); /* guest/time.c copies it to the guest on the way in */

#endif
