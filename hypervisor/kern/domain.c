/* SPDX-License-Identifier: MIT */
/*
 * Domains: life cycle, lookup, references, pausing, shutting down.
 *
 * A domain is born paused and in the list with one reference of its own, which
 * domain_kill() gives back. Whoever uses it outside of its own vCPUs' calls holds
 * another. alive -> dying: nothing new is given to it, the rooms take back what it holds
 * (preemptible) -> dead: only references keep it -> the last put takes it off the list
 * and frees it from a task, since a put can happen under any lock.
 *
 * Locks: domlist_lock (RANK_DOMLIST) for the list and the hash; d->lock for the fields
 * marked (d). Pause counts are atomic.
 */
#include "kern/domain.h"
#include "abi/domctl.h"
#include "abi/sched.h"
#include "kern/heap.h"
#include "kern/log.h"
#include "kern/page_alloc.h"
#include "kern/param.h"
#include "kern/room.h"
#include "kern/vcpu.h"
#include "lib/errno.h"
#include "lib/rangeset.h"
#include "lib/string.h"
#include "port/clock.h"
#include "port/map.h"

#define HASH 64
/* A toolstack gone wild must not overflow d->pauses. */
#define MAX_CONTROLLER_PAUSES 255

struct domain *dom0;
void (*domain_state_changed)(struct domain *d);

static rwlock_t domlist_lock = RWLOCK_INIT(RANK_DOMLIST);
static struct list_head domlist = LIST_INIT(domlist);
static struct domain *hash[HASH];
static domid_t last_id; /* the next free one behind it is given */

static void state_changed(struct domain *d)
{
    if (domain_state_changed)
        domain_state_changed(d);
}

void domains_init(void)
{
    rwlock_init(&domlist_lock, RANK_DOMLIST);
    list_init(&domlist);
    memset(hash, 0, sizeof(hash));
    last_id = 0;
    dom0 = NULL;
}

/* Lookup. domlist_lock is held in these. */
static struct domain *find(domid_t id)
{
    struct domain *d = hash[id % HASH];

    while (d && d->id != id)
        d = d->hash_next;
    return d;
}

static void enlist(struct domain *d)
{
    struct list_head *p;

    list_for_each(p, &domlist) if (list_entry(p, struct domain, list)->id > d->id) break;
    list_add_tail(&d->list, p);
    d->hash_next = hash[d->id % HASH];
    hash[d->id % HASH] = d;
}

static void delist(struct domain *d)
{
    struct domain **p = &hash[d->id % HASH];

    while (*p != d)
        p = &(*p)->hash_next;
    *p = d->hash_next;
    list_del(&d->list);
}

static bool pick_id(domid_t *id)
{
    domid_t n = last_id;

    for (unsigned tries = 0; tries < HV_DOMID_FIRST_RESERVED; tries++) {
        if (++n >= HV_DOMID_FIRST_RESERVED)
            n = 1;
        if (!find(n)) {
            *id = last_id = n;
            return true;
        }
    }
    return false;
}

bool domain_hold(struct domain *d)
{
    uint32_t n = atomic_load(&d->refs);

    while (n)
        if (atomic_compare_exchange_weak(&d->refs, &n, n + 1))
            return true;
    return false;
}

struct domain *domain_get(domid_t id)
{
    struct domain *d;

    read_lock(&domlist_lock);
    d = find(id);
    if (d && (!atomic_load(&d->ready) || !domain_hold(d)))
        d = NULL;
    read_unlock(&domlist_lock);
    return d;
}

struct domain *domain_get_next(domid_t id)
{
    struct domain *d, *found = NULL;

    read_lock(&domlist_lock);
    list_for_each_entry(d, &domlist, list)
    {
        if (d->id >= id && atomic_load(&d->ready) && domain_hold(d)) {
            found = d;
            break;
        }
    }
    read_unlock(&domlist_lock);
    return found;
}

/* Creation and freeing. */
static void free_memory(struct domain *d)
{
    rangeset_free(d->iomem);
    rangeset_free(d->ioports);
    rangeset_free(d->irqs);
    if (d->shared)
        page_free_mapped(d->shared, 0);
    heap_free(d->vcpu);
    heap_free(d);
}

