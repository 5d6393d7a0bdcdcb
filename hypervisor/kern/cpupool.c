/* SPDX-License-Identifier: MIT */
/* Pools of CPUs. The scheduler knows them as the mask that a vCPU's affinity is cut to
 * (sched.c); here is who belongs where. */
#include "kern/cpupool.h"
#include "kern/heap.h"
#include "kern/param.h"
#include "kern/sched_credit.h"
#include "kern/vcpu.h"
#include "lib/errno.h"

static struct cpupool first;
static struct list_head pools = LIST_INIT(pools);
static cpumask_t offline; /* taken off by tools; in no pool */

void cpupool_init(void)
{
    first = (struct cpupool){.cpus = CPUMASK_ALL,
                             .ratelimit_us = boot_params.sched_ratelimit_us};
    list_init(&pools);
    list_add_tail(&first.list, &pools);
}

struct cpupool *cpupool_get_next(unsigned id)
{
    struct cpupool *p;

    list_for_each_entry(p, &pools, list) if (p->id >= id) return p;
    return NULL;
}

struct cpupool *cpupool_get(unsigned id)
{
    struct cpupool *p = cpupool_get_next(id);

    return p && p->id == id ? p : NULL;
}

struct cpupool *cpupool_of(const struct domain *d)
{
    return d->sched->pool;
}

void cpupool_set_ratelimit(struct cpupool *p, unsigned us)
{
    struct domain *d;

    p->ratelimit_us = us;
    for (domid_t id = 0; (d = domain_get_next(id)); domain_put(d)) {
        id = (domid_t)(d->id + 1);
        d->sched->ratelimit_us = cpupool_of(d)->ratelimit_us;
    }
}

/* fn, if any, is called with each of the pool's domains; says how many there are. */
static unsigned each_domain(const struct cpupool *p, void (*fn)(struct domain *d))
{
    struct domain *d;
    unsigned n = 0;

    for (domid_t id = 0; (d = domain_get_next(id)); domain_put(d)) {
        id = (domid_t)(d->id + 1);
        if (cpupool_of(d) != p)
            continue;
        n++;
        if (fn)
            fn(d);
    }
    return n;
}

unsigned cpupool_domains(const struct cpupool *p)
{
    return each_domain(p, NULL);
}

cpumask_t cpupool_free_cpus(void)
{
    cpumask_t used = 0;
    struct cpupool *p;

    list_for_each_entry(p, &pools, list) used |= p->cpus;
    return cpu_online() & ~used & ~offline;
}

cpumask_t cpupool_usable_cpus(void)
{
    return cpu_online() & ~offline;
}

int cpupool_create(unsigned *id)
{
    struct list_head *at = &pools;
    struct cpupool *p, *n;
    unsigned free = 0;

    list_for_each_entry(p, &pools, list) if (p->id == free) free++;
    if (*id == CPUPOOL_ANY)
        *id = free;
    if (cpupool_get(*id))
        return -EEXIST;
    n = heap_new(struct cpupool);
    if (!n)
        return -ENOMEM;
    n->id = *id;
    n->ratelimit_us = boot_params.sched_ratelimit_us;
    p = cpupool_get_next(*id);
    if (p)
        at = &p->list;
    list_add_tail(&n->list, at); /* before the next one */
    return 0;
}

int cpupool_destroy(struct cpupool *p)
{
    if (p == &first || (p->cpus & cpu_online()) || cpupool_domains(p))
        return -EBUSY;
    list_del(&p->list);
    heap_free(p);
    return 0;
}

static void cpus_changed(struct domain *d)
{
    for (unsigned i = 0; i < d->max_vcpus; i++)
        if (d->vcpu[i])
            sched_pool_changed(d->vcpu[i]);
}

void cpupool_enter(struct domain *d, struct cpupool *p)
{
    d->sched->pool = p;
    d->sched->ratelimit_us = p->ratelimit_us;
}

void cpupool_retire(struct domain *d)
{
    if (cpupool_of(d) == &first)
        return;
    cpupool_enter(d, &first);
    cpus_changed(d);
}

int cpupool_add_cpu(struct cpupool *p, unsigned cpu)
{
    cpumask_t free = cpupool_free_cpus();

    if (cpu == CPUPOOL_ANY && free)
        cpu = (unsigned)__builtin_ctzll(free);
    if (cpu >= cpu_count())
        return -EINVAL;
    if (!(free & cpumask_of(cpu)))
        return -EBUSY;
    p->cpus |= cpumask_of(cpu);
    (void)each_domain(p, cpus_changed);
    return 0;
}

int cpupool_remove_cpu(struct cpupool *p, unsigned cpu)
{
    cpumask_t have = p->cpus & cpu_online();

    if (cpu == CPUPOOL_ANY && have)
        cpu = 63u - (unsigned)__builtin_clzll(have);
    if (cpu >= cpu_count() || !(have & cpumask_of(cpu)))
        return -EINVAL;
    if (have == cpumask_of(cpu) && cpupool_domains(p))
        return -EBUSY;
    p->cpus &= ~cpumask_of(cpu);
    (void)each_domain(p, cpus_changed);
    return 0;
}

int cpupool_move_domain(struct domain *d, struct cpupool *p)
{
    if (cpupool_of(d) == p)
        return 0;
    if (!(p->cpus & cpu_online()))
        return -ENOENT;
    cpupool_enter(d, p);
    sched_set_weight(d, SCHED_WEIGHT_DEFAULT);
    sched_set_cap(d, 0);
    for (unsigned i = 0; i < d->max_vcpus; i++) {
        struct vcpu *v = d->vcpu[i];

        if (!v)
            continue;
        (void)sched_set_hard_affinity(v, CPUMASK_ALL);
        (void)sched_set_soft_affinity(v, CPUMASK_ALL);
    }
    return 0;
}

static struct cpupool *pool_with(unsigned cpu)
{
    struct cpupool *p;

    list_for_each_entry(p, &pools, list) if (p->cpus & cpumask_of(cpu)) return p;
    return NULL;
}

int cpupool_cpu_offline(unsigned cpu)
{
    struct cpupool *p;
    int rc;

    if (cpu == 0 || cpu >= cpu_count())
        return -EINVAL;
    if (!(cpupool_usable_cpus() & cpumask_of(cpu)))
        return -EEXIST;
    p = pool_with(cpu);
    if (p && p != &first)
        return -EBUSY;
    rc = p ? cpupool_remove_cpu(p, cpu) : 0;
    if (!rc)
        offline |= cpumask_of(cpu);
    return rc;
}

int cpupool_cpu_online(unsigned cpu)
{
    if (cpu >= cpu_count() || !(cpu_online() & cpumask_of(cpu)))
        return -EINVAL;
    if (!(offline & cpumask_of(cpu)))
        return -EEXIST;
    offline &= ~cpumask_of(cpu);
    return cpupool_add_cpu(&first, cpu);
}
