/* SPDX-License-Identifier: MIT */
/*
 * The scheduler's mechanism: sleeping, waking, switching, placing on CPUs, run states.
 * sched_credit.c says who comes next.
 *
 * A vCPU is in one of these states, all seen under the lock of its run queue, which is
 * that of the CPU v->processor: sleeping   not runnable, not queued, not running queued
 * runnable, in the queue of v->processor running    its state is in CPU v->processor,
 * whose sched_cpu.curr it is; or, for a short time, curr is already another and the
 * machine still saves it: sched_switched() ends that. So nobody in a queue runs anywhere,
 * and a vCPU cannot be picked before it is saved. parked     runnable, but over its
 * domain's cap v->processor changes only while it is neither queued nor running (or,
 * stealing, under both queues' locks); who takes the lock therefore looks again
 * afterwards (lock_vcpu).
 *
 * Work-conserving: a CPU sets its bit in idle_cpus and then looks into all queues; who
 * queues a vCPU looks at idle_cpus afterwards. One of them sees the other.
 *
 * Locks: runq.lock, RANK_SCHED, irqs masked; a second one is only tried.
 */
#include "kern/sched_credit.h"
#include "kern/cpupool.h"
#include "kern/heap.h"
#include "kern/log.h"
#include "kern/page_alloc.h"
#include "kern/param.h"
#include "kern/room.h"
#include "kern/softirq.h"
#include "lib/errno.h"
#include "port/clock.h"
#include "port/upcall.h"

struct sched_cpu sched_cpu[HV_MAX_CPUS];
void (*sched_runstate_changed)(struct vcpu *v);

static struct runq runqs[HV_MAX_CPUS / RUNQ_CPUS];
static unsigned nr_runqs;
static _Atomic uint64_t idle_cpus; /* idle and not yet told to look for work */
static struct domain *idle_domain;

static struct runq *runq_of(unsigned cpu)
{
    return sched_cpu[cpu].rq;
}

static struct runq *lock_vcpu(struct vcpu *v, irqflags_t *f)
{
    for (;;) {
        struct runq *rq = runq_of(__atomic_load_n(&v->processor, __ATOMIC_RELAXED));

        *f = spin_lock_irq(&rq->lock);
        if (runq_of(v->processor) == rq)
            return rq;
        spin_unlock_irq(&rq->lock, *f);
    }
}

static void set_runstate(struct vcpu *v, int state, uint64_t now)
{
    struct hv_vcpu_runstate_info *r = &v->runstate;

    if (r->state == state)
        return;
    if (now > r->state_entry_time)
        r->time[r->state] += now - r->state_entry_time;
    r->state_entry_time = now;
    r->state = state;
}

static int sleeping_state(struct vcpu *v)
{
    return atomic_load(&v->pause_flags) & VPF_BLOCKED ? HV_RUNSTATE_BLOCKED
                                                      : HV_RUNSTATE_OFFLINE;
}

void sched_runstate_of(struct vcpu *v, struct hv_vcpu_runstate_info *out)
{
    irqflags_t f;
    struct runq *rq = lock_vcpu(v, &f);
    uint64_t now = clock_now();

    *out = v->runstate;
    if (now > out->state_entry_time)
        out->time[out->state] += now - out->state_entry_time;
    spin_unlock_irq(&rq->lock, f);
}

/* Where to. */
static unsigned first_cpu(cpumask_t m)
{
    return (unsigned)__builtin_ctzll(m);
}

/* One of the mask: the CPU it ran on, one with the same queue, any. */
static unsigned nearest(struct vcpu *v, cpumask_t m)
{
    if (m & cpumask_of(v->processor))
        return v->processor;
    if (m & runq_of(v->processor)->cpus)
        return first_cpu(m & runq_of(v->processor)->cpus);
    return first_cpu(m);
}

