/* SPDX-License-Identifier: MIT */
/* Domains for tests of the scheduler: their vCPUs do nothing but run. */
#ifndef SCHED_WORLD_H
#define SCHED_WORLD_H

#include "abi/domctl.h"
#include "host/host.h"
#include "kern/sched.h"
#include "lib/errno.h"
#include "unit.h"

static inline struct domain *make_in(unsigned pool, unsigned vcpus)
{
    struct hv_domctl_createdomain c = {.max_vcpus = vcpus, .cpupool_id = pool};
    struct domain *d;
    struct vcpu *v;

    ck_assert_int_eq(domain_create(HV_DOMID_INVALID, &c, &d), 0);
    for (unsigned i = 0; i < vcpus; i++)
        ck_assert_int_eq(vcpu_create(d, i, &v), 0);
    return d;
}

static inline void start(struct domain *d)
{
    for (unsigned i = 0; i < d->max_vcpus; i++)
        d->vcpu[i]->pause_flags = 0;
    domain_unpause_by_controller(d);
    host_settle();
}

/* For how long its vCPUs have run, in ns. */
static inline uint64_t ran(struct domain *d)
{
    struct hv_vcpu_runstate_info r;
    uint64_t sum = 0;

    for (unsigned i = 0; i < d->max_vcpus; i++) {
        sched_runstate_of(d->vcpu[i], &r);
        sum += r.time[HV_RUNSTATE_RUNNING];
    }
    return sum;
}

#endif
