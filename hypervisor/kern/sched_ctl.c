/* SPDX-License-Identifier: MIT */
/* The scheduler's parameters as tools see them: credit2's layout and bounds. Callers hold
 * the domctl lock. */
#include "abi/domctl.h"
#include "abi/sysctl.h"
#include "kern/cpupool.h"
#include "kern/sched.h"
#include "lib/errno.h"

static unsigned nr_vcpus(const struct domain *d)
{
    unsigned n = 0;

    for (unsigned i = 0; i < d->max_vcpus; i++)
        n += d->vcpu[i] != NULL;
    return n;
}

int sched_domctl(struct domain *d, struct hv_domctl_scheduler_op *op)
{
    unsigned weight, cap;

    if (op->sched_id != HV_SCHEDULER_CREDIT2)
        return -EINVAL;
    sched_get_params(d, &weight, &cap);
    switch (op->cmd) {
    case HV_DOMCTL_SCHEDOP_GETINFO:
        op->u.credit2.weight = (uint16_t)weight;
        op->u.credit2.cap = (uint16_t)cap;
        return 0;
    case HV_DOMCTL_SCHEDOP_PUTINFO:
        if (op->u.credit2.cap > 100 * nr_vcpus(d))
            return -EINVAL;
        if (op->u.credit2.weight) /* 0: leave it */
            sched_set_weight(d, op->u.credit2.weight);
        if (op->u.credit2.cap != cap)
            sched_set_cap(d, op->u.credit2.cap);
        return 0;
    default:
        return -EINVAL;
    }
}

int sched_sysctl(struct hv_sysctl_scheduler_op *op)
{
    struct hv_sysctl_credit2_schedule *s = &op->u.sched_credit2;
    struct cpupool *p = cpupool_get(op->cpupool_id);

    if (!p)
        return -ESRCH;
    if (op->sched_id != HV_SCHEDULER_CREDIT2)
        return -EINVAL;
    switch (op->cmd) {
    case HV_SYSCTL_SCHEDOP_PUTINFO:
        if (s->ratelimit_us && (s->ratelimit_us > HV_SYSCTL_SCHED_RATELIMIT_MAX ||
                                s->ratelimit_us < HV_SYSCTL_SCHED_RATELIMIT_MIN))
            return -EINVAL;
        cpupool_set_ratelimit(p, s->ratelimit_us);
        return 0;
    case HV_SYSCTL_SCHEDOP_GETINFO:
        s->ratelimit_us = p->ratelimit_us;
        return 0;
    default:
        return -EINVAL;
    }
}
