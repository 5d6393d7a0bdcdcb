/* SPDX-License-Identifier: MIT */
/* vcpu_op and set_timer_op. */
#include "abi/vcpu.h"
#include "abi/sched.h"
#include "call/call.h"
#include "comm/event.h"
#include "guest/pv/domain.h"
#include "guest/time.h"
#include "kern/heap.h"
#include "kern/sched.h"
#include "mm/page.h"
#include "port/clock.h"
#include "port/map.h"
#include "lib/string.h"

static long initialise(struct vcpu *v, vaddr_t arg)
{
    struct hv_vcpu_guest_context *c;
    long rc;

    /* Without its own vcpu_info a vCPU beyond the shared page's could never hear an
     * event. */
    if (v->id >= HV_LEGACY_MAX_VCPUS && v->info_mfn.n == INVALID_MFN.n)
        return -EINVAL;
    c = heap_new(struct hv_vcpu_guest_context);
    if (!c)
        return -ENOMEM;
    if (copy_in(c, arg)) {
        heap_free(c);
        return -EFAULT;
    }
    spin_lock(&v->domain->lock);
    rc = v->initialised ? -EEXIST : pv_set_context(v, c);
    spin_unlock(&v->domain->lock);
    heap_free(c);
    return rc == -ERESTART ? HCALL_AGAIN : rc;
}

static long up(struct vcpu *v)
{
    if (!v->initialised)
        return -EINVAL;
    if (__atomic_fetch_and(&v->pause_flags, ~VPF_DOWN, __ATOMIC_SEQ_CST) & VPF_DOWN)
        vcpu_wake(v);
    return 0;
}

static long down(struct domain *d, struct vcpu *v)
{
    unsigned others = 0;

    for (unsigned i = 0; i < d->max_vcpus; i++)
        if (d->vcpu[i] && d->vcpu[i] != v && !(d->vcpu[i]->pause_flags & VPF_DOWN))
            others++;
    if (!others) { /* the last one to go takes the domain along */
        domain_shutdown(d, HV_SHUTDOWN_POWEROFF);
        return 0;
    }
    if (!(__atomic_fetch_or(&v->pause_flags, VPF_DOWN, __ATOMIC_SEQ_CST) & VPF_DOWN))
        vcpu_sleep_nosync(v); /* two that waited for each other would do so for ever */
    return 0;
}

/* The guest names a frame of its own that shall hold vcpu_info from now on; once only. */
static long register_info(struct vcpu *v, const struct hv_vcpu_register_vcpu_info *a)
{
    struct page *pg;
    struct hv_vcpu_info *to, *old = v->hw.info;

    if (a->offset > PAGE_SIZE - sizeof(struct hv_vcpu_info) || (a->offset & 7))
        return -EINVAL;
    if (v->info_mfn.n != INVALID_MFN.n)
        return -EINVAL;
    if (v != cpu_current() && !(v->pause_flags & VPF_DOWN))
        return -EINVAL;
    if (!mfn_valid(mk_mfn(a->mfn)))
        return -EINVAL;
    pg = page_of(mk_mfn(a->mfn));
    if (!page_get_and_type(pg, v->domain, PGT_WRITABLE))
        return -EINVAL;
    to = (void *)((char *)map_mfn(mk_mfn(a->mfn)) + a->offset);
    memcpy(to, old, sizeof(*to));
    if (v->id >= HV_LEGACY_MAX_VCPUS)
        to->evtchn_upcall_mask = 1;
    v->info_mfn = mk_mfn(a->mfn);
    v->info = v->hw.info = to;
    if (v == cpu_current())
        ctx_load_info(&v->hw);
    time_update_vcpu(v);
    /* What was pending at the old place may have been missed: let the vCPU look at
     * everything. */
    to->evtchn_pending_sel = ~0ul;
    to->evtchn_upcall_pending = 1;
    return 0;
}

