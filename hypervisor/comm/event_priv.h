/* SPDX-License-Identifier: MIT */
/* Furniture of the event room.
 *
 * Locks. bind_lock (one for the machine) is held by whatever binds or closes, so that two
 * ends are joined or parted as one step. A channel's own lock guards its fields; senders
 * take only it. A channel that is joined to a peer cannot be closed without the peer's
 * lock, so a sender that holds its own channel's lock may deliver to the peer. Channel
 * locks are never nested. Interrupts take channel locks: they are taken with interrupts
 * off. */
#ifndef COMM_EVENT_PRIV_H
#define COMM_EVENT_PRIV_H

#include "comm/event.h"

enum chan_state {
    CHAN_FREE,
    CHAN_UNBOUND,
    CHAN_INTERDOMAIN,
    CHAN_PIRQ,
    CHAN_VIRQ,
    CHAN_IPI
};

struct evtchn {
    spinlock_t lock;
    uint8_t state;    /* enum chan_state */
    uint8_t priority; /* FIFO: 0 first */
    uint8_t pending;  /* FIFO: raised before the guest gave the page of its word */
    uint8_t last_priority;
    uint16_t notify_vcpu;
    uint16_t last_vcpu; /* FIFO: queue where it was linked last, with last_priority */
    union {
        domid_t unbound_remote;
        struct {
            struct domain
                *dom; /* a reference is not needed: closing it parts this end first */
            uint32_t port;
        } peer;
        uint32_t virq;
        uint32_t pirq;
    } u;
};

#define CHANS_PER_BUCKET (PAGE_SIZE / sizeof(struct evtchn))

/* set_pending and unmask are called with interrupts off. */
struct evtchn_ops {
    uint32_t max_ports;
    void (*set_pending)(struct domain *d, struct evtchn *c, uint32_t port);
    void (*unmask)(struct domain *d, struct evtchn *c, uint32_t port);
    bool (*is_pending)(struct domain *d, uint32_t port);
    void (*clear)(struct domain *d,
                  uint32_t port); /* a closed port leaves no pending bit */
};

struct evtchn_fifo;
struct evtchn_domain {
    const struct evtchn_ops *ops;
    struct evtchn **bucket;     /* bind_lock to grow; readers see only whole pointers */
    struct evtchn **old_bucket; /* array before the FIFO layout, or NULL */
    uint32_t buckets, limit;    /* allocated pointers; highest port allowed */
    uint32_t next;              /* lowest port that may be free */
    uint32_t *pirq_port; /* pirq -> port, MAX_PIRQS entries, NULL until the first */
    struct evtchn_fifo *fifo;
    _Atomic bool resetting;
    bool polls; /* a vCPU has been in SCHEDOP_poll: sleepers are looked for */
};

struct evtchn_vcpu {
    uint32_t virq_port[24]; /* 0: not bound */
};

extern const struct evtchn_ops event_2l_ops, event_fifo_ops;
void event_fifo_set_pending(struct domain *d, struct evtchn *c, uint32_t port);
void event_fifo_unmask(struct domain *d, struct evtchn *c, uint32_t port);
/* By the layout in use. Most guests have the newer one, which is called directly: an
 * indirect call takes a detour. */
static inline void event_set_pending(struct domain *d, struct evtchn *c, uint32_t port)
{
    const struct evtchn_ops *ops = d->evtchn->ops;

    if (likely(ops == &event_fifo_ops))
        event_fifo_set_pending(d, c, port);
    else
        ops->set_pending(d, c, port);
}
static inline void event_unmask(struct domain *d, struct evtchn *c, uint32_t port)
{
    const struct evtchn_ops *ops = d->evtchn->ops;

    if (likely(ops == &event_fifo_ops))
        event_fifo_unmask(d, c, port);
    else
        ops->unmask(d, c, port);
}
/* NULL: no such port. There are bucket pointers for all ports of a layout before it is
 * used. */
static inline struct evtchn *event_chan(const struct domain *d, uint32_t port)
{
    struct evtchn_domain *e = d->evtchn;
    struct evtchn *b;

    if (unlikely(!e || port >= e->ops->max_ports))
        return NULL;
    b = __atomic_load_n(
        &__atomic_load_n(&e->bucket, __ATOMIC_ACQUIRE)[port / CHANS_PER_BUCKET],
        __ATOMIC_ACQUIRE);
    return b ? b + port % CHANS_PER_BUCKET : NULL;
}
void event_mark_pending(struct vcpu *v); /* sets the upcall flag, kicks */
void event_look_for_pollers(struct domain *d, uint32_t port);
static inline void event_wake_pollers(struct domain *d, uint32_t port) /* SCHEDOP_poll */
{
    if (unlikely(__atomic_load_n(&d->evtchn->polls, __ATOMIC_RELAXED)))
        event_look_for_pollers(d, port);
}
void event_fifo_drop(struct domain *d); /* gives the guest's pages back */

#endif