/* Per CPU, in percent; read without the other queues' locks: only a hint. */
static unsigned load_of(const struct runq *rq)
{
    unsigned cpus = (unsigned)__builtin_popcountll(rq->cpus & cpu_online());

    return cpus ? (rq->nr_queued + rq->nr_running) * 100 / cpus : ~0u;
}

/* No CPU is idle: its own queue, unless another one is much shorter. */
static unsigned least_loaded(struct vcpu *v, cpumask_t m)
{
    struct runq *own = runq_of(v->processor), *best = NULL;

    for (unsigned i = 0; i < nr_runqs; i++)
        if ((runqs[i].cpus & m) && (!best || load_of(&runqs[i]) < load_of(best)))
            best = &runqs[i];
    if ((own->cpus & m) && (!best || load_of(best) + 100 >= load_of(own)))
        best = own;
    return best ? nearest(v, m & best->cpus) : v->processor;
}

static unsigned choose_cpu(struct vcpu *v)
{
    cpumask_t m = v->cpus & cpu_online(), idle = atomic_load(&idle_cpus) & m;

    if (!m)
        return v->processor; /* all its CPUs went: it waits */
    if (idle & v->soft_affinity)
        return nearest(v, idle & v->soft_affinity);
    if (idle)
        return nearest(v, idle);
    if (m & v->soft_affinity)
        m &= v->soft_affinity;
    return least_loaded(v, m);
}

/* An idle CPU that v may use is told to look for work; -1: there is none. */
static int rouse_idle(struct vcpu *v)
{
    cpumask_t idle = atomic_load(&idle_cpus) & v->cpus & cpu_online();

    while (idle) {
        cpumask_t want = idle & v->soft_affinity ? idle & v->soft_affinity : idle;
        cpumask_t bit = cpumask_of(nearest(v, want));

        if (atomic_fetch_and(&idle_cpus, ~bit) & bit) {
            softirq_raise_cpu(first_cpu(bit), SOFTIRQ_SCHEDULE);
            return (int)first_cpu(bit);
        }
        idle &= ~bit;
    }
    return -1;
}

/* v was queued: makes an idle CPU fetch it, or one that runs a lesser one give way, now
 * or at the right time. An idle CPU of another queue may find other work before it comes
 * to look, so v has to have its turn here all the same. by: who woke it, or NULL. */
static void tickle(struct runq *rq, struct vcpu *v, struct vcpu *by, uint64_t now)
{
    int idle = rouse_idle(v), cpu;
    uint64_t at;

    if (idle >= 0 && runq_of((unsigned)idle) == rq)
        return;
    cpu = credit_victim(rq, v, now, &at);
    if (cpu < 0)
        return;
    if (idle >= 0)
        at = MAX(at, now + SLICE_MIN);
    else if (at && sched_cpu[cpu].curr == by && credit_makes_way(by->sched, now))
        at = 0;
    if (!at)
        softirq_raise_cpu((unsigned)cpu, SOFTIRQ_SCHEDULE);
    else if (!timer_active(&sched_cpu[cpu].slice) || sched_cpu[cpu].slice.expires > at)
        timer_set(&sched_cpu[cpu].slice, at);
}

static bool may_queue(struct vcpu *v)
{
    return vcpu_runnable(v) && !v->sched->queued && !atomic_load(&v->running) &&
           !credit_park(v);
}

/* rq is locked and v's; v does not lie in it. Finds a CPU for v, perhaps one of another
 * queue, which is then locked instead. While no lock is held the affinity may change. */
static struct runq *settle(struct runq *rq, struct vcpu *v, irqflags_t *f)
{
    for (;;) {
        unsigned cpu = choose_cpu(v);

        if (runq_of(cpu) == rq) {
            v->processor = cpu;
            return rq;
        }
        credit_leave(rq, v);
        credit_join(runq_of(cpu), v); /* may be a reset too old: then it gets that one */
        __atomic_store_n(&v->processor, cpu, __ATOMIC_RELAXED);
        spin_unlock_irq(&rq->lock, *f);
        rq = lock_vcpu(v, f);
        if (!may_queue(v) || (v->cpus & cpumask_of(v->processor)))
            return rq;
    }
}

