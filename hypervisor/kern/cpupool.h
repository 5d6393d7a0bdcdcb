/* SPDX-License-Identifier: MIT */
/* Pools of CPUs: a domain is in one and runs on that one's CPUs only. Pool 0 has all of
 * them at boot; a CPU taken out of its pool and put in no other idles. One scheduler
 * serves all pools. Callers hold the domctl lock. */
#ifndef KERN_CPUPOOL_H
#define KERN_CPUPOOL_H

#include "kern/domain.h"
#include "port/cpu.h"

#define CPUPOOL_ANY (~0u) /* a new pool's number: any; a CPU: one that fits */

struct cpupool {
    struct list_head list; /* by rising number */
    unsigned id;
    cpumask_t cpus; /* those that are not online count for nothing */
    unsigned
        ratelimit_us; /* a vCPU runs at least so long before another takes its place */
};

void cpupool_init(void);                  /* boot: pool 0 */
struct cpupool *cpupool_get(unsigned id); /* NULL: there is none */
struct cpupool *
cpupool_get_next(unsigned id); /* the first with this number or a higher */
unsigned cpupool_domains(const struct cpupool *p);
cpumask_t cpupool_free_cpus(void); /* in no pool, and not offline */
/* Tools can take CPUs offline. Such a CPU is in no pool and idles for good; it still
 * takes part in what all CPUs have to do, as flushes. Online again it belongs to pool 0.
 */
cpumask_t cpupool_usable_cpus(void); /* all that are not offline */
/* -EINVAL: no such CPU, or the first. -EEXIST: it is so already. -EBUSY: another pool's
 * than 0, or the last CPU of that. */
int cpupool_cpu_offline(unsigned cpu);
int cpupool_cpu_online(unsigned cpu);
struct cpupool *cpupool_of(const struct domain *d);
void cpupool_set_ratelimit(struct cpupool *p, unsigned us);

/* *id: wanted, or CPUPOOL_ANY, and what it got. -EEXIST, -ENOMEM. Without CPUs. */
int cpupool_create(unsigned *id);
int cpupool_destroy(struct cpupool *p); /* -EBUSY: it has CPUs or domains, or is pool 0 */
/* CPUPOOL_ANY: the first that is free. -EBUSY: it is not. -EINVAL: none is. */
int cpupool_add_cpu(struct cpupool *p, unsigned cpu);
/* CPUPOOL_ANY: the last that it has. vCPUs that may run nowhere else lose their affinity.
 * -EINVAL: it is not in there. -EBUSY: the last one, and there are domains. */
int cpupool_remove_cpu(struct cpupool *p, unsigned cpu);
/* Affinities, weight and cap begin anew. -ENOENT: the pool has no CPU. */
int cpupool_move_domain(struct domain *d, struct cpupool *p);
/* The scheduler's own: a new domain's first pool; a dying one holds none but pool 0. */
void cpupool_enter(struct domain *d, struct cpupool *p);
void cpupool_retire(struct domain *d);

#endif
