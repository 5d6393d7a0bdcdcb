/* SPDX-License-Identifier: MIT */
/*
 * A domain's physical interrupts.
 *
 * A pirq goes free -> mapped (it stands for a machine irq) -> bound (an event channel
 * hears of it). Delivery runs in irq context without locks: it gets the struct pirq,
 * whose domain and number never change, and asks the event room to raise the port. The
 * structs live until the domain's last reference is gone, and are only freed after every
 * irq that ever led to them has been waited for.
 *
 * A level-triggered line stays masked from delivery to the guest's EOI: `in_service`
 * remembers that one is owed, so that an EOI nobody owes changes nothing. Guests that say
 * so share one: each hears of every interrupt, and the last EOI that is owed opens the
 * line again.
 *
 * Locks: pirq_domain.lock (RANK_PIRQ) for mappings and bindings; lines_lock inside it for
 * who shares what. Neither is taken in irq context.
 */
#include "comm/pirq.h"
#include "comm/event.h"
#include "kern/heap.h"
#include "kern/log.h"
#include "kern/room.h"
#include "lib/errno.h"
#include "mm/page.h"
#include "port/irq.h"
#include "port/map.h"
#include <stdatomic.h>

#define MSI_PIRQS    256u
#define EOI_MAP_BITS (PAGE_SIZE * 8)

enum pirq_kind {
    PIRQ_FREE,
    PIRQ_KEPT,
    PIRQ_GSI,
    PIRQ_MSI
}; /* KEPT: by pirq_get_free() */

struct pirq {
    struct domain *d;        /* constant */
    uint16_t nr;             /* constant */
    uint16_t irq;            /* lock; valid when kind is GSI or MSI */
    uint8_t kind;            /* lock */
    bool bound;              /* lock */
    _Atomic bool in_service; /* delivered, EOI owed */
    struct line *line;       /* set while bound to a line that can be shared */
};

/* A level-triggered irq that guests share. It goes away with the last of them. */
#define MAX_SHARERS 7u /* as on Xen */
struct line {
    struct pirq *_Atomic guest[MAX_SHARERS]; /* lines_lock to change */
    _Atomic unsigned owed;                   /* EOIs; and one while it is delivered */
};
static struct line *lines[IRQ_MAX];
static spinlock_t lines_lock = SPINLOCK_INIT(RANK_PIRQ + 1);

struct pirq_domain {
    spinlock_t lock;
    unsigned nr;
    struct pirq *pirqs;          /* lock to set; NULL until the first mapping */
    _Atomic(uint64_t *) eoi_map; /* the guest's page */
    struct page *eoi_page;
    bool auto_unmask;
    uint64_t used_irqs[IRQ_MAX / 64]; /* lock; ever bound */
};

static int pirq_domain_init(struct domain *d, const struct hv_domctl_createdomain *c)
{
    struct pirq_domain *pd = heap_new(struct pirq_domain);

    if (!pd)
        return -ENOMEM;
    spin_init(&pd->lock, RANK_PIRQ);
    pd->nr = MIN(irq_gsi_count() + MSI_PIRQS, (unsigned)EOI_MAP_BITS);
    d->pirq = pd;
    return 0;
}

/* Guests without devices never need the table. */
static bool have_table(struct domain *d)
{
    struct pirq_domain *pd = d->pirq;
    struct pirq *t;

    if (pd->pirqs)
        return true;
    t = heap_alloc(pd->nr * sizeof(*t));
    if (!t)
        return false;
    for (unsigned i = 0; i < pd->nr; i++) {
        t[i].d = d;
        t[i].nr = (uint16_t)i;
    }
    pd->pirqs = t;
    return true;
}

static struct pirq *find(const struct domain *d, unsigned pirq)
{
    struct pirq_domain *pd = d->pirq;

    return pd->pirqs && pirq < pd->nr ? &pd->pirqs[pirq] : NULL;
}

static bool mapped(const struct pirq *p)
{
    return p && p->kind >= PIRQ_GSI;
}

unsigned pirq_count(const struct domain *d)
{
    return d->pirq->nr;
}

int pirq_irq(struct domain *d, unsigned pirq)
{
    struct pirq *p;
    int irq;

    spin_lock(&d->pirq->lock);
    p = find(d, pirq);
    irq = mapped(p) ? p->irq : -1;
    spin_unlock(&d->pirq->lock);
    return irq;
}

/* ---- the EOI bitmap ---- */

