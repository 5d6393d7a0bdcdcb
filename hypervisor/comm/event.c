/* SPDX-License-Identifier: MIT */
/* Event channels: ports and their bindings. Delivery into guest memory is event_2l.c and
 * event_fifo.c. Locks: see comm/event_priv.h. Reference: public event_channel.h. */
#include "comm/event_priv.h"
#include "kern/softirq.h"
#include "comm/pirq.h"
#include "kern/heap.h"
#include "kern/log.h"
#include "kern/page_alloc.h"
#include "kern/room.h"
#include "abi/domctl.h"
#include "lib/errno.h"
#include "lib/string.h"

#define MAX_PIRQS     1024
#define FIRST_BUCKETS 32 /* 2-level's 4096 ports */

static spinlock_t bind_lock = SPINLOCK_INIT(RANK_EVENT);
static struct domain *virq_owner[HV_NR_VIRQS]; /* NULL: dom0; each holds a reference */
static spinlock_t owner_lock = SPINLOCK_INIT(RANK_LEAF); /* of virq_owner */

static int add_bucket(struct domain *d, uint32_t n)
{
    struct evtchn *b = page_alloc_mapped(0);

    if (!b)
        return -ENOMEM;
    for (unsigned i = 0; i < CHANS_PER_BUCKET; i++) {
        spin_init(&b[i].lock, RANK_CHANNEL);
        b[i].priority = HV_EVTCHN_FIFO_PRIORITY_DEFAULT;
    }
    __atomic_store_n(&d->evtchn->bucket[n], b, __ATOMIC_RELEASE);
    return 0;
}

/* The other end of a channel whose lock is held: it is there. */
static inline struct evtchn *peer_of(const struct evtchn *c)
{
    uint32_t port = c->u.peer.port;

    return __atomic_load_n(&c->u.peer.dom->evtchn->bucket,
                           __ATOMIC_ACQUIRE)[port / CHANS_PER_BUCKET] +
           port % CHANS_PER_BUCKET;
}

/* With bind_lock: a free port, its bucket there. */
static int free_port(struct domain *d, uint32_t *port)
{
    struct evtchn_domain *e = d->evtchn;

    if (d->dying)
        return -EINVAL;
    for (uint32_t p = e->next; p < e->ops->max_ports && p <= e->limit; p++) {
        uint32_t n = p / CHANS_PER_BUCKET;
        int rc;

        if (n >= e->buckets)
            return -ENOSPC;
        if (!e->bucket[n] && (rc = add_bucket(d, n)))
            return rc;
        if (event_chan(d, p)->state == CHAN_FREE && !e->ops->is_pending(d, p)) {
            *port = p;
            e->next = p + 1;
            return 0;
        }
    }
    return -ENOSPC;
}

static void set_state(struct evtchn *c, const struct evtchn *as)
{
    irqflags_t f = spin_lock_irq(&c->lock);

    c->u = as->u;
    c->notify_vcpu = as->notify_vcpu;
    c->state = as->state;
    spin_unlock_irq(&c->lock, f);
}

/* A free port of d gets this state. */
static int bind_new(struct domain *d, const struct evtchn *as, uint32_t *port)
{
    int rc;

    spin_lock(&bind_lock);
    rc = free_port(d, port);
    if (!rc)
        set_state(event_chan(d, *port), as);
    spin_unlock(&bind_lock);
    return rc;
}

int evtchn_alloc_unbound(struct domain *d, domid_t remote, uint32_t *port)
{
    struct evtchn as = {.state = CHAN_UNBOUND, .u.unbound_remote = remote};

    return bind_new(d, &as, port);
}

int evtchn_bind_interdomain(struct domain *ld, domid_t rdom, uint32_t rport,
                            uint32_t *lport)
{
    struct domain *rd = domain_get(rdom);
    struct evtchn *rc_chan, as = {.state = CHAN_INTERDOMAIN};
    irqflags_t f;
    int rc;

    if (!rd)
        return -ESRCH;
    spin_lock(&bind_lock);
    rc_chan = event_chan(rd, rport);
    rc = -EINVAL;
    if (!rc_chan || rc_chan->state != CHAN_UNBOUND || rc_chan->u.unbound_remote != ld->id)
        goto out;
    rc = free_port(ld, lport);
    if (rc)
        goto out;
    as.u.peer.dom = rd;
    as.u.peer.port = rport;
    set_state(event_chan(ld, *lport), &as);
    as.u.peer.dom = ld;
    as.u.peer.port = *lport;
    as.notify_vcpu = rc_chan->notify_vcpu;
    set_state(rc_chan, &as);
    /* The other end may have sent while nobody listened: begin with an event (public
     * event_channel.h). */
    f = irq_save();
    event_set_pending(ld, event_chan(ld, *lport), *lport);
    irq_restore(f);
out:
    spin_unlock(&bind_lock);
    domain_put(rd);
    return rc;
}

