/* SPDX-License-Identifier: MIT */
/* SCHEDOP_poll: a vCPU sleeps until one of some ports is pending, masked or not. A
 * sleeper is marked VPF_POLLING and names its port (or "several") before it looks at the
 * ports, so that an event raised in between is not missed. */
#include "comm/event_priv.h"
#include "kern/softirq.h"
#include "lib/errno.h"
#include "port/clock.h"

#define SEVERAL (~0u)

void event_look_for_pollers(struct domain *d, uint32_t port)
{
    for (unsigned i = 0; i < d->max_vcpus; i++) {
        struct vcpu *v = d->vcpu[i];

        if (!v || !(v->pause_flags & VPF_POLLING))
            continue;
        if (v->poll_port == SEVERAL || v->poll_port == port) {
            __atomic_fetch_and(&v->pause_flags, ~VPF_POLLING, __ATOMIC_SEQ_CST);
            vcpu_unblock(v);
        }
    }
}

int evtchn_poll(struct vcpu *v, const uint32_t *ports, unsigned n, uint64_t timeout)
{
    struct domain *d = v->domain;

    __atomic_store_n(&d->evtchn->polls, true, __ATOMIC_RELAXED);
    v->poll_port = n == 1 ? ports[0] : SEVERAL;
    __atomic_fetch_or(&v->pause_flags, VPF_POLLING | VPF_BLOCKED, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < n; i++) {
        int rc = evtchn_port_valid(d, ports[i]) ? 0 : -EINVAL;

        if (!rc && !evtchn_port_pending(d, ports[i]))
            continue;
        __atomic_fetch_and(&v->pause_flags, ~(VPF_POLLING | VPF_BLOCKED),
                           __ATOMIC_SEQ_CST);
        return rc;
    }
    if (v->hw.info->evtchn_upcall_pending && !v->hw.info->evtchn_upcall_mask) {
        __atomic_fetch_and(&v->pause_flags, ~(VPF_POLLING | VPF_BLOCKED),
                           __ATOMIC_SEQ_CST);
        return 0;
    }
    if (timeout)
        timer_set(&v->poll_timer, timeout);
    softirq_raise(SOFTIRQ_SCHEDULE);
    return 0;
}