/* rq is locked and v's; v may be queued. Queues it and sees to it that somebody looks.
 * by: who woke it, or NULL. Unlocks. */
static void place(struct runq *rq, struct vcpu *v, struct vcpu *by, irqflags_t f)
{
    rq = settle(rq, v, &f);
    if (may_queue(v)) { /* others may have been faster while no lock was held */
        uint64_t now = clock_now();

        set_runstate(v, HV_RUNSTATE_RUNNABLE, now);
        credit_enqueue(rq, v);
        atomic_thread_fence(memory_order_seq_cst); /* pairs with go_idle() */
        tickle(rq, v, by, now);
    }
    spin_unlock_irq(&rq->lock, f);
}

void sched_unpark(struct vcpu *v)
{
    irqflags_t f;
    struct runq *rq = lock_vcpu(v, &f);

    if (v->sched->queued && v->sched->parked && !credit_park(v)) {
        tickle(rq, v, NULL, clock_now()); /* those who looked passed it over */
    } else if (v->sched->parked && may_queue(v)) {
        place(rq, v, NULL, f);
        return;
    }
    spin_unlock_irq(&rq->lock, f);
}

void sched_account(struct vcpu *v)
{
    irqflags_t f;
    struct runq *rq = lock_vcpu(v, &f);

    if (sched_cpu[v->processor].curr == v)
        credit_burn(rq, v, clock_now());
    spin_unlock_irq(&rq->lock, f);
}

void vcpu_wake(struct vcpu *v)
{
    irqflags_t f;
    struct runq *rq = lock_vcpu(v, &f);
    uint64_t now = clock_now();

    if (!vcpu_runnable(v)) {
        /* Another reason keeps it from running; it may be another state. */
        if (!atomic_load(&v->running) && !v->sched->queued)
            set_runstate(v, sleeping_state(v), now);
    } else if (atomic_load(&v->running)) {
        if (sched_cpu[v->processor].curr != v)
            set_runstate(v, HV_RUNSTATE_RUNNABLE,
                         now); /* sched_switched() will place it */
    } else if (!v->sched->queued) {
        set_runstate(v, HV_RUNSTATE_RUNNABLE, now);
        if (may_queue(v)) {
            place(rq, v, cpu_current(), f);
            return;
        }
    }
    spin_unlock_irq(&rq->lock, f);
}

void vcpu_sleep_nosync(struct vcpu *v)
{
    irqflags_t f;
    struct runq *rq = lock_vcpu(v, &f);

    if (!vcpu_runnable(v)) {
        if (atomic_load(&v->running) && sched_cpu[v->processor].curr == v) {
            softirq_raise_cpu(v->processor, SOFTIRQ_SCHEDULE);
        } else {
            if (v->sched->queued)
                credit_dequeue(rq, v);
            v->sched->parked = false;
            set_runstate(v, sleeping_state(v), clock_now());
        }
    }
    spin_unlock_irq(&rq->lock, f);
}

void vcpu_yield(void)
{
    cpu_current()->sched->yielding = true;
    softirq_raise(SOFTIRQ_SCHEDULE);
}

/* Nothing in the own queue: this CPU says that it is idle, then looks into the others. */
static struct vcpu *go_idle(struct runq *rq, unsigned cpu)
{
    unsigned own = (unsigned)(rq - runqs);

    atomic_fetch_or(&idle_cpus, cpumask_of(cpu));
    atomic_thread_fence(memory_order_seq_cst); /* pairs with place() */
    for (unsigned i = 1; i < nr_runqs; i++) {
        struct runq *other = &runqs[(own + i) % nr_runqs];
        struct vcpu *v;

        if (!__atomic_load_n(&other->nr_queued, __ATOMIC_RELAXED))
            continue;
        if (!spin_trylock(&other->lock)) {
            softirq_raise(SOFTIRQ_SCHEDULE); /* look again soon */
            continue;
        }
        v = credit_steal(other, cpu);
        if (v) {
            credit_leave(other, v);
            credit_join(rq, v);
            __atomic_store_n(&v->processor, cpu, __ATOMIC_RELAXED);
        }
        spin_unlock(&other->lock);
        if (v)
            return v;
    }
    return NULL;
}

