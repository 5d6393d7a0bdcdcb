/* SPDX-License-Identifier: MIT */
/*
 * vCPUs: creation, pausing, blocking. Whether one may run is the sum of pause_flags, its
 * own and its domain's pause counts (vcpu_runnable()); whoever changes one of them tells
 * the scheduler by vcpu_wake() or vcpu_sleep_*() afterwards, which look at all of them
 * under the run queue's lock.
 */
#include "kern/vcpu.h"
#include "kern/heap.h"
#include "kern/log.h"
#include "kern/room.h"
#include "kern/softirq.h"
#include "lib/errno.h"
#include "port/clock.h"
#include "port/ipi.h"

struct hv_vcpu_info vcpu_dummy_info = {.evtchn_upcall_mask = 1};

/* SCHEDOP_poll's time is over. */
static void poll_expired(void *arg)
{
    vcpu_unblock(arg);
}

static void init_state(struct vcpu *v, struct domain *d, unsigned id)
{
    v->domain = d;
    v->id = id;
    v->info_mfn = INVALID_MFN;
    v->hard_affinity = v->soft_affinity = CPUMASK_ALL;
    atomic_init(&v->pause_flags, VPF_DOWN);
    v->runstate.state = HV_RUNSTATE_OFFLINE;
    v->runstate.state_entry_time = clock_now();
    v->info = id < HV_LEGACY_MAX_VCPUS ? &d->shared->vcpu_info[id] : &vcpu_dummy_info;
    v->hw.info = v->info;
}

int vcpu_create(struct domain *d, unsigned id, struct vcpu **out)
{
    struct vcpu *v;
    int rc;

    if (id >= d->max_vcpus)
        return -EINVAL;
    if (d->vcpu[id])
        return -EEXIST;
    v = heap_alloc_aligned(sizeof(*v), CACHE_LINE);
    if (!v)
        return -ENOMEM;
    init_state(v, d, id);
    timer_init(&v->poll_timer, poll_expired, v, cpu_id());
    rc = rooms_vcpu_init(v);
    if (rc) {
        heap_free(v);
        return rc;
    }
    __atomic_store_n(&d->vcpu[id], v, __ATOMIC_RELEASE);
    *out = v;
    return 0;
}

/* It does not run and nobody will wake it. */
void vcpu_free(struct vcpu *v)
{
    timer_kill(&v->poll_timer);
    timer_kill(&v->periodic_timer);
    timer_kill(&v->singleshot_timer);
    v->domain->vcpu[v->id] = NULL;
    rooms_vcpu_free(v);
    heap_free(v);
}

void vcpu_pause_nosync(struct vcpu *v)
{
    atomic_fetch_add(&v->pauses, 1);
    vcpu_sleep_nosync(v);
}

void vcpu_pause(struct vcpu *v)
{
    ASSERT(v != cpu_current());
    atomic_fetch_add(&v->pauses, 1);
    vcpu_sleep_sync(v);
}

void vcpu_unpause(struct vcpu *v)
{
    if (atomic_fetch_sub(&v->pauses, 1) == 1)
        vcpu_wake(v);
}

void vcpu_sleep_sync(struct vcpu *v)
{
    vcpu_sleep_nosync(v);
    while (atomic_load(&v->running) && !vcpu_runnable(v))
        cpu_relax();
}

/* The event was made pending before; the fence pairs with the one in vcpu_block(): either
 * that sees the event or this sees VPF_BLOCKED. */
void vcpu_unblock(struct vcpu *v)
{
    atomic_thread_fence(memory_order_seq_cst);
    if (!(atomic_load_explicit(&v->pause_flags, memory_order_relaxed) & VPF_BLOCKED))
        return;
    atomic_fetch_and(&v->pause_flags, ~(VPF_BLOCKED | VPF_POLLING));
    vcpu_wake(v);
}

void vcpu_kick(struct vcpu *v)
{
    unsigned cpu;

    vcpu_unblock(v);
    cpu = v->processor;
    if (atomic_load(&v->running) && cpu != cpu_id())
        ipi_poke(cpumask_of(cpu));
}

void vcpu_nmi(struct vcpu *v)
{
    __atomic_store_n(&v->hw.nmi_pending, 1, __ATOMIC_SEQ_CST);
    vcpu_unblock(v);
    if (atomic_load(&v->running))
        softirq_raise_cpu(v->processor, SOFTIRQ_EXIT);
}

void vcpu_block(struct vcpu *v)
{
    v->info->evtchn_upcall_mask = 0;
    atomic_fetch_or(&v->pause_flags, VPF_BLOCKED);
    atomic_thread_fence(memory_order_seq_cst);
    if (*(volatile uint8_t *)&v->info->evtchn_upcall_pending)
        atomic_fetch_and(&v->pause_flags, ~VPF_BLOCKED);
    else
        softirq_raise(SOFTIRQ_SCHEDULE);
}
