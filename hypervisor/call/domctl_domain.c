/* SPDX-License-Identifier: MIT */
/* domctl commands about whole domains. */
#include "call/domctl.h"
#include "comm/event.h"
#include "guest/policy.h"
#include "guest/pv/domain.h"
#include "guest/time.h"
#include "kern/cpupool.h"
#include "kern/heap.h"
#include "kern/sched.h"
#include "lib/string.h"
#include "mm/page.h"
#include "port/clock.h"

#define MAX_VCPUS                                                                        \
    512u /* of one PV guest: a window of descriptor tables each (port/layout.h) */

static int check_create(const struct hv_domctl_createdomain *c)
{
    if (c->flags & ~(uint32_t)(HV_DOMCTL_CDF_MAX | (HV_DOMCTL_CDF_MAX - 1)))
        return -EINVAL;
    if (c->flags & HV_DOMCTL_CDF_HVM)
        return -EOPNOTSUPP; /* no VT-x/SVM guests yet */
    if (c->flags & (HV_DOMCTL_CDF_HAP | HV_DOMCTL_CDF_NESTED_VIRT | HV_DOMCTL_CDF_IOMMU))
        return -EINVAL;
    if (c->max_vcpus == 0 || c->max_vcpus > MAX_VCPUS)
        return -EINVAL;
    if (c->arch.emulation_flags ||
        (c->arch.misc_flags & ~(uint32_t)HV_X86_MISC_FLAGS_MAX))
        return -EINVAL;
    return 0;
}

DOMCTL(domctl_create)
{
    struct hv_domctl_createdomain *c = &op->u.createdomain;
    domid_t id = op->domain;
    int rc = check_create(c);

    if (rc)
        return rc;
    /* A taken id in the valid range is an error; 0 and the reserved ones mean "any". */
    if (id == 0 || id >= HV_DOMID_FIRST_RESERVED)
        id = HV_DOMID_INVALID;
    rc = domain_create(id, c, &d);
    if (rc)
        return rc;
    memcpy(d->handle, c->handle, sizeof(d->handle));
    time_domain_wallclock(d);
    op->domain = d->id;
    domain_put(d);
    return 0;
}

DOMCTL(domctl_destroy)
{
    return d == h->d || d->privileged ? -EINVAL : domain_kill(d);
}

DOMCTL(domctl_pause)
{
    return d == h->d ? -EINVAL : domain_pause_by_controller(d);
}

DOMCTL(domctl_unpause)
{
    return domain_unpause_by_controller(d);
}

DOMCTL(domctl_resume)
{
    return d == h->d ? -EINVAL : domain_resume(d);
}

DOMCTL(domctl_max_vcpus)
{
    struct vcpu *v;
    int rc;

    if (d == h->d || op->u.max_vcpus.max != d->max_vcpus)
        return -EINVAL;
    for (unsigned i = 0; i < d->max_vcpus; i++)
        if (!d->vcpu[i] && (rc = vcpu_create(d, i, &v)))
            return rc;
    return 0;
}

DOMCTL(domctl_max_mem)
{
    uint64_t pages = op->u.max_mem.max_memkb >> (PAGE_SHIFT - 10);

    return dom_set_max_pages(d, pages);
}

DOMCTL(domctl_set_handle)
{
    spin_lock(&d->lock);
    memcpy(d->handle, op->u.setdomainhandle.handle, sizeof(d->handle));
    spin_unlock(&d->lock);
    return 0;
}

DOMCTL(domctl_scheduler)
{
    return sched_domctl(d, &op->u.scheduler_op);
}

DOMCTL(domctl_set_time_offset)
{
    return time_set_offset(d, op->u.settimeoffset.time_offset_seconds);
}

DOMCTL(domctl_set_tsc)
{
    if (d == h->d || !d->pv)
        return -EINVAL;
    /* Every mode is native here: the TSC is reliable, so nothing needs trapping
     * (docs/ARCHITECTURE.md, "Time"). */
    if (op->u.tsc_info.tsc_mode > 3)
        return -EINVAL;
    d->pv->tsc_mode = op->u.tsc_info.tsc_mode;
    d->pv->tsc_incarnation = op->u.tsc_info.incarnation;
    return 0;
}

DOMCTL(domctl_get_tsc)
{
    struct hv_domctl_tsc_info *t = &op->u.tsc_info;

    if (!d->pv)
        return -EINVAL;
    t->tsc_mode = (uint32_t)d->pv->tsc_mode;
    t->gtsc_khz = (uint32_t)clock_tsc_khz();
    t->incarnation = (uint32_t)d->pv->tsc_incarnation;
    t->elapsed_nsec = clock_now();
    return 0;
}

DOMCTL(domctl_set_virq_handler)
{
    return evtchn_set_global_virq(d, op->u.set_virq_handler.virq);
}

DOMCTL(domctl_set_address_size)
{
    return op->u.address_size.size == 64 ? 0 : -EINVAL; /* 64-bit PV guests only */
}

DOMCTL(domctl_get_address_size)
{
    op->u.address_size.size = 64;
    return 0;
}

DOMCTL(domctl_accept)
{
    return 0;
}

DOMCTL(domctl_get_node_affinity)
{
    return bitmap_out(&op->u.nodeaffinity.nodemap, 1);
}

