/* SPDX-License-Identifier: MIT */
/* Time as guests see it. The clock record (struct hv_vcpu_time_info, public xen.h) holds
 * an affine map from TSC to nanoseconds. As the TSC of all CPUs is in step, the map never
 * changes: it is written once a record, with the stable bit that lets user space read the
 * clock without a system call.
 *
 * Locks: timers belong to the vCPU; the wall clock is dom0's to set, under wall_lock. */
#include "guest/time.h"
#include "comm/event.h"
#include "kern/heap.h"
#include "kern/sched.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "port/clock.h"
#include "port/guest_mem.h"

#define SEC 1000000000ull
/* Shorter periods would let a guest spend the machine on its own timer (public vcpu.h).
 */
#define PERIOD_MIN 1000000ull

struct time_domain {
    int64_t offset_s; /* domctl settimeoffset */
};
struct time_vcpu {
    vaddr_t area; /* second copy of the clock record, 0: none */
};

static spinlock_t wall_lock = SPINLOCK_INIT(RANK_LEAF);
static uint64_t wall_boot; /* ns since the epoch at system time 0 */

static void fill_record(struct hv_vcpu_time_info *t)
{
    struct clock_scale s;

    clock_get_scale(&s);
    t->tsc_timestamp = s.base_tsc;
    t->system_time = s.base_ns;
    t->tsc_to_system_mul = s.mul;
    t->tsc_shift = s.shift;
    t->flags = clock_tsc_stable() ? HV_PVCLOCK_TSC_STABLE_BIT : 0;
}

void time_update_vcpu(struct vcpu *v)
{
    struct hv_vcpu_time_info *t = &v->hw.info->time;
    uint32_t version = t->version | 1;

    t->version = version; /* odd: being written */
    __atomic_thread_fence(__ATOMIC_RELEASE);
    fill_record(t);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    t->version = version + 1;
}

int time_register_area(struct vcpu *v, vaddr_t area)
{
    struct hv_vcpu_time_info t = {.version = 2};

    fill_record(&t);
    if (area && guest_write(area, &t, sizeof(t)))
        return -EFAULT;
    v->time->area = area;
    return 0;
}

void time_init(void)
{
    wall_boot = clock_wall_at_boot();
}

void time_domain_wallclock(struct domain *d)
{
    struct hv_shared_info *s = d->shared;
    uint64_t ns;
    uint32_t version;

    spin_lock(&wall_lock);
    ns = wall_boot + (uint64_t)(d->time->offset_s * (int64_t)SEC);
    version = s->wc_version | 1;
    s->wc_version = version;
    __atomic_thread_fence(__ATOMIC_RELEASE);
    s->wc_sec = (uint32_t)(ns / SEC);
    s->wc_sec_hi = (uint32_t)(ns / SEC >> 32);
    s->wc_nsec = (uint32_t)(ns % SEC);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    s->wc_version = version + 1;
    spin_unlock(&wall_lock);
}

void time_set_wallclock(uint64_t sec, uint32_t nsec, uint64_t system_time)
{
    struct domain *d;

    spin_lock(&wall_lock);
    wall_boot = sec * SEC + nsec - system_time;
    spin_unlock(&wall_lock);
    for (d = domain_get_next(0); d;) {
        domid_t id = d->id;

        if (d->shared && d->time)
            time_domain_wallclock(d);
        domain_put(d);
        d = domain_get_next((domid_t)(id + 1));
    }
}

int time_set_offset(struct domain *d, int64_t seconds)
{
    d->time->offset_s = seconds;
    time_domain_wallclock(d);
    return 0;
}

static void runstate_to_guest(struct vcpu *v)
{
    struct hv_vcpu_runstate_info r;

    sched_runstate_of(v, &r);
    if (!(v->domain->vm_assist & (1ull << HV_VMASST_TYPE_RUNSTATE_UPDATE_FLAG))) {
        (void)!guest_write(v->runstate_guest, &r, sizeof(r));
        return;
    }
    /* The guest wants to see that an update is under way: the flag first, the record, the
     * flag last. */
    uint64_t entry = r.state_entry_time;
    vaddr_t at =
        v->runstate_guest + offsetof(struct hv_vcpu_runstate_info, state_entry_time);

    r.state_entry_time |= HV_RUNSTATE_UPDATE;
    if (guest_write(at, &r.state_entry_time, sizeof(uint64_t)))
        return;
    __atomic_thread_fence(__ATOMIC_RELEASE);
    if (guest_write(v->runstate_guest, &r, sizeof(r)))
        return;
    __atomic_thread_fence(__ATOMIC_RELEASE);
    (void)!guest_write(at, &entry, sizeof(entry));
}