static void eoi_map_set(struct domain *d, unsigned pirq, bool on)
{
    uint64_t *map = atomic_load(&d->pirq->eoi_map);
    uint64_t bit = 1ull << (pirq & 63);

    if (!map)
        return;
    if (on)
        __atomic_fetch_or(&map[pirq / 64], bit, __ATOMIC_SEQ_CST);
    else
        __atomic_fetch_and(&map[pirq / 64], ~bit, __ATOMIC_SEQ_CST);
}

int pirq_set_eoi_page(struct domain *d, uint64_t gmfn, bool auto_unmask)
{
    struct pirq_domain *pd = d->pirq;
    mfn_t m = mk_mfn(gmfn); /* a PV guest's frames are the machine's */
    int rc = 0;

    if (!mfn_valid(m) || !page_get_and_type(page_of(m), d, PGT_WRITABLE))
        return -EINVAL;
    spin_lock(&pd->lock);
    if (pd->eoi_page) {
        rc = -EBUSY;
    } else {
        pd->eoi_page = page_of(m);
        pd->auto_unmask |= auto_unmask;
        atomic_store(&pd->eoi_map, map_mfn(m));
        for (unsigned i = 0; pd->pirqs && i < pd->nr; i++)
            if (pd->pirqs[i].bound)
                eoi_map_set(d, i, irq_is_level(pd->pirqs[i].irq));
    }
    spin_unlock(&pd->lock);
    if (rc)
        page_put_and_type(page_of(m));
    return rc;
}

bool pirq_auto_unmask(const struct domain *d)
{
    return d->pirq->auto_unmask;
}

/* ---- delivery and its end ---- */

static void deliver(unsigned irq, void *arg)
{
    struct pirq *p = arg;

    atomic_store(&p->in_service, irq_is_level(irq));
    if (!evtchn_raise_pirq(p->d, p->nr) && atomic_exchange(&p->in_service, false))
        irq_eoi(irq); /* between binding and commit, or while it closes: nobody would end
                         it */
}

static void line_paid(struct line *l, unsigned irq)
{
    if (atomic_fetch_sub(&l->owed, 1) == 1)
        irq_eoi(irq);
}

static void deliver_shared(unsigned irq, void *arg)
{
    struct line *l = arg;

    atomic_fetch_add(&l->owed, 1);
    for (unsigned i = 0; i < MAX_SHARERS; i++) {
        struct pirq *p = atomic_load(&l->guest[i]);

        if (!p || atomic_exchange(&p->in_service, true))
            continue;
        atomic_fetch_add(&l->owed, 1);
        if (!evtchn_raise_pirq(p->d, p->nr) && atomic_exchange(&p->in_service, false))
            line_paid(l, irq);
    }
    line_paid(l, irq);
}

/* The lock keeps the line from going away. */
static void eoi_shared(struct domain *d, struct pirq *p)
{
    spin_lock(&d->pirq->lock);
    if (p->line && atomic_exchange(&p->in_service, false))
        line_paid(p->line, p->irq);
    spin_unlock(&d->pirq->lock);
}

int pirq_eoi(struct domain *d, unsigned pirq)
{
    struct pirq *p = find(d, pirq);

    if (!mapped(p))
        return -EINVAL;
    if (!atomic_load(&p->in_service))
        return 0;
    if (__atomic_load_n(&p->line, __ATOMIC_RELAXED))
        eoi_shared(d, p);
    else if (atomic_exchange(&p->in_service, false))
        irq_eoi(p->irq);
    return 0;
}

bool pirq_needs_eoi(struct domain *d, unsigned pirq)
{
    struct pirq *p = find(d, pirq);

    return mapped(p) && irq_is_level(p->irq);
}

/* ---- binding ---- */

static int bind_shared(struct pirq *p, unsigned cpu)
{
    struct line *l;
    int rc = -EBUSY;

    spin_lock(&lines_lock);
    l = lines[p->irq];
    if (l) {
        for (unsigned i = 0; rc && i < MAX_SHARERS; i++) {
            if (atomic_load(&l->guest[i]))
                continue;
            p->line = l;
            atomic_store(&l->guest[i], p);
            rc = 0;
        }
        goto out;
    }
    rc = -ENOMEM;
    l = heap_new(struct line);
    if (!l)
        goto out;
    p->line = l;
    atomic_store(&l->guest[0], p);
    rc = irq_bind(p->irq, deliver_shared, l, cpu);
    if (rc) {
        p->line = NULL;
        heap_free(l);
    } else {
        lines[p->irq] = l;
    }
out:
    spin_unlock(&lines_lock);
    return rc;
}