static struct vcpu *choose_next(struct runq *rq, unsigned cpu, struct vcpu *prev,
                                uint64_t now)
{
    struct vcpu *next = credit_pick(rq, cpu, prev, now);

    if (!next)
        next = go_idle(rq, cpu);
    if (!next)
        return sched_cpu[cpu].idle;
    if (atomic_load(&idle_cpus) & cpumask_of(cpu))
        atomic_fetch_and(&idle_cpus, ~cpumask_of(cpu));
    return next;
}

static void set_slice(struct runq *rq, struct sched_cpu *c, struct vcpu *prev,
                      uint64_t now)
{
    uint64_t end =
        c->curr->is_idle ? NO_DEADLINE : credit_slice_end(rq, c->curr, prev, now);

    if (end != NO_DEADLINE)
        timer_set(&c->slice, end);
    else if (timer_active(&c->slice))
        timer_stop(&c->slice);
}

static void move_timers(struct vcpu *v, unsigned cpu)
{
    struct timer *t[] = {&v->periodic_timer, &v->singleshot_timer, &v->poll_timer};

    for (unsigned i = 0; i < ARRAY_SIZE(t); i++)
        if (t[i]->fn && t[i]->cpu != cpu)
            timer_migrate(t[i], cpu);
}

/* The lock is held; prev stops and next starts to run on this CPU. */
static void account_switch(struct runq *rq, struct sched_cpu *c, struct vcpu *prev,
                           struct vcpu *next, uint64_t now)
{
    set_runstate(prev, vcpu_runnable(prev) ? HV_RUNSTATE_RUNNABLE : sleeping_state(prev),
                 now);
    set_runstate(next, HV_RUNSTATE_RUNNING, now);
    rq->nr_running += (unsigned)!next->is_idle - (unsigned)!prev->is_idle;
    next->sched->since = next->sched->burned_to = now;
    next->processor = cpu_id();
    atomic_store(&next->running, true);
    c->curr = next;
}

/* SOFTIRQ_SCHEDULE. Returns only if the same vCPU goes on. */
static void schedule(void)
{
    unsigned cpu = cpu_id();
    struct sched_cpu *c = &sched_cpu[cpu];
    struct runq *rq = c->rq;
    struct vcpu *prev = c->curr, *next;
    irqflags_t f = spin_lock_irq(&rq->lock);
    uint64_t now = clock_now();

    credit_burn(rq, prev, now);
    if (!vcpu_runnable(prev))
        credit_sleeps(prev->sched, now);
    next = choose_next(rq, cpu, prev, now);
    if (next != prev)
        account_switch(rq, c, prev, next, now);
    set_slice(rq, c, prev, now);
    spin_unlock(&rq->lock);
    if (next == prev) {
        irq_restore(f);
        return;
    }
    if (sched_runstate_changed) {
        if (!prev->is_idle) /* its address space is still the current one */
            sched_runstate_changed(prev);
        if (!next->is_idle)
            sched_runstate_changed(next);
    }
    move_timers(next, cpu);
    ctx_switch(&prev->hw, &next->hw);
}

void sched_switched(struct vcpu *prev)
{
    irqflags_t f;
    struct runq *rq;

    if (prev->is_idle)
        return;
    rq = lock_vcpu(prev, &f);
    atomic_store(&prev->running, false);
    if (may_queue(prev)) {
        place(rq, prev, NULL, f);
        return;
    }
    spin_unlock_irq(&rq->lock, f);
}

/* Affinity. */

