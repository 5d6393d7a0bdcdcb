/* SPDX-License-Identifier: MIT */
/* domctl commands about vCPUs. */
#include "call/domctl.h"
#include "guest/pv/domain.h"
#include "kern/heap.h"
#include "kern/sched.h"
#include "lib/string.h"

int bitmap_in(const struct hv_ctl_bitmap *b, cpumask_t *m)
{
    uint64_t bits = 0;
    size_t n = MIN((b->nr_bits + 7) / 8, sizeof(bits));

    if (n && guest_read(&bits, b->bitmap, n))
        return -EFAULT;
    if (b->nr_bits < 64)
        bits &= (1ull << b->nr_bits) - 1;
    *m = bits;
    return 0;
}

int bitmap_out(const struct hv_ctl_bitmap *b, cpumask_t m)
{
    static const uint8_t zero[64];
    size_t want = (b->nr_bits + 7) / 8, n = MIN(want, sizeof(m));

    if (b->nr_bits < 64)
        m &= (1ull << b->nr_bits) - 1;
    if (n && guest_write(b->bitmap, &m, n))
        return -EFAULT;
    for (size_t at = n; at < want; at += sizeof(zero))
        if (guest_write(b->bitmap + at, zero, MIN(want - at, sizeof(zero))))
            return -EFAULT;
    return 0;
}

DOMCTL(domctl_set_context)
{
    struct vcpu *v = domain_vcpu(d, op->u.vcpucontext.vcpu);
    struct hv_vcpu_guest_context *c;
    int rc;

    if (d == h->d || !d->pv || !v)
        return -EINVAL;
    if (!op->u.vcpucontext.ctxt)
        return -EOPNOTSUPP; /* reset of a vCPU */
    c = heap_new(struct hv_vcpu_guest_context);
    if (!c)
        return -ENOMEM;
    rc = copy_in(c, op->u.vcpucontext.ctxt);
    if (!rc) {
        domain_pause(d);
        rc = pv_set_context(v, c);
        domain_unpause(d);
    }
    heap_free(c);
    return rc;
}

DOMCTL(domctl_get_context)
{
    struct vcpu *v = domain_vcpu(d, op->u.vcpucontext.vcpu);
    struct hv_vcpu_guest_context *c;
    int rc;

    if (d == h->d || !d->pv)
        return -EINVAL;
    if (!v)
        return -ESRCH;
    if (!v->initialised)
        return -ENODATA;
    c = heap_new(struct hv_vcpu_guest_context);
    if (!c)
        return -ENOMEM;
    domain_pause(d);
    pv_get_context(v, c);
    domain_unpause(d);
    rc = copy_out(op->u.vcpucontext.ctxt, c) ? -EFAULT : 0;
    heap_free(c);
    return rc;
}

/* Commands that tell a number out of range from a vCPU that is not there. */
static int created_vcpu(struct domain *d, unsigned id, struct vcpu **v)
{
    *v = domain_vcpu(d, id);
    return *v ? 0 : id >= d->max_vcpus ? -EINVAL : -ESRCH;
}

DOMCTL(domctl_vcpu_info)
{
    struct hv_domctl_getvcpuinfo *i = &op->u.getvcpuinfo;
    struct hv_vcpu_runstate_info r;
    struct vcpu *v;
    int rc = created_vcpu(d, i->vcpu, &v);

    if (rc)
        return rc;
    sched_runstate_of(v, &r);
    i->online = !(v->pause_flags & VPF_DOWN);
    i->blocked = !!(v->pause_flags & VPF_BLOCKED);
    i->running = v->running;
    i->cpu_time = r.time[HV_RUNSTATE_RUNNING];
    i->cpu = v->processor;
    return 0;
}

static int affinity_vcpu(struct domain *d, const struct hv_domctl_vcpuaffinity *a,
                         struct vcpu **v)
{
    if (!(a->flags & (HV_VCPUAFFINITY_HARD | HV_VCPUAFFINITY_SOFT)))
        return -EINVAL;
    return created_vcpu(d, a->vcpu, v);
}

DOMCTL(domctl_set_affinity)
{
    struct hv_domctl_vcpuaffinity *a = &op->u.vcpuaffinity;
    cpumask_t hard, soft;
    struct vcpu *v;
    int rc = affinity_vcpu(d, a, &v);

    if (rc)
        return rc;
    if (a->flags & HV_VCPUAFFINITY_HARD) {
        rc = bitmap_in(&a->cpumap_hard, &hard);
        if (!rc)
            rc = sched_set_hard_affinity(v, hard);
        if (!rc)
            rc = bitmap_out(&a->cpumap_hard, v->cpus & cpu_online());
    }
    if (!rc && (a->flags & HV_VCPUAFFINITY_SOFT)) {
        rc = bitmap_in(&a->cpumap_soft, &soft);
        if (!rc)
            rc = sched_set_soft_affinity(v, soft);
        if (!rc)
            rc = bitmap_out(&a->cpumap_soft, v->soft_affinity & v->cpus & cpu_online());
    }
    return rc;
}

DOMCTL(domctl_get_affinity)
{
    struct hv_domctl_vcpuaffinity *a = &op->u.vcpuaffinity;
    struct vcpu *v;
    int rc = affinity_vcpu(d, a, &v);

    if (rc)
        return rc;
    if (a->flags & HV_VCPUAFFINITY_HARD)
        rc = bitmap_out(&a->cpumap_hard, v->hard_affinity);
    if (!rc && (a->flags & HV_VCPUAFFINITY_SOFT))
        rc = bitmap_out(&a->cpumap_soft, v->soft_affinity);
    return rc;
}

DOMCTL(domctl_set_ext_context)
{
    struct hv_domctl_ext_vcpucontext *e = &op->u.ext_vcpucontext;
    struct vcpu *v = domain_vcpu(d, e->vcpu);

    if (!v)
        return -ESRCH;
    if (d == h->d || e->size < offsetof(struct hv_domctl_ext_vcpucontext, vmce) ||
        !pv_is_canonical(e->syscall32_callback_eip) ||
        !pv_is_canonical(e->sysenter_callback_eip))
        return -EINVAL;
    domain_pause(d);
    v->hw.syscall32_ip = e->syscall32_callback_eip;
    v->hw.syscall32_cs = e->syscall32_callback_cs;
    v->hw.syscall32_masks_events = !!e->syscall32_disables_events;
    v->hw.sysenter_ip = e->sysenter_callback_eip;
    v->hw.sysenter_cs = e->sysenter_callback_cs;
    v->hw.sysenter_masks_events = !!e->sysenter_disables_events;
    domain_unpause(d);
    return 0;
}

DOMCTL(domctl_get_ext_context)
{
    struct hv_domctl_ext_vcpucontext *e = &op->u.ext_vcpucontext;
    uint32_t id = e->vcpu;
    struct vcpu *v = domain_vcpu(d, id);

    if (!v)
        return -ESRCH;
    if (d == h->d)
        return -EINVAL;
    memset(e, 0, sizeof(*e));
    e->vcpu = id;
    e->size = sizeof(*e);
    e->syscall32_callback_eip = v->hw.syscall32_ip;
    e->syscall32_callback_cs = (uint16_t)v->hw.syscall32_cs;
    e->syscall32_disables_events = v->hw.syscall32_masks_events;
    e->sysenter_callback_eip = v->hw.sysenter_ip;
    e->sysenter_callback_cs = (uint16_t)v->hw.sysenter_cs;
    e->sysenter_disables_events = v->hw.sysenter_masks_events;
    return 0;
}