static bool virq_is_global(unsigned virq)
{
    return virq != HV_VIRQ_TIMER && virq != HV_VIRQ_DEBUG && virq != HV_VIRQ_XENOPROF &&
           virq != HV_VIRQ_XENPMU;
}

/* The vCPU it is bound for: a global one stays vCPU 0's wherever it is delivered. */
static struct vcpu *virq_home(struct domain *d, const struct evtchn *c)
{
    return d->vcpu[virq_is_global(c->u.virq) ? 0 : c->notify_vcpu];
}

int evtchn_bind_virq(struct domain *d, unsigned virq, unsigned vcpu, uint32_t *port)
{
    struct evtchn as = {
        .state = CHAN_VIRQ, .notify_vcpu = (uint16_t)vcpu, .u.virq = virq};
    struct vcpu *v = domain_vcpu(d, vcpu);
    int rc;

    if (virq >= HV_NR_VIRQS || (virq_is_global(virq) && vcpu))
        return -EINVAL;
    if (!v)
        return -ENOENT;
    spin_lock(&bind_lock);
    rc = v->evtchn->virq_port[virq] ? -EEXIST : free_port(d, port);
    if (!rc) {
        set_state(event_chan(d, *port), &as);
        v->evtchn->virq_port[virq] = *port;
    }
    spin_unlock(&bind_lock);
    return rc;
}

int evtchn_bind_ipi(struct domain *d, unsigned vcpu, uint32_t *port)
{
    struct evtchn as = {.state = CHAN_IPI, .notify_vcpu = (uint16_t)vcpu};

    return domain_vcpu(d, vcpu) ? bind_new(d, &as, port) : -ENOENT;
}

int evtchn_bind_pirq(struct domain *d, unsigned pirq, unsigned flags, uint32_t *port)
{
    struct evtchn_domain *e = d->evtchn;
    struct evtchn as = {.state = CHAN_PIRQ, .u.pirq = pirq};
    int rc = -ENOMEM;

    if (pirq >= MAX_PIRQS)
        return -EINVAL;
    spin_lock(&bind_lock);
    if (!e->pirq_port && !(e->pirq_port = page_alloc_mapped(0)))
        goto out;
    rc = e->pirq_port[pirq] ? -EEXIST : free_port(d, port);
    if (rc)
        goto out;
    /* The port stands before the interrupt can come. */
    set_state(event_chan(d, *port), &as);
    e->pirq_port[pirq] = *port;
    rc = pirq_bind(d->vcpu[0], pirq, flags & HV_BIND_PIRQ__WILL_SHARE);
    if (rc) {
        as.state = CHAN_FREE;
        e->pirq_port[pirq] = 0;
        set_state(event_chan(d, *port), &as);
        e->next = MIN(e->next, *port);
    }
out:
    spin_unlock(&bind_lock);
    return rc;
}

/* With bind_lock. */
static void part_peer(struct domain *d, struct evtchn *c)
{
    struct evtchn as = {.state = CHAN_UNBOUND, .u.unbound_remote = d->id};
    struct evtchn *peer = event_chan(c->u.peer.dom, c->u.peer.port);

    as.notify_vcpu = peer->notify_vcpu;
    set_state(peer, &as);
}

static int close_locked(struct domain *d, uint32_t port)
{
    static const struct evtchn free_chan = {.state = CHAN_FREE};
    struct evtchn *c = event_chan(d, port);

    if (!c || c->state == CHAN_FREE)
        return -EINVAL;
    switch (c->state) {
    case CHAN_INTERDOMAIN:
        part_peer(d, c);
        break;
    case CHAN_VIRQ:
        virq_home(d, c)->evtchn->virq_port[c->u.virq] = 0;
        break;
    case CHAN_PIRQ:
        pirq_unbind(d, c->u.pirq);
        d->evtchn->pirq_port[c->u.pirq] = 0;
        break;
    default:
        break;
    }
    set_state(c, &free_chan);
    c->priority = HV_EVTCHN_FIFO_PRIORITY_DEFAULT;
    c->pending = 0;
    d->evtchn->ops->clear(d, port);
    if (port < d->evtchn->next)
        d->evtchn->next = port;
    return 0;
}

