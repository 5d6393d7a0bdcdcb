/* SPDX-License-Identifier: MIT */
/* The FIFO layout: a 32-bit word a port in pages that the guest gives, linked into queues
 * by priority whose heads lie in a control block of each vCPU (Xen's "Event Channel
 * FIFO-based ABI" design document; public event_channel.h).
 *
 * Word: PENDING, MASKED, LINKED, and the number of the next port. The hypervisor links at
 * the tail, the guest unlinks at the head, at the same time. Rules that make it safe:
 *  - only who turned LINKED on (by compare-and-swap, with PENDING set and MASKED clear)
 * inserts the port, and does both under fifo.lock: a port may be a queue's tail from last
 * time, and another that found it with LINKED on before it is in the queue would be
 * linked behind it, both out of reach for ever;
 *  - a tail is extended only while its own LINKED is on, by compare-and-swap; once the
 * guest has taken it off, the new port becomes the head and the queue is announced in
 * `ready`;
 *  - a port that is about to enter another queue than last time is first removed as tail
 * of the old one. All linking of a domain is under fifo.lock; the guest may scribble over
 * the words, and what it harms is only the order of its own events: every index read from
 * a word is used for nothing but comparing. */
#include "comm/event_priv.h"
#include "kern/heap.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mm/page.h"
#include "port/map.h"

#define PENDING        (1u << HV_EVTCHN_FIFO_PENDING)
#define MASKED         (1u << HV_EVTCHN_FIFO_MASKED)
#define LINKED         (1u << HV_EVTCHN_FIFO_LINKED)
#define LINK_MASK      ((uint32_t)HV_EVTCHN_FIFO_LINK_MASK)
#define WORDS_PER_PAGE (PAGE_SIZE / sizeof(uint32_t))
#define MAX_PAGES      (HV_EVTCHN_FIFO_NR_CHANNELS / WORDS_PER_PAGE)
#define QUEUES         HV_EVTCHN_FIFO_MAX_QUEUES

struct fifo_vcpu {
    struct hv_evtchn_fifo_control_block *control; /* NULL: not given yet */
    mfn_t mfn;
    uint32_t tail[QUEUES];
};

struct evtchn_fifo {
    spinlock_t lock;
    unsigned pages;
    uint32_t *page[MAX_PAGES];
    struct fifo_vcpu *vcpu; /* max_vcpus of them */
};

static uint32_t *word_of(const struct domain *d, uint32_t port)
{
    struct evtchn_fifo *f = d->evtchn->fifo;

    return port / WORDS_PER_PAGE < __atomic_load_n(&f->pages, __ATOMIC_ACQUIRE)
               ? f->page[port / WORDS_PER_PAGE] + port % WORDS_PER_PAGE
               : NULL;
}

/* Bits of a word go on and off, and LINKED on if it then is to be in a queue: true, and
 * whoever set that bit puts it there. */
static inline bool change_word(uint32_t *w, uint32_t on, uint32_t off, uint32_t *old)
{
    uint32_t was = __atomic_load_n(w, __ATOMIC_RELAXED), now;
    bool link;

    do {
        now = (was | on) & ~off;
        link = (now & (PENDING | MASKED | LINKED)) == PENDING;
        if (link)
            now = (now & ~LINK_MASK) | LINKED;
    } while (!__atomic_compare_exchange_n(w, &was, now, false, __ATOMIC_SEQ_CST,
                                          __ATOMIC_RELAXED));
    *old = was;
    return link;
}