/* rq is locked and v's. v leaves a CPU that it may not use. Unlocks. */
static void use_cpus(struct runq *rq, struct vcpu *v, cpumask_t hard, irqflags_t f)
{
    v->hard_affinity = hard;
    v->cpus = hard & cpupool_of(v->domain)->cpus;
    if (v->sched->queued) {
        credit_dequeue(rq, v);
        place(rq, v, NULL, f);
        return;
    }
    if (!(v->cpus & cpumask_of(v->processor))) {
        if (atomic_load(&v->running))
            softirq_raise_cpu(v->processor, SOFTIRQ_SCHEDULE);
        else
            rq = settle(rq, v, &f);
    }
    spin_unlock_irq(&rq->lock, f);
}

int sched_set_hard_affinity(struct vcpu *v, cpumask_t m)
{
    irqflags_t f;
    struct runq *rq = lock_vcpu(v, &f);

    if (m & cpupool_of(v->domain)->cpus & cpu_online()) {
        use_cpus(rq, v, m, f);
        return 0;
    }
    spin_unlock_irq(&rq->lock, f);
    return -EINVAL;
}

void sched_pool_changed(struct vcpu *v)
{
    irqflags_t f;
    struct runq *rq = lock_vcpu(v, &f);
    bool some = v->hard_affinity & cpupool_of(v->domain)->cpus & cpu_online();

    use_cpus(rq, v, some ? v->hard_affinity : CPUMASK_ALL, f);
}

int sched_set_soft_affinity(struct vcpu *v, cpumask_t m)
{
    irqflags_t f;
    struct runq *rq = lock_vcpu(v, &f);

    v->soft_affinity = m;
    spin_unlock_irq(&rq->lock, f);
    return 0;
}

int sched_pin_override(struct vcpu *v, int cpu)
{
    struct sched_unit *u = v->sched;
    int rc;

    if (cpu < 0) {
        if (!u->pinned)
            return -EINVAL;
        u->pinned = false;
        return sched_set_hard_affinity(v, u->saved_affinity);
    }
    if (u->pinned)
        return -EBUSY;
    if (cpu >= HV_MAX_CPUS)
        return -EINVAL;
    u->saved_affinity = v->hard_affinity;
    rc = sched_set_hard_affinity(v, cpumask_of((unsigned)cpu));
    u->pinned = !rc;
    return rc;
}

/* A new vCPU starts on the CPUs in turn, so that those of one domain are spread. */
void sched_place_new(struct vcpu *v)
{
    cpumask_t pool = cpupool_of(v->domain)->cpus, online = cpu_online() & pool;
    unsigned n = (unsigned)__builtin_popcountll(online), skip;

    skip = n ? (v->id + v->domain->id) % n : 0;
    while (skip--)
        online &= online - 1;
    v->processor = online ? first_cpu(online) : 0;
    if (v->domain->privileged && boot_params.dom0_vcpus_pin)
        v->hard_affinity = cpumask_of(v->processor);
    v->cpus = v->hard_affinity & pool;
    credit_join(runq_of(v->processor), v);
}

/* Idle. */
static void idle_loop(void)
{
    for (;;) {
        irq_enable();
        softirq_run();
        if (page_alloc_scrub()) /* something useful in small pieces, while there is any */
            continue;
        irq_disable();
        if (!softirq_pending())
            cpu_idle();
    }
}

static void slice_ends(void *arg)
{
    softirq_raise(SOFTIRQ_SCHEDULE);
}

static struct vcpu *make_idle(unsigned cpu)
{
    struct vcpu *v = heap_alloc_aligned(sizeof(*v), CACHE_LINE);