int domctl_put_policy(const struct vcpu *v, int kind, uint32_t *nr_leaves,
                      hv_handle_t leaves, uint32_t *nr_msrs)
{
    struct hv_cpuid_leaf *list;
    unsigned n;
    int rc = 0;

    list = heap_alloc(POLICY_MAX_LEAVES * sizeof(*list));
    if (!list)
        return -ENOMEM;
    n = policy_leaves(v, kind, list);
    if (leaves && *nr_leaves < n)
        rc = -ENOBUFS;
    else if (leaves && guest_write(leaves, list, n * sizeof(*list)))
        rc = -EFAULT;
    *nr_leaves = leaves ? n : POLICY_MAX_LEAVES;
    *nr_msrs = leaves ? 0 : 2; /* as many as tools make of it */
    heap_free(list);
    return rc;
}

DOMCTL(domctl_get_cpu_policy)
{
    struct hv_domctl_cpu_policy *p = &op->u.cpu_policy;
    const struct vcpu *v = d->max_vcpus && d->vcpu[0] ? d->vcpu[0] : h->v;

    return domctl_put_policy(v, POLICY_GUEST, &p->nr_leaves, p->leaves, &p->nr_msrs);
}

DOMCTL(domctl_set_cpu_policy)
{
    op->u.cpu_policy.err_leaf = op->u.cpu_policy.err_subleaf = op->u.cpu_policy.err_msr =
        ~0u;
    return d == h->d ? -EINVAL : 0; /* guests get the machine's features that PV allows;
                                       none is taken away */
}

DOMCTL(domctl_get_mempool)
{
    op->u.paging_mempool.size = 0;
    return 0;
}

DOMCTL(domctl_trigger)
{
    struct vcpu *v = domain_vcpu(d, op->u.sendtrigger.vcpu);

    if (!v)
        return -ESRCH;
    switch (op->u.sendtrigger.trigger) {
    case HV_DOMCTL_SENDTRIGGER_NMI:
        vcpu_nmi(v);
        return 0;
    case HV_DOMCTL_SENDTRIGGER_POWER: /* buttons of a firmware that PV guests have not */
    case HV_DOMCTL_SENDTRIGGER_SLEEP:
        return -EINVAL;
    default:
        return -ENOSYS;
    }
}

/* Cache monitoring and allocation: the hypervisor drives none. */
DOMCTL(domctl_no_device)
{
    return -ENODEV;
}

/* Flags and time over all vCPUs. */
static void sum_vcpus(struct domain *d, struct hv_domctl_getdomaininfo *i)
{
    bool all_blocked = true;

    i->max_vcpu_id = HV_INVALID_MAX_VCPU_ID;
    for (unsigned n = 0; n < d->max_vcpus; n++) {
        struct vcpu *v = d->vcpu[n];
        struct hv_vcpu_runstate_info r;

        if (!v)
            continue;
        i->max_vcpu_id = n;
        sched_runstate_of(v, &r);
        i->cpu_time += r.time[HV_RUNSTATE_RUNNING];
        if (v->pause_flags & VPF_DOWN)
            continue;
        i->nr_online_vcpus++;
        if (!(v->pause_flags & VPF_BLOCKED))
            all_blocked = false;
        if (v->running)
            i->flags |= HV_DOMINF_RUNNING;
    }
    if (all_blocked && i->nr_online_vcpus)
        i->flags |= HV_DOMINF_BLOCKED;
}

void domctl_fill_info(struct domain *d, struct hv_domctl_getdomaininfo *i)
{
    memset(i, 0, sizeof(*i));
    i->domain = d->id;
    sum_vcpus(d, i);
    i->flags |= (d->dying == DOM_DEAD ? HV_DOMINF_DYING : 0) |
                (d->is_shut_down ? HV_DOMINF_SHUTDOWN : 0) |
                (d->controller_pauses ? HV_DOMINF_PAUSED : 0) |
                (d->create_flags & HV_DOMCTL_CDF_XS_DOMAIN ? HV_DOMINF_XS_DOMAIN : 0);
    if (d->is_shut_down)
        i->flags |= ((uint32_t)d->shutdown_code & HV_DOMINF_SHUTDOWNMASK)
                    << HV_DOMINF_SHUTDOWNSHIFT;
    i->tot_pages = dom_tot_pages(d);
    i->max_pages = dom_max_pages(d);
    i->shr_pages = dom_shared_pages(d);
    i->shared_info_frame = d->shared_mfn.n;
    i->ssidref = d->ssidref;
    i->cpupool = cpupool_of(d)->id;
    memcpy(i->handle, d->handle, sizeof(i->handle));
    i->gpaddr_bits = 0;
}

/* The domain named, or the next one above it: tools walk all domains that way. */
DOMCTL(domctl_get_info)
{
    domid_t first = op->domain == HV_DOMID_SELF ? h->d->id : op->domain;

    if (first >= HV_DOMID_FIRST_RESERVED)
        return -EINVAL;
    d = domain_get_next(first);
    if (!d)
        return -ESRCH;
    domctl_fill_info(d, &op->u.getdomaininfo);
    op->domain = d->id;
    domain_put(d);
    return 0;
}
