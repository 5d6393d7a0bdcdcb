/* SPDX-License-Identifier: MIT */
/* sched_op: what a guest asks of the scheduler. Reference: Xen public interface, sched.h.
 */
#include "abi/sched.h"
#include "call/call.h"
#include "comm/event.h"
#include "kern/log.h"
#include "kern/sched.h"

#define POLL_MAX 128 /* ports in one call */

static long op_shutdown(struct hcall *h, vaddr_t arg, bool now)
{
    struct hv_sched_shutdown s;

    if (copy_in(&s, arg))
        return -EFAULT;
    if (now)
        domain_shutdown(h->d, (uint8_t)s.reason);
    else
        domain_set_shutdown_code(h->d, (uint8_t)s.reason);
    return 0;
}

static long op_poll(struct hcall *h, vaddr_t arg)
{
    struct hv_sched_poll p;
    uint32_t ports[POLL_MAX];

    if (copy_in(&p, arg))
        return -EFAULT;
    if (p.nr_ports > POLL_MAX)
        return -EINVAL;
    if (guest_read(ports, p.ports, p.nr_ports * sizeof(ports[0])))
        return -EFAULT;
    return evtchn_poll(h->v, ports, p.nr_ports, p.timeout);
}

static long op_remote_shutdown(struct hcall *h, vaddr_t arg)
{
    struct hv_sched_remote_shutdown s;
    struct domain *d;

    if (copy_in(&s, arg))
        return -EFAULT;
    d = domain_get(s.domain_id);
    if (!d)
        return -ESRCH;
    if (!h->d->privileged) {
        domain_put(d);
        return -EPERM;
    }
    domain_shutdown(d, (uint8_t)s.reason);
    domain_put(d);
    return 0;
}

static long op_watchdog(struct hcall *h, vaddr_t arg)
{
    struct hv_sched_watchdog w;

    if (copy_in(&w, arg))
        return -EFAULT;
    return domain_watchdog(h->d, w.id, w.timeout);
}

static long op_pin_override(struct hcall *h, vaddr_t arg)
{
    struct hv_sched_pin_override p;

    if (!h->d->privileged)
        return -EPERM;
    if (copy_in(&p, arg))
        return -EFAULT;
    return sched_pin_override(h->v, p.pcpu);
}

static long yield(void)
{
    vcpu_yield();
    return 0;
}

static long block(struct vcpu *v)
{
    vcpu_block(v);
    return 0;
}

HCALL(call_sched_op)
{
    vaddr_t arg = h->arg[1];

    switch ((int)h->arg[0]) {
    case HV_SCHEDOP_YIELD:
        return yield();
    case HV_SCHEDOP_BLOCK:
        return block(h->v);
    case HV_SCHEDOP_SHUTDOWN:
        return op_shutdown(h, arg, true);
    case HV_SCHEDOP_POLL:
        return op_poll(h, arg);
    case HV_SCHEDOP_REMOTE_SHUTDOWN:
        return op_remote_shutdown(h, arg);
    case HV_SCHEDOP_SHUTDOWN_CODE:
        return op_shutdown(h, arg, false);
    case HV_SCHEDOP_WATCHDOG:
        return op_watchdog(h, arg);
    case HV_SCHEDOP_PIN_OVERRIDE:
        return op_pin_override(h, arg);
    default:
        return -ENOSYS;
    }
}

/* The old form: the reason is the argument itself. */
HCALL(call_sched_op_compat)
{
    switch ((int)h->arg[0]) {
    case HV_SCHEDOP_YIELD:
        return yield();
    case HV_SCHEDOP_BLOCK:
        return block(h->v);
    case HV_SCHEDOP_SHUTDOWN:
        domain_shutdown(h->d, (uint8_t)h->arg[1]);
        return 0;
    default:
        return -ENOSYS;
    }
}