static void domain_free(void *arg)
{
    struct domain *d = arg;

    write_lock(&domlist_lock);
    delist(d);
    write_unlock(&domlist_lock);
    for (unsigned i = d->max_vcpus; i-- > 0;)
        if (d->vcpu[i])
            vcpu_free(d->vcpu[i]);
    rooms_domain_free(d);
    state_changed(d);
    free_memory(d);
}

void domain_put(struct domain *d)
{
    if (atomic_fetch_sub(&d->refs, 1) == 1)
        task_kick(&d->free_task);
}

static struct domain *new_domain(domid_t id)
{
    struct domain *d = heap_new(struct domain);

    if (!d)
        return NULL;
    d->id = id;
    d->shutdown_code = -1;
    d->shared_mfn = INVALID_MFN;
    spin_init(&d->lock, RANK_DOMAIN);
    list_init(&d->list);
    task_init(&d->free_task, domain_free, d);
    atomic_init(&d->refs, 1);
    return d;
}

struct domain *domain_create_special(domid_t id)
{
    return new_domain(id);
}

static int alloc_memory(struct domain *d)
{
    d->vcpu = heap_alloc(d->max_vcpus * sizeof(d->vcpu[0]));
    d->iomem = rangeset_new();
    d->ioports = rangeset_new();
    d->irqs = rangeset_new();
    d->shared = page_alloc_mapped(0);
    if (!d->vcpu || !d->iomem || !d->ioports || !d->irqs || !d->shared)
        return -ENOMEM;
    d->shared_mfn = map_to_mfn(d->shared);
    for (unsigned i = 0; i < HV_LEGACY_MAX_VCPUS; i++)
        d->shared->vcpu_info[i].evtchn_upcall_mask = 1;
    return 0;
}

/* The id is taken with the entry into the list, so that two creations cannot get the
 * same. */
static int take_id(struct domain *d, domid_t id)
{
    int rc = 0;

    write_lock(&domlist_lock);
    if (id == HV_DOMID_INVALID)
        rc = pick_id(&d->id) ? 0 : -ENOMEM;
    else if (id >= HV_DOMID_FIRST_RESERVED)
        rc = -EINVAL;
    else if (find(id))
        rc = -EEXIST;
    if (!rc)
        enlist(d);
    write_unlock(&domlist_lock);
    return rc;
}

int domain_create(domid_t id, const struct hv_domctl_createdomain *c, struct domain **out)
{
    struct domain *d;
    int rc;

    if (!c->max_vcpus || c->max_vcpus > HV_MAX_VCPUS)
        return -EINVAL;
    d = new_domain(id);
    if (!d)
        return -ENOMEM;
    d->max_vcpus = c->max_vcpus;
    d->create_flags = c->flags;
    d->is_hvm = c->flags & HV_DOMCTL_CDF_HVM;
    d->ssidref = c->ssidref;
    d->privileged = id == 0;
    memcpy(d->handle, c->handle, sizeof(d->handle));
    d->controller_pauses = 1;
    atomic_store(&d->pauses, 1);
    rc = alloc_memory(d);
    if (rc)
        goto free;
    rc = take_id(d, id);
    if (rc)
        goto free;
    rc = rooms_domain_init(d, c);
    if (rc)
        goto delist;
    if (d->privileged)
        dom0 = d;
    else
        page_alloc_keep_open();
    atomic_fetch_add(&d->refs, 1); /* the caller's */
    atomic_store(&d->ready, true);
    *out = d;
    return 0;

delist:
    write_lock(&domlist_lock);
    delist(d);
    write_unlock(&domlist_lock);
free:
    free_memory(d);
    return rc;
}

int domain_kill(struct domain *d)
{
    int rc;

    if (cpu_current() && cpu_current()->domain == d)
        return -EINVAL;
    if (atomic_load(&d->dying) == DOM_ALIVE) {
        domain_pause(d);
        spin_lock(&d->lock);
        atomic_store(&d->dying, DOM_DYING);
        spin_unlock(&d->lock);
        domain_watchdog_stop(d);
    }
    if (atomic_load(&d->dying) == DOM_DEAD)
        return 0;
    rc = rooms_domain_kill(d);
    if (rc)
        return rc;
    atomic_store(&d->dying, DOM_DEAD);
    state_changed(d);
    domain_put(d);
    return 0;
}