static long runstate(struct vcpu *v, vaddr_t arg)
{
    struct hv_vcpu_runstate_info r;

    sched_runstate_of(v, &r);
    return copy_out(arg, &r) ? -EFAULT : 0;
}

static long set_singleshot(struct vcpu *v, vaddr_t arg)
{
    struct hv_vcpu_set_singleshot_timer s;

    if (v != cpu_current())
        return -EINVAL;
    if (copy_in(&s, arg))
        return -EFAULT;
    return time_set_singleshot(v, s.timeout_abs_ns, s.flags & HV_VCPU_SSHOTTMR_FUTURE);
}

static long set_periodic(struct vcpu *v, vaddr_t arg)
{
    struct hv_vcpu_set_periodic_timer p;

    if (copy_in(&p, arg))
        return -EFAULT;
    return time_set_periodic(v, p.period_ns);
}

static long register_area(struct vcpu *v, unsigned op, vaddr_t arg)
{
    uint64_t addr;

    if (copy_in(&addr, arg))
        return -EFAULT;
    return op == HV_VCPUOP_REGISTER_RUNSTATE_MEMORY_AREA ? time_register_runstate(v, addr)
                                                         : time_register_area(v, addr);
}

static long get_physid(struct vcpu *v, vaddr_t arg)
{
    struct hv_vcpu_get_physid p = {.phys_id = ((uint64_t)v->id << 32) | v->id};

    if (!v->domain->privileged)
        return -EPERM;
    return copy_out(arg, &p) ? -EFAULT : 0;
}

static long send_nmi(struct vcpu *v)
{
    vcpu_nmi(v);
    return 0;
}

static long register_info_arg(struct vcpu *v, vaddr_t arg)
{
    struct hv_vcpu_register_vcpu_info i;
    long rc;

    if (copy_in(&i, arg))
        return -EFAULT;
    spin_lock(&v->domain->lock);
    rc = register_info(v, &i);
    spin_unlock(&v->domain->lock);
    return rc;
}

HCALL(call_vcpu_op)
{
    unsigned cmd = (unsigned)h->arg[0];
    struct vcpu *v = domain_vcpu(h->d, (unsigned)h->arg[1]);
    vaddr_t arg = h->arg[2];

    if (!v)
        return -ENOENT;
    switch (cmd) {
    case HV_VCPUOP_INITIALISE:
        return initialise(v, arg);
    case HV_VCPUOP_UP:
        return up(v);
    case HV_VCPUOP_DOWN:
        return down(h->d, v);
    case HV_VCPUOP_IS_UP:
        return !(v->pause_flags & VPF_DOWN);
    case HV_VCPUOP_GET_RUNSTATE_INFO:
        return runstate(v, arg);
    case HV_VCPUOP_SET_PERIODIC_TIMER:
        return set_periodic(v, arg);
    case HV_VCPUOP_STOP_PERIODIC_TIMER:
        time_stop_periodic(v);
        return 0;
    case HV_VCPUOP_SET_SINGLESHOT_TIMER:
        return set_singleshot(v, arg);
    case HV_VCPUOP_STOP_SINGLESHOT_TIMER:
        if (v != cpu_current())
            return -EINVAL;
        time_stop_singleshot(v);
        return 0;
    case HV_VCPUOP_REGISTER_VCPU_INFO:
        return register_info_arg(v, arg);
    case HV_VCPUOP_SEND_NMI:
        return send_nmi(v);
    case HV_VCPUOP_GET_PHYSID:
        return get_physid(v, arg);
    case HV_VCPUOP_REGISTER_RUNSTATE_MEMORY_AREA:
    case HV_VCPUOP_REGISTER_VCPU_TIME_MEMORY_AREA:
        return register_area(v, cmd, arg);
    default:
        return -ENOSYS;
    }
}

HCALL(call_set_timer_op)
{
    uint64_t when = h->arg[0];

    if (when == 0) {
        time_stop_singleshot(h->v);
        return 0;
    }
    return time_set_singleshot(h->v, when, false);
}