int evtchn_close(struct domain *d, uint32_t port)
{
    int rc;

    spin_lock(&bind_lock);
    rc = close_locked(d, port);
    spin_unlock(&bind_lock);
    return rc;
}

long evtchn_send(struct domain *d, uint32_t port)
{
    struct evtchn *c = event_chan(d, port);
    long rc = 0;

    if (!c)
        return -EINVAL;
    spin_lock_irq_off(&c->lock);
    if (likely(c->state == CHAN_INTERDOMAIN)) {
        struct domain *rd = c->u.peer.dom;

        event_set_pending(rd, peer_of(c), c->u.peer.port);
    } else if (c->state == CHAN_IPI) {
        event_set_pending(d, c, port);
    } else if (c->state != CHAN_UNBOUND) { /* nobody there yet: dropped, as on Xen */
        rc = -EINVAL;
    }
    spin_unlock_irq_on(&c->lock);
    return rc;
}

int evtchn_status(struct domain *caller, struct hv_evtchn_status *s)
{
    struct evtchn *c = event_chan(caller, s->port);

    if (!c)
        return -EINVAL;
    spin_lock(&bind_lock);
    switch (c->state) {
    case CHAN_UNBOUND:
        s->status = HV_EVTCHNSTAT_UNBOUND;
        s->u.unbound.dom = c->u.unbound_remote;
        break;
    case CHAN_INTERDOMAIN:
        s->status = HV_EVTCHNSTAT_INTERDOMAIN;
        s->u.interdomain.dom = c->u.peer.dom->id;
        s->u.interdomain.port = c->u.peer.port;
        break;
    case CHAN_PIRQ:
        s->status = HV_EVTCHNSTAT_PIRQ;
        s->u.pirq = c->u.pirq;
        break;
    case CHAN_VIRQ:
        s->status = HV_EVTCHNSTAT_VIRQ;
        s->u.virq = c->u.virq;
        break;
    case CHAN_IPI:
        s->status = HV_EVTCHNSTAT_IPI;
        break;
    default:
        s->status = HV_EVTCHNSTAT_CLOSED;
        break;
    }
    s->vcpu = c->notify_vcpu;
    spin_unlock(&bind_lock);
    return 0;
}

int evtchn_bind_vcpu(struct domain *d, uint32_t port, unsigned vcpu)
{
    struct evtchn *c = event_chan(d, port);
    int rc = 0;

    if (!domain_vcpu(d, vcpu))
        return -ENOENT;
    if (!c)
        return -EINVAL;
    spin_lock(&bind_lock);
    switch (c->state) {
    case CHAN_VIRQ:
        if (virq_is_global(c->u.virq))
            c->notify_vcpu = (uint16_t)vcpu;
        else
            rc = -EINVAL;
        break;
    case CHAN_UNBOUND:
    case CHAN_INTERDOMAIN:
        c->notify_vcpu = (uint16_t)vcpu;
        break;
    case CHAN_PIRQ:
        c->notify_vcpu = (uint16_t)vcpu;
        pirq_set_cpu(d, c->u.pirq, d->vcpu[vcpu]->processor);
        break;
    default:
        rc = -EINVAL;
        break;
    }
    spin_unlock(&bind_lock);
    return rc;
}

long evtchn_unmask(struct domain *d, uint32_t port)
{
    struct evtchn *c = event_chan(d, port);

    if (!c)
        return -EINVAL;
    spin_lock_irq_off(&c->lock);
    if (c->state != CHAN_FREE)
        event_unmask(d, c, port);
    spin_unlock_irq_on(&c->lock);
    return 0;
}

void evtchn_unmask_pirq(struct domain *d, unsigned pirq)
{
    uint32_t *map = d->evtchn->pirq_port;

    if (map && pirq < MAX_PIRQS && map[pirq])
        (void)evtchn_unmask(d, map[pirq]);
}

int evtchn_set_priority(struct domain *d, uint32_t port, uint32_t priority)
{
    struct evtchn *c = event_chan(d, port);

    if (!c || c->state == CHAN_FREE)
        return -EINVAL;
    if (!d->evtchn->fifo)
        return -ENOSYS;
    if (priority > HV_EVTCHN_FIFO_PRIORITY_MIN)
        return -EINVAL;
    c->priority = (uint8_t)priority;
    return 0;
}