    if (!v)
        panic("No memory for the idle vCPUs");
    v->hw.resume = idle_loop;
    v->hw.info = v->info = &vcpu_dummy_info;
    v->domain = idle_domain;
    v->id = cpu;
    v->is_idle = v->initialised = true;
    v->processor = cpu;
    v->hard_affinity = v->soft_affinity = v->cpus = cpumask_of(cpu);
    v->info_mfn = INVALID_MFN;
    v->runstate.state = HV_RUNSTATE_RUNNING;
    v->runstate.state_entry_time = clock_now();
    atomic_init(&v->running, true);
    if (sched_unit_init(v))
        panic("No memory for the idle vCPUs");
    return v;
}

void sched_init(void)
{
    cpupool_init();
    idle_domain = domain_create_special(HV_DOMID_IDLE);
    if (!idle_domain)
        panic("No memory for the idle domain");
    idle_domain->max_vcpus = cpu_count();
    idle_domain->vcpu = heap_alloc(cpu_count() * sizeof(idle_domain->vcpu[0]));
    if (!idle_domain->vcpu)
        panic("No memory for the idle domain");
    nr_runqs = (cpu_count() + RUNQ_CPUS - 1) / RUNQ_CPUS;
    for (unsigned i = 0; i < nr_runqs; i++) {
        runqs[i] = (struct runq){.cpus = 0};
        spin_init(&runqs[i].lock, RANK_SCHED);
        list_init(&runqs[i].queue);
    }
    atomic_store(&idle_cpus, 0);
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        struct sched_cpu *c = &sched_cpu[cpu];

        c->rq = &runqs[cpu / RUNQ_CPUS];
        c->rq->cpus |= cpumask_of(cpu);
        c->idle = c->curr = idle_domain->vcpu[cpu] = make_idle(cpu);
        timer_init(&c->slice, slice_ends, NULL, cpu);
    }
    softirq_register(SOFTIRQ_SCHEDULE, schedule);
}

struct vcpu *sched_idle_vcpu(unsigned cpu)
{
    return sched_cpu[cpu].idle;
}

void sched_start(void)
{
    struct vcpu *idle = sched_cpu[cpu_id()].idle;

    cpu_set_current(idle);
    softirq_raise(SOFTIRQ_SCHEDULE); /* says that this CPU is idle, or finds work */
    idle->hw.resume();
    BUG();
}

uint64_t sched_cpu_idle_ns(unsigned cpu)
{
    struct hv_vcpu_runstate_info r;

    if (cpu >= cpu_count())
        return 0;
    sched_runstate_of(sched_cpu[cpu].idle, &r);
    return r.time[HV_RUNSTATE_RUNNING];
}

/* ---- debug key ---- */

#define DUMP_MAX 32

struct waiting {
    unsigned domain, vcpu;
    int64_t credit;
};

static unsigned snapshot(struct runq *rq, struct waiting *out)
{
    irqflags_t f = spin_lock_irq(&rq->lock);
    struct sched_unit *u;
    unsigned n = 0;

    list_for_each_entry(u, &rq->queue, queue)
    {
        if (n == DUMP_MAX)
            break;
        out[n++] = (struct waiting){u->vcpu->domain->id, u->vcpu->id, u->credit};
    }
    spin_unlock_irq(&rq->lock, f);
    return n;
}

void sched_dump(void)
{
    struct waiting w[DUMP_MAX];

    log_info("Scheduler: SMP Credit Scheduler rev2 (credit2)\n");
    for (unsigned i = 0; i < nr_runqs; i++) {
        unsigned n = snapshot(&runqs[i], w);

        log_info("Runqueue %u: CPUs %#lx, %u running, %u waiting\n", i,
                 (unsigned long)runqs[i].cpus, runqs[i].nr_running, runqs[i].nr_queued);
        for (unsigned k = 0; k < n; k++)
            log_info("  [d%uv%u] credit=%ld\n", w[k].domain, w[k].vcpu,
                     (long)w[k].credit);
    }
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        const struct vcpu *v = sched_cpu[cpu].curr;

        if (v)
            log_info("CPU%u: [d%uv%u]%s\n", cpu, v->domain->id, v->id,
                     v->is_idle ? " idle" : "");
    }
}
