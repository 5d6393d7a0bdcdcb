/* SPDX-License-Identifier: MIT */
/*
 * Watchdogs of guests (SCHEDOP_watchdog): each domain may have two; one that is not set
 * again in time shuts its domain down. Lock: d->lock (RANK_DOMAIN).
 */
#include "abi/sched.h"
#include "kern/domain.h"
#include "kern/heap.h"
#include "kern/log.h"
#include "kern/timer.h"
#include "lib/errno.h"
#include "port/clock.h"

#define WATCHDOGS 2

struct watchdogs {
    struct timer timer[WATCHDOGS];
    uint32_t in_use; /* bit n: timer n */
};

static void fires(void *arg)
{
    struct domain *d = arg;

    if (atomic_load(&d->dying) || d->is_shutting_down)
        return;
    log_err("Domain %u: watchdog fired", d->id);
    domain_shutdown(d, HV_SHUTDOWN_WATCHDOG);
}

static struct watchdogs *make(struct domain *d)
{
    struct watchdogs *w = heap_new(struct watchdogs);

    for (unsigned i = 0; w && i < WATCHDOGS; i++)
        timer_init(&w->timer[i], fires, d, cpu_id());
    return w;
}

static int set(struct domain *d, uint32_t id, uint32_t seconds)
{
    struct watchdogs *w = d->watchdogs;
    unsigned i = id - 1;
    int rc = 0;

    if (!id) {
        for (i = 0; i < WATCHDOGS && (w->in_use & (1u << i)); i++)
            ;
        if (i == WATCHDOGS)
            return -ENOSPC;
        w->in_use |= 1u << i;
        rc = (int)i + 1;
    } else if (i >= WATCHDOGS || !(w->in_use & (1u << i))) {
        return -EINVAL;
    }
    if (seconds) {
        timer_set(&w->timer[i], clock_now() + seconds * 1000000000ull);
    } else {
        timer_stop(&w->timer[i]);
        w->in_use &= ~(1u << i);
    }
    return rc;
}

int domain_watchdog(struct domain *d, uint32_t id, uint32_t seconds)
{
    int rc;

    if (id > WATCHDOGS || (!id && !seconds))
        return -EINVAL;
    spin_lock(&d->lock);
    if (!d->watchdogs)
        d->watchdogs = make(d);
    rc = d->watchdogs ? set(d, id, seconds) : -ENOMEM;
    spin_unlock(&d->lock);
    return rc;
}

void domain_watchdog_stop(struct domain *d)
{
    struct watchdogs *w;

    spin_lock(&d->lock);
    w = d->watchdogs;
    d->watchdogs = NULL;
    spin_unlock(&d->lock);
    for (unsigned i = 0; w && i < WATCHDOGS; i++)
        timer_kill(&w->timer[i]);
    heap_free(w);
}
