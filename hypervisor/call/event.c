/* SPDX-License-Identifier: MIT */
/* event_channel_op, in its present form and the old one that wraps command and argument
 * in one structure. */
#include "abi/event_channel.h"
#include "call/call.h"
#include "comm/event.h"

union arg {
    struct hv_evtchn_alloc_unbound alloc_unbound;
    struct hv_evtchn_bind_interdomain bind_interdomain;
    struct hv_evtchn_bind_virq bind_virq;
    struct hv_evtchn_bind_pirq bind_pirq;
    struct hv_evtchn_bind_ipi bind_ipi;
    struct hv_evtchn_close close;
    struct hv_evtchn_send send;
    struct hv_evtchn_status status;
    struct hv_evtchn_bind_vcpu bind_vcpu;
    struct hv_evtchn_unmask unmask;
    struct hv_evtchn_reset reset;
    struct hv_evtchn_init_control init_control;
    struct hv_evtchn_expand_array expand_array;
    struct hv_evtchn_set_priority set_priority;
};

static int do_alloc(struct hcall *h, union arg *a)
{
    domid_t remote = a->alloc_unbound.remote_dom == HV_DOMID_SELF
                         ? h->d->id
                         : a->alloc_unbound.remote_dom;
    int rc;
    struct domain *d = call_target(h, a->alloc_unbound.dom, &rc);

    if (!d)
        return rc;
    rc = evtchn_alloc_unbound(d, remote, &a->alloc_unbound.port);
    domain_put(d);
    return rc;
}

static int do_interdomain(struct hcall *h, union arg *a)
{
    struct hv_evtchn_bind_interdomain *b = &a->bind_interdomain;

    return evtchn_bind_interdomain(
        h->d, b->remote_dom == HV_DOMID_SELF ? h->d->id : b->remote_dom, b->remote_port,
        &b->local_port);
}

static int do_virq(struct hcall *h, union arg *a)
{
    return evtchn_bind_virq(h->d, a->bind_virq.virq, a->bind_virq.vcpu,
                            &a->bind_virq.port);
}

static int do_pirq(struct hcall *h, union arg *a)
{
    return evtchn_bind_pirq(h->d, a->bind_pirq.pirq, a->bind_pirq.flags,
                            &a->bind_pirq.port);
}

static int do_ipi(struct hcall *h, union arg *a)
{
    return evtchn_bind_ipi(h->d, a->bind_ipi.vcpu, &a->bind_ipi.port);
}

static int do_close(struct hcall *h, union arg *a)
{
    return evtchn_close(h->d, a->close.port);
}

static int do_send(struct hcall *h, union arg *a)
{
    return (int)evtchn_send(h->d, a->send.port);
}

static int do_status(struct hcall *h, union arg *a)
{
    int rc;
    struct domain *d = call_target(h, a->status.dom, &rc);

    if (!d)
        return rc;
    rc = evtchn_status(d, &a->status);
    domain_put(d);
    return rc;
}

static int do_bind_vcpu(struct hcall *h, union arg *a)
{
    return evtchn_bind_vcpu(h->d, a->bind_vcpu.port, a->bind_vcpu.vcpu);
}

static int do_unmask(struct hcall *h, union arg *a)
{
    return (int)evtchn_unmask(h->d, a->unmask.port);
}

static int do_reset(struct hcall *h, union arg *a)
{
    int rc;
    struct domain *d = call_target(h, a->reset.dom, &rc);

    if (!d)
        return rc;
    rc = evtchn_reset(d);
    domain_put(d);
    return rc;
}

static int do_init_control(struct hcall *h, union arg *a)
{
    struct hv_evtchn_init_control *c = &a->init_control;
    struct vcpu *v = domain_vcpu(h->d, c->vcpu);

    return v ? evtchn_init_control(v, c) : -ENOENT;
}

static int do_expand(struct hcall *h, union arg *a)
{
    return evtchn_expand_array(h->d, a->expand_array.array_gfn);
}

static int do_priority(struct hcall *h, union arg *a)
{
    return evtchn_set_priority(h->d, a->set_priority.port, a->set_priority.priority);
}

static const struct {
    int (*fn)(struct hcall *h, union arg *a);
    size_t size;
    bool answers; /* the argument is written back */
} ops[] = {
    [HV_EVTCHNOP_BIND_INTERDOMAIN] = {do_interdomain,
                                      sizeof(struct hv_evtchn_bind_interdomain), true},
    [HV_EVTCHNOP_BIND_VIRQ] = {do_virq, sizeof(struct hv_evtchn_bind_virq), true},
    [HV_EVTCHNOP_BIND_PIRQ] = {do_pirq, sizeof(struct hv_evtchn_bind_pirq), true},
    [HV_EVTCHNOP_CLOSE] = {do_close, sizeof(struct hv_evtchn_close), false},
    [HV_EVTCHNOP_SEND] = {do_send, sizeof(struct hv_evtchn_send), false},
    [HV_EVTCHNOP_STATUS] = {do_status, sizeof(struct hv_evtchn_status), true},
    [HV_EVTCHNOP_ALLOC_UNBOUND] = {do_alloc, sizeof(struct hv_evtchn_alloc_unbound),
                                   true},
    [HV_EVTCHNOP_BIND_IPI] = {do_ipi, sizeof(struct hv_evtchn_bind_ipi), true},
    [HV_EVTCHNOP_BIND_VCPU] = {do_bind_vcpu, sizeof(struct hv_evtchn_bind_vcpu), false},
    [HV_EVTCHNOP_UNMASK] = {do_unmask, sizeof(struct hv_evtchn_unmask), false},
    [HV_EVTCHNOP_RESET] = {do_reset, sizeof(struct hv_evtchn_reset), false},
    [HV_EVTCHNOP_INIT_CONTROL] = {do_init_control, sizeof(struct hv_evtchn_init_control),
                                  true},
    [HV_EVTCHNOP_EXPAND_ARRAY] = {do_expand, sizeof(struct hv_evtchn_expand_array),
                                  false},
    [HV_EVTCHNOP_SET_PRIORITY] = {do_priority, sizeof(struct hv_evtchn_set_priority),
                                  false},
};

static long run(struct hcall *h, unsigned cmd, vaddr_t at)
{
    union arg a;
    long rc;

    if (cmd >= ARRAY_SIZE(ops) || !ops[cmd].fn)
        return -ENOSYS;
    if (guest_read(&a, at, ops[cmd].size))
        return -EFAULT;
    rc = ops[cmd].fn(h, &a);
    if (rc == -ERESTART)
        return HCALL_AGAIN;
    if (!rc && ops[cmd].answers && guest_write(at, &a, ops[cmd].size))
        return -EFAULT;
    return rc;
}

/* A port is all that the two frequent ones are about. */
HCALL(call_event_channel_op)
{
    uint32_t port;

    switch ((unsigned)h->arg[0]) {
    case HV_EVTCHNOP_SEND:
        return guest_peek32(h->arg[1], &port) ? evtchn_send(h->d, port) : -EFAULT;
    case HV_EVTCHNOP_UNMASK:
        return guest_peek32(h->arg[1], &port) ? evtchn_unmask(h->d, port) : -EFAULT;
    default:
        return run(h, (unsigned)h->arg[0], h->arg[1]);
    }
}

HCALL(call_event_channel_op_compat)
{
    uint32_t cmd;

    if (copy_in(&cmd, h->arg[0]))
        return -EFAULT;
    return cmd > HV_EVTCHNOP_UNMASK
               ? -ENOSYS
               : run(h, cmd, h->arg[0] + offsetof(struct hv_evtchn_op, u));
}
