/* SPDX-License-Identifier: MIT */
/*
 * Who comes next: credits, as in Xen's credit2.
 *
 * A vCPU that runs burns credit at a speed inverse to its domain's weight (256: one per
 * ns). The queue is ordered by credit and the highest runs. When even the highest has
 * none left, all get CREDIT_INIT, and nobody keeps more than that. So, among those who
 * always want to run, time is shared by weight, and who sleeps much (I/O) comes back with
 * more credit than they have and takes a CPU at once: that is the whole of the boost.
 * Sleepers do not take part in a reset: runq.given is the sum of all resets and
 * credit_settle() makes up for those missed.
 *
 * Making way: the ratelimit spares switches, but who wakes its backend and then waits for
 * the answer sleeps in a moment, ratelimit or not. If the backend runs at once instead,
 * the answer is there before the guest's kernel has gone to sleep, and all of its work
 * for that is spared. So a vCPU that has lately slept right after it woke somebody makes
 * way when it wakes the next one. Now and then it is left to go on, to see if it still
 * would.
 *
 * Caps: a capped domain has a budget of CPU time, refilled every period by a timer;
 * running takes from it, an overrun is a debt for the next period. Without budget its
 * vCPUs are parked: runnable, but not queued.
 *
 * Locks: the run queue's for all of a unit; the budget is atomic, since a domain's vCPUs
 * lie in several queues.
 */
#include "kern/sched_credit.h"
#include "abi/domctl.h"
#include "kern/cpupool.h"
#include "kern/heap.h"
#include "kern/log.h"
#include "kern/param.h"
#include "kern/room.h"
#include "lib/errno.h"
#include "port/clock.h"

#define REFILL_PERIOD 10000000ull
#define SOON          10000ull /* ns: a kernel's way from a request to its idle loop */
#define HABIT         2        /* so often in a row it slept soon: it is believed ... */
#define TRUST         16       /* ... so often, before the next look */

static bool allowed(const struct vcpu *v, unsigned cpu)
{
    return v->cpus & cpumask_of(cpu);
}

static unsigned weight_of(const struct vcpu *v)
{
    return v->domain->sched->weight;
}

static uint64_t ratelimit(const struct vcpu *v)
{
    return v->domain->sched->ratelimit_us * 1000ull;
}

/* How long v has to run to burn so much credit. */
static uint64_t credit_to_time(const struct vcpu *v, int64_t credit)
{
    return credit <= 0 ? 0 : (uint64_t)credit * weight_of(v) / SCHED_WEIGHT_DEFAULT;
}

static void credit_settle(struct runq *rq, struct sched_unit *u)
{
    if (u->given == rq->given)
        return;
    u->credit = MIN(u->credit + (rq->given - u->given), CREDIT_INIT);
    u->given = rq->given;
}

void credit_leave(struct runq *rq, struct vcpu *v)
{
    credit_settle(rq, v->sched);
}

void credit_join(struct runq *rq, struct vcpu *v)
{
    v->sched->given = rq->given;
}

void credit_enqueue(struct runq *rq, struct vcpu *v)
{
    struct sched_unit *u = v->sched;
    struct list_head *p;

    ASSERT(!u->queued && !atomic_load(&v->running));
    credit_settle(rq, u);
    list_for_each(p, &rq->queue) if (list_entry(p, struct sched_unit, queue)->credit <
                                     u->credit) break;
    list_add_tail(&u->queue, p);
    u->queued = true;
    rq->nr_queued++;
}

void credit_dequeue(struct runq *rq, struct vcpu *v)
{
    list_del(&v->sched->queue);
    v->sched->queued = false;
    rq->nr_queued--;
}

static int64_t period_quota(const struct sched_domain *s)
{
    return (int64_t)(s->cap * (REFILL_PERIOD / 100));
}

/* A refill is under way from the first use of the budget until it is whole again. */
static void take_budget(struct sched_domain *s, int64_t ns, uint64_t now)
{
    atomic_fetch_sub(&s->budget, ns);
    if (!atomic_exchange(&s->refilling, true))
        timer_set(&s->refill, now + REFILL_PERIOD);
}

void credit_burn(struct runq *rq, struct vcpu *v, uint64_t now)
{
    struct sched_unit *u = v->sched;
    int64_t ns;

    if (v->is_idle || now <= u->burned_to)
        return;
    credit_settle(rq, u);
    ns = (int64_t)(now - u->burned_to);
    u->burned_to = now;
    u->credit -= ns * SCHED_WEIGHT_DEFAULT / weight_of(v);
    if (v->domain->sched->cap)
        take_budget(v->domain->sched, ns, now);
}

bool credit_park(struct vcpu *v)
{
    struct sched_domain *s = v->domain->sched;

    v->sched->parked = s->cap && atomic_load(&s->budget) <= 0;
    return v->sched->parked;
}

