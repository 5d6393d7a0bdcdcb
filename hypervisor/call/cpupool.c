/* SPDX-License-Identifier: MIT */
/* sysctl cpupool_op: pools of CPUs. Callers hold the domctl lock. And CPUs that go
 * offline and come back. */
#include "kern/cpupool.h"
#include "call/domctl.h"
#include "call/sysctl.h"
#include "comm/event.h"

static int create(struct hv_sysctl_cpupool_op *op)
{
    return op->sched_id == HV_SCHEDULER_CREDIT2 ? cpupool_create(&op->cpupool_id)
                                                : -ENOENT;
}

/* That pool or the next one: tools walk all pools that way. */
static int info(struct hv_sysctl_cpupool_op *op)
{
    const struct cpupool *p = cpupool_get_next(op->cpupool_id);

    if (!p)
        return -ENOENT;
    op->cpupool_id = p->id;
    op->sched_id = HV_SCHEDULER_CREDIT2;
    op->n_dom = cpupool_domains(p);
    return bitmap_out(&op->cpumap, p->cpus & cpu_online());
}

static int move(struct hcall *h, struct cpupool *p, uint32_t id)
{
    struct domain *d = id < HV_DOMID_FIRST_RESERVED ? domain_get((domid_t)id) : NULL;
    int rc;

    if (!d)
        return -ESRCH;
    if (d == h->d)
        rc = -EPERM;
    else
        rc = cpupool_move_domain(d, p);
    domain_put(d);
    return rc;
}

static int change(struct hcall *h, struct hv_sysctl_cpupool_op *op)
{
    struct cpupool *p = cpupool_get(op->cpupool_id);

    if (!p)
        return -ENOENT;
    switch (op->op) {
    case HV_SYSCTL_CPUPOOL_OP_DESTROY:
        return cpupool_destroy(p);
    case HV_SYSCTL_CPUPOOL_OP_ADDCPU:
        return cpupool_add_cpu(p, op->cpu);
    case HV_SYSCTL_CPUPOOL_OP_RMCPU:
        return cpupool_remove_cpu(p, op->cpu);
    case HV_SYSCTL_CPUPOOL_OP_MOVEDOMAIN:
        return move(h, p, op->domid);
    default:
        return -ENOSYS;
    }
}

int cpu_set_online(unsigned cpu, bool online)
{
    int rc;

    if (!domctl_lock())
        return -ERESTART;
    rc = online ? cpupool_cpu_online(cpu) : cpupool_cpu_offline(cpu);
    domctl_unlock();
    if (!rc)
        evtchn_raise_global_virq(HV_VIRQ_PCPU_STATE);
    return rc;
}

int cpupool_sysctl(struct hcall *h, struct hv_sysctl_cpupool_op *op)
{
    switch (op->op) {
    case HV_SYSCTL_CPUPOOL_OP_CREATE:
        return create(op);
    case HV_SYSCTL_CPUPOOL_OP_INFO:
        return info(op);
    case HV_SYSCTL_CPUPOOL_OP_FREEINFO:
        return bitmap_out(&op->cpumap, cpupool_free_cpus());
    default:
        return change(h, op);
    }
}