static void unbind_shared(struct pirq *p)
{
    struct line *l = p->line;
    bool used = false;

    spin_lock(&lines_lock);
    for (unsigned i = 0; i < MAX_SHARERS; i++) {
        if (atomic_load(&l->guest[i]) == p)
            atomic_store(&l->guest[i], NULL);
        used |= atomic_load(&l->guest[i]) != NULL;
    }
    irq_sync(p->irq); /* whoever delivers from now on knows p no more */
    if (atomic_exchange(&p->in_service, false))
        line_paid(l, p->irq);
    p->line = NULL;
    if (!used) {
        irq_unbind(p->irq);
        irq_sync(p->irq);
        lines[p->irq] = NULL;
        heap_free(l);
    }
    spin_unlock(&lines_lock);
}

int pirq_bind(struct vcpu *v, unsigned pirq, bool share)
{
    struct pirq_domain *pd = v->domain->pirq;
    struct pirq *p;
    int rc;

    spin_lock(&pd->lock);
    p = find(v->domain, pirq);
    if (!mapped(p)) {
        rc = -EPERM; /* as Xen: what is not mapped is not permitted */
    } else if (p->bound) {
        rc = -EEXIST;
    } else {
        atomic_store(&p->in_service, false);
        pd->used_irqs[p->irq / 64] |= 1ull << p->irq % 64;
        eoi_map_set(v->domain, pirq, irq_is_level(p->irq));
        rc = share && irq_is_level(p->irq) ? bind_shared(p, v->processor)
                                           : irq_bind(p->irq, deliver, p, v->processor);
        p->bound = !rc;
    }
    spin_unlock(&pd->lock);
    return rc;
}

static void unbind(struct pirq *p)
{
    if (!p->bound)
        return;
    if (p->line)
        unbind_shared(p);
    else
        irq_unbind(p->irq);
    p->bound = false;
    atomic_store(&p->in_service, false);
    eoi_map_set(p->d, p->nr, false);
}

void pirq_unbind(struct domain *d, unsigned pirq)
{
    struct pirq *p;

    spin_lock(&d->pirq->lock);
    p = find(d, pirq);
    if (p)
        unbind(p);
    spin_unlock(&d->pirq->lock);
}

void pirq_set_cpu(struct domain *d, unsigned pirq, unsigned cpu)
{
    struct pirq *p;

    spin_lock(&d->pirq->lock);
    p = find(d, pirq);
    if (p && p->bound)
        irq_set_cpu(p->irq, cpu);
    spin_unlock(&d->pirq->lock);
}

/* ---- mapping ---- */

/* The first of n free numbers in a row: GSIs' from below, messages' from above, as tools
 * expect. */
static int pick(const struct pirq_domain *pd, bool msi, unsigned n)
{
    unsigned gsis = MIN(irq_gsi_count(), pd->nr);

    if (!msi) {
        for (unsigned i = 16; i < gsis; i++)
            if (pd->pirqs[i].kind == PIRQ_FREE)
                return (int)i;
        return -ENOSPC;
    }
    for (unsigned i = pd->nr; i >= gsis + n; i--) {
        unsigned k = 0;

        while (k < n && pd->pirqs[i - n + k].kind == PIRQ_FREE)
            k++;
        if (k == n)
            return (int)(i - n);
    }
    return -ENOSPC;
}

int pirq_get_free(struct domain *d, bool msi)
{
    int rc = -ENOMEM;

    spin_lock(&d->pirq->lock);
    if (have_table(d)) {
        rc = pick(d->pirq, msi, 1);
        if (rc >= 0)
            d->pirq->pirqs[rc].kind = PIRQ_KEPT;
    }
    spin_unlock(&d->pirq->lock);
    return rc;
}

static int find_gsi(const struct pirq_domain *pd, unsigned gsi)
{
    for (unsigned i = 0; i < pd->nr; i++)
        if (pd->pirqs[i].kind == PIRQ_GSI && pd->pirqs[i].irq == gsi)
            return (int)i;
    return -1;
}