/* The highest in the queue has no credit: everybody gets some, enough to bring that one
 * above zero. */
static void reset(struct runq *rq, int64_t highest)
{
    struct sched_unit *u;
    cpumask_t m = rq->cpus;

    rq->given += CREDIT_INIT * (1 + -highest / CREDIT_INIT);
    list_for_each_entry(u, &rq->queue, queue) credit_settle(rq, u);
    for (; m; m &= m - 1) {
        struct vcpu *v = sched_cpu[__builtin_ctzll(m)].curr;

        if (v && !v->is_idle)
            credit_settle(rq, v->sched);
    }
}

static struct sched_unit *first_for(struct runq *rq, unsigned cpu)
{
    struct sched_unit *u;

    list_for_each_entry(u, &rq->queue, queue) if (allowed(u->vcpu, cpu) &&
                                                  !credit_park(u->vcpu)) return u;
    return NULL;
}

/* May prev stay where it is, whoever waits? */
static bool keeps_cpu(const struct vcpu *prev, uint64_t now)
{
    const struct sched_unit *u = prev->sched;

    return !u->yielding && now - u->since < ratelimit(prev);
}

struct vcpu *credit_pick(struct runq *rq, unsigned cpu, struct vcpu *prev, uint64_t now)
{
    bool prev_ok =
        !prev->is_idle && vcpu_runnable(prev) && allowed(prev, cpu) && !credit_park(prev);
    struct sched_unit *u = first_for(rq, cpu);

    if (prev_ok && (!u || keeps_cpu(prev, now) ||
                    (!prev->sched->yielding && prev->sched->credit >= u->credit))) {
        if (prev->sched->credit <= 0)
            reset(rq, prev->sched->credit);
        prev->sched->yielding = false;
        return prev;
    }
    if (!prev->is_idle)
        prev->sched->yielding = false;
    if (!u)
        return NULL;
    credit_dequeue(rq, u->vcpu);
    if (u->credit <= 0)
        reset(rq, u->credit);
    credit_settle(rq, u);
    return u->vcpu;
}

/* First one that would like to run there, then one that may. */
struct vcpu *credit_steal(struct runq *from, unsigned cpu)
{
    struct sched_unit *u, *second = NULL;

    list_for_each_entry(u, &from->queue, queue)
    {
        if (!allowed(u->vcpu, cpu) || credit_park(u->vcpu))
            continue;
        if (u->vcpu->soft_affinity & cpumask_of(cpu)) {
            second = u;
            break;
        }
        if (!second)
            second = u;
    }
    if (!second)
        return NULL;
    credit_dequeue(from, second->vcpu);
    return second->vcpu;
}

/* Until its credit has sunk to that of the next one; not at all if nobody waits. */
static uint64_t until_overtaken(struct runq *rq, const struct vcpu *v, int64_t by)
{
    uint64_t t = credit_to_time(v, v->sched->credit - by);
    uint64_t least = MAX(SLICE_MIN, ratelimit(v));

    return MIN(MAX(t, least), MAX(SLICE_MAX, least));
}

/* Those who use up the domain's budget together, v itself among them. */
static int nr_on_cpus(const struct domain *d)
{
    int n = 0;

    for (unsigned i = 0; i < d->max_vcpus; i++)
        n += d->vcpu[i] && atomic_load(&d->vcpu[i]->running);
    return MAX(n, 1);
}

uint64_t credit_slice_end(struct runq *rq, struct vcpu *v, struct vcpu *prev,
                          uint64_t now)
{
    struct sched_domain *s = v->domain->sched;
    struct sched_unit *next = first_for(rq, v->processor);
    uint64_t end = NO_DEADLINE;

    if (prev != v && !prev->is_idle && vcpu_runnable(prev) && !prev->sched->parked &&
        (!next || prev->sched->credit > next->credit))
        next = prev->sched;
    if (next)
        end = now + until_overtaken(rq, v, next->credit);
    if (s->cap) {
        int64_t left = atomic_load(&s->budget) / nr_on_cpus(v->domain);

        end = MIN(end, now + MAX(left, (int64_t)SLICE_MIN / 5));
    }
    return end;
}

int credit_victim(struct runq *rq, struct vcpu *v, uint64_t now, uint64_t *at)
{
    cpumask_t m = rq->cpus & v->cpus & cpu_online();
    int cpu = -1;
    struct sched_unit *worst = NULL;

    for (; m; m &= m - 1) {
        struct vcpu *c = sched_cpu[__builtin_ctzll(m)].curr;

        if (!c || c->is_idle)
            continue;
        credit_burn(rq, c, now);
        if (!worst || c->sched->credit < worst->credit) {
            worst = c->sched;
            cpu = __builtin_ctzll(m);
        }
    }
    if (!worst)
        return -1;
    if (v->sched->credit > worst->credit)
        *at = keeps_cpu(worst->vcpu, now) ? worst->since + ratelimit(worst->vcpu) : 0;
    else
        *at = now + until_overtaken(rq, worst->vcpu, v->sched->credit);
    return cpu;
}