/* Pausing. */
void domain_pause_nosync(struct domain *d)
{
    atomic_fetch_add(&d->pauses, 1);
    for (unsigned i = 0; i < d->max_vcpus; i++)
        if (d->vcpu[i])
            vcpu_sleep_nosync(d->vcpu[i]);
}

void domain_pause(struct domain *d)
{
    domain_pause_nosync(d);
    for (unsigned i = 0; i < d->max_vcpus; i++)
        if (d->vcpu[i])
            vcpu_sleep_sync(d->vcpu[i]);
}

void domain_unpause(struct domain *d)
{
    if (atomic_fetch_sub(&d->pauses, 1) != 1)
        return;
    for (unsigned i = 0; i < d->max_vcpus; i++)
        if (d->vcpu[i])
            vcpu_wake(d->vcpu[i]);
}

int domain_pause_by_controller(struct domain *d)
{
    int rc = 0;

    spin_lock(&d->lock);
    if (d->controller_pauses >= MAX_CONTROLLER_PAUSES)
        rc = -E2BIG;
    else
        d->controller_pauses++;
    spin_unlock(&d->lock);
    if (!rc)
        domain_pause(d);
    return rc;
}

int domain_unpause_by_controller(struct domain *d)
{
    int rc = 0;

    spin_lock(&d->lock);
    if (!d->controller_pauses)
        rc = -EINVAL;
    else if (!--d->controller_pauses)
        d->creation_finished = true;
    spin_unlock(&d->lock);
    if (!rc)
        domain_unpause(d);
    return rc;
}

/* Shutting down. */
static void wait_ms(unsigned ms)
{
    uint64_t end = clock_now() + ms * 1000000ull;

    while (clock_now() < end)
        cpu_relax();
}

/* The machine goes with its control domain. */
static void dom0_shutdown(int reason)
{
    switch (reason) {
    case HV_SHUTDOWN_POWEROFF:
        log_info("Hardware Dom0 halted: halting machine");
        machine_poweroff();
    case HV_SHUTDOWN_CRASH:
    case HV_SHUTDOWN_WATCHDOG:
        if (boot_params.noreboot) {
            log_info("Hardware Dom0 crashed: 'noreboot' set - not rebooting.");
            cpu_halt_forever();
        }
        log_info("Hardware Dom0 crashed: rebooting machine in 5 seconds.");
        wait_ms(5000);
        machine_restart();
    default:
        log_info("Hardware Dom0 shutdown: rebooting machine");
        machine_restart();
    }
}

void domain_set_shutdown_code(struct domain *d, int reason)
{
    spin_lock(&d->lock);
    if (d->shutdown_code < 0)
        d->shutdown_code = reason;
    spin_unlock(&d->lock);
}

void domain_shutdown(struct domain *d, int reason)
{
    bool first;

    domain_set_shutdown_code(d, reason);
    if (d->privileged)
        dom0_shutdown(d->shutdown_code);
    spin_lock(&d->lock);
    first = !d->is_shutting_down;
    d->is_shutting_down = true;
    spin_unlock(&d->lock);
    if (!first)
        return;
    domain_pause_nosync(d);
    spin_lock(&d->lock);
    d->is_shut_down = true;
    spin_unlock(&d->lock);
    state_changed(d);
}

int domain_resume(struct domain *d)
{
    bool was;

    spin_lock(&d->lock);
    was = d->is_shut_down;
    d->is_shutting_down = d->is_shut_down = false;
    d->shutdown_code = -1;
    spin_unlock(&d->lock);
    if (was)
        domain_unpause(d);
    return 0;
}

void domain_crash(struct domain *d, const char *fmt, ...)
{
    struct vcpu *v = cpu_current();
    char text[160];
    va_list ap;

    if (d->is_shutting_down)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (v && v->domain == d)
        log_err("Domain %u (vcpu#%u) crashed on cpu#%u: %s", d->id, v->id, cpu_id(),
                text);
    else
        log_err("Domain %u crashed: %s", d->id, text);
    domain_shutdown(d, HV_SHUTDOWN_CRASH);
}