/* Under lock. */
static int map_gsi(struct pirq_domain *pd, unsigned gsi, int *pirq)
{
    int want = *pirq, old;

    if (want >= (int)pd->nr)
        return -EINVAL;
    old = find_gsi(pd, gsi);
    if (old >= 0) {
        *pirq = old;
        return 0;
    }
    if (want < 0)
        want = gsi < pd->nr && pd->pirqs[gsi].kind == PIRQ_FREE ? (int)gsi
                                                                : pick(pd, false, 1);
    if (want < 0)
        return want;
    if (mapped(&pd->pirqs[want]))
        return -EBUSY;
    pd->pirqs[want].irq = (uint16_t)gsi;
    pd->pirqs[want].kind = PIRQ_GSI;
    *pirq = want;
    return 0;
}

int pirq_map_gsi(struct domain *d, unsigned gsi, int *pirq)
{
    int rc = -ENOMEM;

    if (gsi >= irq_gsi_count())
        return -EINVAL;
    spin_lock(&d->pirq->lock);
    if (have_table(d))
        rc = map_gsi(d->pirq, gsi, pirq);
    spin_unlock(&d->pirq->lock);
    return rc;
}

int pirq_map_msi(struct domain *d, const struct pci_msi *m, unsigned n, int *pirq)
{
    struct pirq_domain *pd = d->pirq;
    unsigned irq;
    int rc, want = *pirq;

    spin_lock(&pd->lock);
    rc = -ENOMEM;
    if (!have_table(d))
        goto out;
    rc = -EINVAL;
    if (want >= 0 && (n > 1 || want >= (int)pd->nr))
        goto out;
    rc = -EBUSY;
    if (want >= 0 && mapped(&pd->pirqs[want]))
        goto out;
    if (want < 0)
        rc = want = pick(pd, true, n);
    if (want < 0)
        goto out;
    rc = pci_msi_alloc(m, n, &irq);
    if (rc)
        goto out;
    for (unsigned i = 0; i < n; i++) {
        pd->pirqs[(unsigned)want + i].irq = (uint16_t)(irq + i);
        pd->pirqs[(unsigned)want + i].kind = PIRQ_MSI;
    }
    *pirq = want;
out:
    spin_unlock(&pd->lock);
    return rc;
}

static void unmap(struct pirq *p)
{
    unbind(p);
    if (p->kind == PIRQ_MSI)
        pci_msi_free(p->irq);
    p->kind = PIRQ_FREE;
}

int pirq_unmap(struct domain *d, unsigned pirq)
{
    struct pirq *p;
    int rc = -EINVAL;

    spin_lock(&d->pirq->lock);
    p = find(d, pirq);
    if (mapped(p)) {
        unmap(p);
        rc = 0;
    }
    spin_unlock(&d->pirq->lock);
    return rc;
}

/* ---- the room ---- */

static int pirq_domain_kill(struct domain *d)
{
    struct pirq_domain *pd = d->pirq;
    struct page *pg;

    if (!pd)
        return 0;
    spin_lock(&pd->lock);
    for (unsigned i = 0; pd->pirqs && i < pd->nr; i++)
        unmap(&pd->pirqs[i]);
    pg = pd->eoi_page;
    pd->eoi_page = NULL;
    atomic_store(&pd->eoi_map, NULL);
    spin_unlock(&pd->lock);
    if (pg)
        page_put_and_type(pg);
    return 0;
}

static void pirq_domain_free(struct domain *d)
{
    struct pirq_domain *pd = d->pirq;

    if (!pd)
        return;
    for (unsigned irq = 0; irq < IRQ_MAX; irq++)
        if (pd->used_irqs[irq / 64] >> irq % 64 & 1)
            irq_sync(irq);
    heap_free(pd->pirqs);
    heap_free(pd);
    d->pirq = NULL;
}

static void pirq_dump(struct domain *d)
{
    struct pirq_domain *pd = d->pirq;

    for (unsigned i = 0; pd && pd->pirqs && i < pd->nr; i++) {
        const struct pirq *p = &pd->pirqs[i];

        if (p->bound)
            log_info("  pirq %u: irq %u %s%s, %lu so far\n", i, p->irq,
                     p->kind == PIRQ_MSI    ? "message"
                     : irq_is_level(p->irq) ? "level"
                                            : "edge",
                     p->in_service ? ", EOI owed" : "",
                     (unsigned long)irq_counter(p->irq));
    }
}

const struct room pirq_room = {
    .name = "pirq",
    .domain_init = pirq_domain_init,
    .domain_kill = pirq_domain_kill,
    .domain_free = pirq_domain_free,
    .dump = pirq_dump,
    .dump_key = 'i',
    .dump_help = "dump interrupt bindings",
};