bool credit_makes_way(struct sched_unit *u, uint64_t now)
{
    if (u->trust) {
        u->trust--;
        u->yielding = true;
        return true;
    }
    if (!u->woke)
        u->woke = now;
    return false;
}

void credit_sleeps(struct sched_unit *u, uint64_t now)
{
    if (!u->woke)
        return;
    u->habit = now - u->woke <= SOON ? MIN(u->habit + 1, HABIT) : 0;
    if (u->habit == HABIT)
        u->trust = TRUST;
    u->woke = 0;
}

/* Whoever took from the budget in the meantime relied on the timer. */
static void stop_refill(struct sched_domain *s, int64_t quota)
{
    atomic_store(&s->refilling, false);
    if (s->cap && atomic_load(&s->budget) < quota &&
        !atomic_exchange(&s->refilling, true))
        timer_set(&s->refill, clock_now() + REFILL_PERIOD);
}

/* The period is over. The timer goes on until the budget is whole, so an idle domain
 * costs nothing. */
static void refill(void *arg)
{
    struct sched_domain *s = arg;
    int64_t quota = period_quota(s), old, new;
    struct domain *d = s->domain;

    for (unsigned i = 0; i < d->max_vcpus; i++)
        if (d->vcpu[i])
            sched_account(d->vcpu[i]); /* what runs now belongs to the old period */
    old = atomic_load(&s->budget);
    do {
        new = s->cap ? MIN(old + quota, quota) : 0;
    } while (!atomic_compare_exchange_weak(&s->budget, &old, new));
    if (s->cap && old < quota)
        timer_set(&s->refill, clock_now() + REFILL_PERIOD);
    else
        stop_refill(s, quota);
    for (unsigned i = 0; i < d->max_vcpus; i++)
        if (d->vcpu[i])
            sched_unpark(d->vcpu[i]);
}

void sched_set_weight(struct domain *d, unsigned weight)
{
    d->sched->weight = (uint16_t)weight;
}

void sched_set_cap(struct domain *d, unsigned cap)
{
    struct sched_domain *s = d->sched;

    s->cap = (uint16_t)cap;
    atomic_store(&s->budget, period_quota(s));
    for (unsigned i = 0; i < d->max_vcpus; i++)
        if (d->vcpu[i])
            sched_unpark(d->vcpu[i]);
}

void sched_get_params(const struct domain *d, unsigned *weight, unsigned *cap)
{
    *weight = d->sched->weight;
    *cap = d->sched->cap;
}

static int room_domain_init(struct domain *d, const struct hv_domctl_createdomain *c)
{
    struct cpupool *p = cpupool_get(c ? c->cpupool_id : 0);
    struct sched_domain *s;

    if (!p)
        return -EINVAL;
    s = heap_new(struct sched_domain);
    if (!s)
        return -ENOMEM;
    s->weight = SCHED_WEIGHT_DEFAULT;
    s->domain = d;
    timer_init(&s->refill, refill, s, cpu_id());
    d->sched = s;
    cpupool_enter(d, p);
    return 0;
}

static int room_domain_kill(struct domain *d)
{
    cpupool_retire(d);
    timer_kill(&d->sched->refill); /* it looks at all vCPUs, which are freed one by one */
    return 0;
}

static void room_domain_free(struct domain *d)
{
    heap_free(d->sched);
    d->sched = NULL;
}

/* The idle vCPUs have a unit as well, so that the code above need not ask. */
int sched_unit_init(struct vcpu *v)
{
    struct sched_unit *u = heap_new(struct sched_unit);

    if (!u)
        return -ENOMEM;
    u->vcpu = v;
    u->credit = CREDIT_INIT;
    list_init(&u->queue);
    v->sched = u;
    return 0;
}

static int room_vcpu_init(struct vcpu *v)
{
    int rc = sched_unit_init(v);

    if (!rc)
        sched_place_new(v);
    return rc;
}

static void room_vcpu_free(struct vcpu *v)
{
    ASSERT(!v->sched->queued);
    heap_free(v->sched);
    v->sched = NULL;
}

const struct room sched_room = {
    .name = "sched",
    .domain_init = room_domain_init,
    .domain_kill = room_domain_kill,
    .domain_free = room_domain_free,
    .vcpu_init = room_vcpu_init,
    .vcpu_free = room_vcpu_free,
};