int time_register_runstate(struct vcpu *v, vaddr_t area)
{
    if (!guest_range_ok(area, sizeof(struct hv_vcpu_runstate_info)))
        return -EFAULT;
    v->runstate_guest = area;
    if (v == cpu_current())
        runstate_to_guest(v);
    return 0;
}

static void runstate_changed(struct vcpu *v)
{
    v->hw.runstate_stale = 1;
}

void time_enter_guest(struct vcpu *v)
{
    /* The area is the kernel's: in user mode its mapping may be absent; it is written on
     * the next entry. */
    if (likely(!v->hw.runstate_stale) || (v->runstate_guest && !v->hw.kernel_mode))
        return;
    v->hw.runstate_stale = 0;
    if (!v->runstate_guest)
        return;
    runstate_to_guest(v);
}

static void singleshot_fires(void *arg)
{
    evtchn_raise_virq(arg, HV_VIRQ_TIMER);
}

static void periodic_fires(void *arg)
{
    struct vcpu *v = arg;
    uint64_t now = clock_now();

    if (!(v->pause_flags &
          VPF_BLOCKED)) /* a sleeper is not woken by its tick, as on Xen */
        evtchn_raise_virq(v, HV_VIRQ_TIMER);
    if (!v->periodic_period)
        return;
    v->periodic_last += v->periodic_period;
    if (v->periodic_last + v->periodic_period <=
        now) /* missed some: one event stands for all */
        v->periodic_last = now;
    timer_set(&v->periodic_timer, v->periodic_last + v->periodic_period);
}

int time_set_singleshot(struct vcpu *v, uint64_t when, bool future_only)
{
    if (future_only && when < clock_now())
        return -ETIME;
    if (v == cpu_current() && v->singleshot_timer.cpu != cpu_id())
        timer_migrate(&v->singleshot_timer, cpu_id());
    timer_set(&v->singleshot_timer, when);
    return 0;
}

void time_stop_singleshot(struct vcpu *v)
{
    timer_stop(&v->singleshot_timer);
}

int time_set_periodic(struct vcpu *v, uint64_t period)
{
    if (period < PERIOD_MIN || period > (1ull << 62))
        return -EINVAL;
    timer_stop(&v->periodic_timer);
    v->periodic_period = period;
    v->periodic_last = clock_now();
    timer_set(&v->periodic_timer, v->periodic_last + period);
    return 0;
}

void time_stop_periodic(struct vcpu *v)
{
    v->periodic_period = 0;
    timer_stop(&v->periodic_timer);
}

void time_start_tick(struct vcpu *v)
{
    (void)time_set_periodic(v, 10000000);
}

static int domain_init(struct domain *d, const struct hv_domctl_createdomain *c)
{
    d->time = heap_new(struct time_domain);
    return d->time ? 0 : -ENOMEM;
}

static void domain_free(struct domain *d)
{
    heap_free(d->time);
    d->time = NULL;
}

static int vcpu_init(struct vcpu *v)
{
    v->time = heap_new(struct time_vcpu);
    if (!v->time)
        return -ENOMEM;
    sched_runstate_changed = runstate_changed;
    timer_init(&v->singleshot_timer, singleshot_fires, v, v->processor);
    timer_init(&v->periodic_timer, periodic_fires, v, v->processor);
    return 0;
}

static void vcpu_drop(struct vcpu *v)
{
    if (!v->time)
        return;
    timer_kill(&v->singleshot_timer);
    timer_kill(&v->periodic_timer);
    heap_free(v->time);
    v->time = NULL;
}

const struct room time_room = {
    .name = "time",
    .domain_init = domain_init,
    .domain_free = domain_free,
    .vcpu_init = vcpu_init,
    .vcpu_free = vcpu_drop,
};