/* Closes everything from the top down, so that `next` falls; preemptible. */
static int close_all(struct domain *d)
{
    struct evtchn_domain *e = d->evtchn;

    for (uint32_t n = 0; n < e->buckets; n++) {
        if (!e->bucket[n])
            continue;
        for (uint32_t i = 0; i < CHANS_PER_BUCKET; i++)
            (void)evtchn_close(d, (uint32_t)(n * CHANS_PER_BUCKET + i));
        if (softirq_pending() && n + 1 < e->buckets && e->bucket[n + 1])
            return -ERESTART;
    }
    return 0;
}

static void others_run(struct domain *d, bool run)
{
    for (unsigned i = 0; i < d->max_vcpus; i++) {
        struct vcpu *v = d->vcpu[i];

        if (v && v != cpu_current())
            run ? vcpu_unpause(v) : vcpu_pause(v);
    }
}

/* With bind_lock: no port is bound from here on, so nobody sends any more. */
static void go_two_level(struct domain *d)
{
    struct evtchn_domain *e = d->evtchn;
    struct evtchn *c;

    for (uint32_t port = 1; port < e->buckets * CHANS_PER_BUCKET; port++)
        if ((c = event_chan(d, port)) && c->state != CHAN_FREE)
            (void)close_locked(d, port);
    event_fifo_drop(d);
    e->ops = &event_2l_ops;
    e->next = 1;
}

/* No vCPU of the domain but the caller runs meanwhile, as it could be using the pages
 * that go, and only one is the caller, as two would wait for each other. */
int evtchn_reset(struct domain *d)
{
    int rc;

    if (atomic_exchange(&d->evtchn->resetting, true))
        return -EBUSY;
    others_run(d, false);
    rc = close_all(d);
    if (!rc) {
        spin_lock(&bind_lock);
        go_two_level(d);
        spin_unlock(&bind_lock);
    }
    others_run(d, true);
    atomic_store(&d->evtchn->resetting, false);
    return rc;
}

static void raise_port(struct domain *d, uint32_t port, unsigned state, uint32_t what)
{
    struct evtchn *c = port ? event_chan(d, port) : NULL;
    irqflags_t f;

    if (!c)
        return;
    f = spin_lock_irq(&c->lock);
    if (c->state == state && c->u.virq == what)
        event_set_pending(d, c, port);
    spin_unlock_irq(&c->lock, f);
}

void evtchn_raise_virq(struct vcpu *v, unsigned virq)
{
    raise_port(v->domain, __atomic_load_n(&v->evtchn->virq_port[virq], __ATOMIC_RELAXED),
               CHAN_VIRQ, virq);
}

/* Whom to tell, with a reference if it is another than dom0; or NULL. */
static struct domain *hold_owner(unsigned virq)
{
    irqflags_t f = spin_lock_irq(&owner_lock);
    struct domain *d = virq_owner[virq];

    if (!d)
        d = dom0;
    else if (!domain_hold(d))
        d = NULL;
    spin_unlock_irq(&owner_lock, f);
    return d;
}

void evtchn_raise_global_virq(unsigned virq)
{
    struct domain *d = hold_owner(virq);

    if (d && d->evtchn && d->max_vcpus && d->vcpu[0] && d->vcpu[0]->evtchn)
        evtchn_raise_virq(d->vcpu[0], virq);
    if (d && d != dom0)
        domain_put(d);
}

int evtchn_set_global_virq(struct domain *d, unsigned virq)
{
    struct domain *old;
    irqflags_t f;

    if (virq >= HV_NR_VIRQS || !virq_is_global(virq))
        return -EINVAL;
    if (d != dom0 && !domain_hold(d))
        return -ESRCH;
    f = spin_lock_irq(&owner_lock);
    old = virq_owner[virq];
    virq_owner[virq] = d == dom0 ? NULL : d;
    spin_unlock_irq(&owner_lock, f);
    if (old)
        domain_put(old);
    return 0;
}

bool evtchn_raise_pirq(struct domain *d, unsigned pirq)
{
    uint32_t *map = d->evtchn->pirq_port;

    if (!map || pirq >= MAX_PIRQS || !map[pirq])
        return false;
    raise_port(d, map[pirq], CHAN_PIRQ, pirq);
    return true;
}

bool evtchn_port_pending(struct domain *d, uint32_t port)
{
    return d->evtchn->ops->is_pending(d, port);
}

