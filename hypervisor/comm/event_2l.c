/* SPDX-License-Identifier: MIT */
/* The 2-level layout: a bit a port in shared_info, a bit a word in the notified vCPU's
 * vcpu_info (public event_channel.h and xen.h, "Event channel endpoints"). */
#include "comm/event_priv.h"

static bool test_and_set(hv_ulong_t *words, uint32_t bit)
{
    return __atomic_fetch_or(&words[bit / 64], 1ul << (bit % 64), __ATOMIC_SEQ_CST) &
           (1ul << (bit % 64));
}

static bool test_and_clear(hv_ulong_t *words, uint32_t bit)
{
    return __atomic_fetch_and(&words[bit / 64], ~(1ul << (bit % 64)), __ATOMIC_SEQ_CST) &
           (1ul << (bit % 64));
}

static bool test(const hv_ulong_t *words, uint32_t bit)
{
    return __atomic_load_n(&words[bit / 64], __ATOMIC_RELAXED) & (1ul << (bit % 64));
}

static void select_word(struct domain *d, struct evtchn *c, uint32_t port)
{
    struct vcpu *v = d->vcpu[c->notify_vcpu];

    if (!test_and_set(&v->hw.info->evtchn_pending_sel, port / 64))
        event_mark_pending(v);
}

static void set_pending(struct domain *d, struct evtchn *c, uint32_t port)
{
    if (test_and_set(d->shared->evtchn_pending, port))
        return;
    if (!test(d->shared->evtchn_mask, port))
        select_word(d, c, port);
    event_wake_pollers(d, port);
}

static void unmask(struct domain *d, struct evtchn *c, uint32_t port)
{
    if (test_and_clear(d->shared->evtchn_mask, port) &&
        test(d->shared->evtchn_pending, port))
        select_word(d, c, port);
}

static bool is_pending(struct domain *d, uint32_t port)
{
    return port < HV_EVTCHN_2L_NR_CHANNELS && test(d->shared->evtchn_pending, port);
}

static void clear(struct domain *d, uint32_t port)
{
    (void)test_and_clear(d->shared->evtchn_pending, port);
}

const struct evtchn_ops event_2l_ops = {
    .max_ports = HV_EVTCHN_2L_NR_CHANNELS,
    .set_pending = set_pending,
    .unmask = unmask,
    .is_pending = is_pending,
    .clear = clear,
};
