/* SPDX-License-Identifier: MIT */
/* vCPUs: the unit of scheduling. Field legend as in kern/domain.h. */
#ifndef KERN_VCPU_H
#define KERN_VCPU_H

#include "abi/vcpu.h"
#include "kern/domain.h"
#include "kern/timer.h"
#include "port/context.h"
#include "port/cpu.h"

/* Why a vCPU does not run: bits of vcpu.pause_flags. */
#define VPF_BLOCKED 1u /* SCHEDOP_block / poll: until an event */
#define VPF_DOWN    2u /* not initialised or VCPUOP_down */
#define VPF_POLLING 4u /* in SCHEDOP_poll */

struct vcpu {
    struct vcpu_hw hw;            /* must be first: entry code */
    struct domain *domain;        /* (c) */
    unsigned id;                  /* (c) */
    bool is_idle;                 /* (c) */
    bool initialised;             /* (d) has a context */
    _Atomic uint32_t pause_flags; /* (a) VPF_* */
    _Atomic int pauses;           /* (a) pause count */
    _Atomic bool running; /* (a) its state is in a CPU (cleared by sched_switched) */
    unsigned processor;   /* (s) where it runs or last ran */
    cpumask_t hard_affinity, soft_affinity; /* (s) */
    cpumask_t cpus; /* (s) those of hard_affinity that its domain's pool has */

    struct hv_vcpu_info *info; /* = hw.info */
    mfn_t info_mfn;            /* frame registered by the guest, or INVALID_MFN */
    struct hv_vcpu_runstate_info runstate; /* (s) */
    vaddr_t runstate_guest;                /* guest area, 0: none */
    struct timer periodic_timer, singleshot_timer, poll_timer;
    uint64_t periodic_period, periodic_last;
    unsigned poll_port; /* (r) comm: 0 none, ~0 many, else the port */

    struct evtchn_vcpu *evtchn; /* (r) comm */
    struct mm_vcpu *mm;         /* (r) mm */
    struct pv_vcpu *pv;         /* (r) guest/pv */
    struct time_vcpu *time;     /* (r) guest/time.c */
    struct sched_unit *sched;   /* (r) kern/sched_credit.c */
};

/* Stands in for the shared info of vCPUs beyond HV_LEGACY_MAX_VCPUS until they register
 * their own. */
extern struct hv_vcpu_info vcpu_dummy_info;
void vcpu_free(struct vcpu *v); /* domain.c: with its domain */

static inline struct vcpu *domain_vcpu(const struct domain *d, unsigned id) /* or NULL */
{
    return id < d->max_vcpus ? d->vcpu[id] : NULL;
}

/* d->vcpu[id] comes to be: down, uninitialised, all rooms initialised. */
int must_check vcpu_create(struct domain *d, unsigned id, struct vcpu **out);
/* waits until it does not run; not for the current one */
void vcpu_pause(struct vcpu *v);
void vcpu_pause_nosync(struct vcpu *v);
void vcpu_unpause(struct vcpu *v);
/* pause_flags/pauses changed: run it if nothing forbids */
void vcpu_wake(struct vcpu *v);
/* the same when it may have to stop: does not wait for that */
void vcpu_sleep_nosync(struct vcpu *v);
/* waits until it does not run; flags were set before */
void vcpu_sleep_sync(struct vcpu *v);
void vcpu_unblock(struct vcpu *v); /* an event came: clears VPF_BLOCKED, wakes */
/* unblock; if it runs on another CPU make it look at its events */
void vcpu_kick(struct vcpu *v);
/* its NMI callback is due; the CPU it runs on takes the long way out to see it */
void vcpu_nmi(struct vcpu *v);
/* current: SCHEDOP_block: unmasks events, sleeps if none pending */
void vcpu_block(struct vcpu *v);
static inline bool vcpu_runnable(const struct vcpu *v)
{
    return v->pause_flags == 0 && v->pauses == 0 && v->domain->pauses == 0;
}

#endif
