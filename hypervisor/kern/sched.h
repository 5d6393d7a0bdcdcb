/* SPDX-License-Identifier: MIT */
/* The scheduler: which vCPU runs where. Work-conserving, weights, caps, hard and soft
 * affinity. */
#ifndef KERN_SCHED_H
#define KERN_SCHED_H

#include "kern/vcpu.h"

extern const struct room sched_room;
void sched_init(void); /* boot CPU: run queues, the idle domain and its vCPUs' array */
/* created by sched_init for every CPU of cpu_count() */
struct vcpu *sched_idle_vcpu(unsigned cpu);
/* this CPU becomes its idle vCPU and runs what is there */
_Noreturn void sched_start(void);
void vcpu_yield(void); /* current gives way */
/* -EINVAL: no online CPU of its pool in it */
int sched_set_hard_affinity(struct vcpu *v, cpumask_t m);
int sched_set_soft_affinity(struct vcpu *v, cpumask_t m);
/* Its domain's pool has other CPUs now. Hard affinity with none of them is lost. */
void sched_pool_changed(struct vcpu *v);
/* SCHEDOP_pin_override: for a time only on that CPU; negative: back. -EBUSY: is already,
 * -EINVAL: was not. */
int sched_pin_override(struct vcpu *v, int cpu);
/* brought up to now */
void sched_runstate_of(struct vcpu *v, struct hv_vcpu_runstate_info *out);
uint64_t sched_cpu_idle_ns(unsigned cpu); /* for sysctl getcpuinfo */
/* credit2's parameters through domctl/sysctl scheduler_op (layout: abi/domctl.h). */
struct hv_domctl_scheduler_op;
struct hv_sysctl_scheduler_op;
int sched_domctl(struct domain *d, struct hv_domctl_scheduler_op *op);
int sched_sysctl(struct hv_sysctl_scheduler_op *op);
void sched_set_weight(struct domain *d, unsigned weight); /* 1 to 65535 */
void sched_set_cap(struct domain *d, unsigned cap); /* percent of one CPU, 0: none */
void sched_get_params(const struct domain *d, unsigned *weight, unsigned *cap);
int must_check sched_unit_init(struct vcpu *v); /* between the scheduler's files */
void sched_place_new(struct vcpu *v);
void sched_dump(void); /* debug key: who runs, who waits */
/* Called with irqs off when v starts to run and when it stops; in the second case v is
 * still current and its address space loaded. guest/time.c copies it to the guest. */
extern void (*sched_runstate_changed)(struct vcpu *v);

#endif