bool evtchn_port_valid(struct domain *d, uint32_t port)
{
    return event_chan(d, port) != NULL;
}

void event_mark_pending(struct vcpu *v)
{
    __atomic_store_n(&v->hw.info->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST);
    if (likely(v == cpu_current() && !(v->pause_flags & VPF_BLOCKED)))
        return; /* it looks for itself on its way out */
    if (!v->hw.info->evtchn_upcall_mask)
        vcpu_kick(v);
    else if (v->pause_flags & VPF_POLLING)
        vcpu_unblock(v);
}

static void domain_exception(struct domain *d)
{
    evtchn_raise_global_virq(HV_VIRQ_DOM_EXC);
}

static int domain_init(struct domain *d, const struct hv_domctl_createdomain *c)
{
    struct evtchn_domain *e = heap_new(struct evtchn_domain);

    if (!e)
        return -ENOMEM;
    e->bucket = heap_alloc(FIRST_BUCKETS * sizeof(e->bucket[0]));
    if (!e->bucket) {
        heap_free(e);
        return -ENOMEM;
    }
    e->ops = &event_2l_ops;
    e->buckets = FIRST_BUCKETS;
    e->limit = c ? MIN(c->max_evtchn_port, 0x7fffffffu) : 0x7fffffff;
    e->next = 1; /* port 0 is never given */
    d->evtchn = e;
    domain_state_changed = domain_exception;
    return 0;
}

static int domain_kill_ports(struct domain *d)
{
    int rc = close_all(d);

    if (!rc) {
        event_fifo_drop(d);
        for (unsigned i = 0; i < HV_NR_VIRQS; i++)
            if (virq_owner[i] == d)
                (void)evtchn_set_global_virq(dom0, i);
    }
    return rc;
}

static void domain_free(struct domain *d)
{
    struct evtchn_domain *e = d->evtchn;

    if (!e)
        return;
    for (uint32_t n = 0; n < e->buckets; n++)
        if (e->bucket[n])
            page_free_mapped(e->bucket[n], 0);
    if (e->pirq_port)
        page_free_mapped(e->pirq_port, 0);
    heap_free(e->old_bucket);
    heap_free(e->bucket);
    heap_free(e);
    d->evtchn = NULL;
}

static int vcpu_init(struct vcpu *v)
{
    v->evtchn = heap_new(struct evtchn_vcpu);
    return v->evtchn ? 0 : -ENOMEM;
}

static void vcpu_drop(struct vcpu *v)
{
    heap_free(v->evtchn);
    v->evtchn = NULL;
}

/* What a port is bound to, and where that is. */
static void dump_port(struct domain *d, struct evtchn *c, uint32_t port)
{
    static const char *const states[] = {"free", "unbound", "interdomain",
                                         "pirq", "virq",    "ipi"};
    unsigned state, vcpu, what = 0, peer = 0;
    irqflags_t f = spin_lock_irq(&c->lock);

    state = c->state;
    vcpu = c->notify_vcpu;
    if (state == CHAN_INTERDOMAIN) {
        what = c->u.peer.dom->id;
        peer = c->u.peer.port;
    } else if (state == CHAN_UNBOUND) {
        what = c->u.unbound_remote;
    } else if (state != CHAN_IPI) {
        what = c->u.virq;
    }
    spin_unlock_irq(&c->lock, f);
    if (state == CHAN_FREE)
        return;
    log_info("  %4u: %s %u%s%u, vcpu %u%s\n", port, states[state], what,
             state == CHAN_INTERDOMAIN ? ":" : " priority ",
             state == CHAN_INTERDOMAIN ? peer : c->priority, vcpu,
             d->evtchn->ops->is_pending(d, port) ? ", pending" : "");
}

static void dump_ports(struct domain *d)
{
    struct evtchn *c;

    for (uint32_t port = 1; d->evtchn && port < d->evtchn->buckets * CHANS_PER_BUCKET;
         port++)
        if ((c = event_chan(d, port)) && c->state != CHAN_FREE)
            dump_port(d, c, port);
}

const struct room evtchn_room = {
    .name = "events",
    .domain_init = domain_init,
    .domain_kill = domain_kill_ports,
    .domain_free = domain_free,
    .vcpu_init = vcpu_init,
    .vcpu_free = vcpu_drop,
    .dump = dump_ports,
    .dump_key = 'e',
    .dump_help = "dump evtchn info",
};
