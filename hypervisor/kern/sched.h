/* SPDX-License-Identifier: MIT */
/* The scheduler: which vCPU runs where. Work-conserving, weights, caps, hard and soft affinity. */
#ifndef KERN_SCHED_H
#define KERN_SCHED_H

#include "kern/vcpu.h"

extern const struct room sched_room;
void sched_init(void);                  /* boot CPU: run queues, the idle domain and its vCPUs' array */
struct vcpu *sched_idle_vcpu(unsigned cpu); /* created by sched_init for every CPU of cpu_count() */
_Noreturn void sched_start(void);       /* this CPU becomes its idle vCPU and runs what is there */
void sched_yield(void);                 /* current gives way */
int sched_set_hard_affinity(struct vcpu *v, cpumask_t m); /* -EINVAL: no online CPU in it */
int sched_set_soft_affinity(struct vcpu *v, cpumask_t m);
void sched_runstate_of(struct vcpu *v, struct hv_vcpu_runstate_info *out); /* brought up to now */
uint64_t sched_cpu_idle_ns(unsigned cpu); /* for sysctl getcpuinfo */
/* credit2's parameters through domctl/sysctl scheduler_op (layout: abi/domctl.h). */
struct hv_domctl_scheduler_op;
struct hv_sysctl_scheduler_op;
int sched_domctl(struct domain *d, struct hv_domctl_scheduler_op *op);
int sched_sysctl(struct hv_sysctl_scheduler_op *op);
extern void (*sched_runstate_changed)(struct vcpu *v); /* guest/time.c copies it to the guest on the way in */

#endif