/* Extends a tail; bounded: the guest could fight for the word for ever. */
static bool try_extend(uint32_t *tail, uint32_t port)
{
    uint32_t old = __atomic_load_n(tail, __ATOMIC_RELAXED);

    for (unsigned tries = 0; tries < 100; tries++) {
        if (!(old & LINKED))
            return false;
        if (__atomic_compare_exchange_n(tail, &old, (old & ~LINK_MASK) | port, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
            return true;
    }
    return false;
}

/* Another queue than last time: the port is that one's tail no more. */
static void leave_queue(struct evtchn_fifo *f, struct evtchn *c, uint32_t port)
{
    uint32_t *tail = &f->vcpu[c->last_vcpu].tail[c->last_priority];

    if (*tail == port)
        *tail = 0;
}

/* With f->lock: puts the port at the end of q. True: its vCPU must be told. */
static inline bool enter_queue(struct domain *d, struct fifo_vcpu *q, unsigned prio,
                               uint32_t port)
{
    uint32_t last = q->tail[prio], *tail, bit = 1u << prio % QUEUES;

    q->tail[prio] = port;
    if (last && last != port && (tail = word_of(d, last)) && try_extend(tail, port))
        return false; /* the queue was not empty: it is announced already */
    __atomic_store_n(&q->control->head[prio], port, __ATOMIC_RELEASE);
    return !(__atomic_fetch_or(&q->control->ready, bit, __ATOMIC_SEQ_CST) & bit);
}

#define NOBODY (-1)

/* With f->lock, after change_word(): the vCPU that must be told. Its vCPU and priority
 * may be changed meanwhile: they are read once, so that who is told is who has the queue.
 */
static inline int link_port(struct domain *d, struct evtchn *c, uint32_t port,
                            uint32_t *w)
{
    struct evtchn_fifo *f = d->evtchn->fifo;
    uint8_t prio = __atomic_load_n(&c->priority, __ATOMIC_RELAXED);
    uint16_t vcpu = __atomic_load_n(&c->notify_vcpu, __ATOMIC_RELAXED);
    struct fifo_vcpu *q = &f->vcpu[vcpu];

    if (unlikely(!q->control)) { /* it has none yet */
        __atomic_fetch_and(w, ~LINKED, __ATOMIC_SEQ_CST);
        return NOBODY;
    }
    if (unlikely(c->last_vcpu != vcpu || c->last_priority != prio)) {
        leave_queue(f, c, port);
        c->last_vcpu = vcpu;
        c->last_priority = prio;
    }
    return enter_queue(d, q, prio, port) ? vcpu : NOBODY;
}

/* Changes a port's word, and links the port if it then is to be: the bits there were. In
 * line: both callers know their bits. */
static inline __attribute__((always_inline)) uint32_t
change_port(struct domain *d, struct evtchn *c, uint32_t port, uint32_t *w, uint32_t on,
            uint32_t off)
{
    struct evtchn_fifo *f = d->evtchn->fifo;
    int tell = NOBODY;
    uint32_t old;

    spin_take(&f->lock, false);
    if (change_word(w, on, off, &old))
        tell = link_port(d, c, port, w);
    spin_drop(&f->lock);
    if (tell != NOBODY)
        event_mark_pending(d->vcpu[tell]);
    return old;
}

void event_fifo_set_pending(struct domain *d, struct evtchn *c, uint32_t port)
{
    uint32_t *w = word_of(d, port);

    if (!w) { /* expand_array will bring it up */
        c->pending = 1;
        return;
    }
    if (!(change_port(d, c, port, w, PENDING, 0) & PENDING))
        event_wake_pollers(d, port);
}

void event_fifo_unmask(struct domain *d, struct evtchn *c, uint32_t port)
{
    uint32_t *w = word_of(d, port);

    if (w)
        change_port(d, c, port, w, 0, MASKED);
}

static bool is_pending(struct domain *d, uint32_t port)
{
    uint32_t *w = word_of(d, port);

    return w && (__atomic_load_n(w, __ATOMIC_RELAXED) & PENDING);
}

static void clear(struct domain *d, uint32_t port)
{
    uint32_t *w = word_of(d, port);

    if (w) /* LINKED stays: the guest unlinks the word when it comes to it */
        __atomic_fetch_and(w, ~PENDING, __ATOMIC_SEQ_CST);
}

const struct evtchn_ops event_fifo_ops = {
    .max_ports = HV_EVTCHN_FIFO_NR_CHANNELS,
    .set_pending = event_fifo_set_pending,
    .unmask = event_fifo_unmask,
    .is_pending = is_pending,
    .clear = clear,
};

/* A guest frame that the hypervisor will write: a reference that keeps it writable memory
 * of d. */
static int take_page(struct domain *d, uint64_t gfn, void **to)
{
    mfn_t m = mk_mfn(gfn); /* a PV guest names machine frames */

    if (!mfn_valid(m) || !page_get_and_type(page_of(m), d, PGT_WRITABLE))
        return -EINVAL;
    *to = map_mfn(m);
    return 0;
}

static void drop_page(const void *p)
{
    page_put_and_type(page_of(map_to_mfn(p)));
}

/* Room for all ports of the FIFO layout: more buckets. */
static int grow_buckets(struct evtchn_domain *e)
{
    uint32_t n = (uint32_t)(HV_EVTCHN_FIFO_NR_CHANNELS / CHANS_PER_BUCKET);
    struct evtchn **b;

    if (e->old_bucket) /* grown before a reset */
        return 0;
    b = heap_alloc(n * sizeof(*b));

    if (!b)
        return -ENOMEM;
    memcpy(b, e->bucket, e->buckets * sizeof(*b));
    e->old_bucket =
        e->bucket; /* a sender may be reading it: stays until the domain goes */
    __atomic_store_n(&e->bucket, b, __ATOMIC_RELEASE);
    __atomic_store_n(&e->buckets, n, __ATOMIC_RELEASE);
    return 0;
}

/* The first control block switches the domain over; what was pending in the old layout is
 * remembered. */
static int switch_to_fifo(struct domain *d)
{
    struct evtchn_domain *e = d->evtchn;
    struct evtchn_fifo *f = heap_new(struct evtchn_fifo);
    struct evtchn *c;

    if (!f)
        return -ENOMEM;
    spin_init(&f->lock, RANK_FIFO);
    f->vcpu = heap_alloc(d->max_vcpus * sizeof(*f->vcpu));
    if (!f->vcpu || grow_buckets(e)) {
        heap_free(f->vcpu);
        heap_free(f);
        return -ENOMEM;
    }
    for (uint32_t port = 1; port < HV_EVTCHN_2L_NR_CHANNELS; port++)
        if ((c = event_chan(d, port)) && event_2l_ops.is_pending(d, port))
            c->pending = 1;
    e->fifo = f;
    __atomic_store_n(&e->ops, &event_fifo_ops, __ATOMIC_RELEASE);
    return 0;
}

int evtchn_init_control(struct vcpu *v, struct hv_evtchn_init_control *c)
{
    struct domain *d = v->domain;
    struct fifo_vcpu *q;
    void *page;
    int rc;

    c->link_bits = HV_EVTCHN_FIFO_LINK_BITS;
    if (c->offset > PAGE_SIZE - sizeof(struct hv_evtchn_fifo_control_block) ||
        (c->offset & 7))
        return -EINVAL;
    spin_lock(&d->lock);
    rc = d->evtchn->fifo && d->evtchn->fifo->vcpu[v->id].control
             ? -EINVAL
             : take_page(d, c->control_gfn, &page);
    if (rc)
        goto out;
    rc = d->evtchn->fifo ? 0 : switch_to_fifo(d);
    if (rc) {
        drop_page(page);
        goto out;
    }
    q = &d->evtchn->fifo->vcpu[v->id];
    q->mfn = mk_mfn(c->control_gfn);
    __atomic_store_n(&q->control, (void *)((char *)page + c->offset), __ATOMIC_RELEASE);
out:
    spin_unlock(&d->lock);
    return rc;
}

int evtchn_expand_array(struct domain *d, uint64_t gfn)
{
    struct evtchn_fifo *f;
    void *page;
    int rc;

    spin_lock(&d->lock);
    f = d->evtchn->fifo;
    rc = !f ? -EOPNOTSUPP : f->pages >= MAX_PAGES ? -ENOSPC : take_page(d, gfn, &page);
    if (rc)
        goto out;
    f->page[f->pages] = page;
    __atomic_store_n(&f->pages, f->pages + 1, __ATOMIC_RELEASE);
    for (uint32_t port = (uint32_t)((f->pages - 1) * WORDS_PER_PAGE), n = 0;
         n < WORDS_PER_PAGE; n++) {
        struct evtchn *c = event_chan(d, port + n);
        irqflags_t flags;

        if (!c || !c->pending)
            continue;
        flags = irq_save();
        c->pending = 0;
        event_fifo_set_pending(d, c, port + n);
        irq_restore(flags);
    }
out:
    spin_unlock(&d->lock);
    return rc;
}

void event_fifo_drop(struct domain *d)
{
    struct evtchn_fifo *f = d->evtchn->fifo;

    if (!f)
        return;
    d->evtchn->ops = &event_2l_ops;
    d->evtchn->fifo = NULL;
    for (unsigned i = 0; i < f->pages; i++)
        drop_page(f->page[i]);
    for (unsigned i = 0; i < d->max_vcpus; i++)
        if (f->vcpu[i].control)
            drop_page(map_mfn(f->vcpu[i].mfn));
    heap_free(f->vcpu);
    heap_free(f);
}
