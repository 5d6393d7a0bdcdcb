/* SPDX-License-Identifier: MIT */
/* The scheduler on fake CPUs: who runs when, and what is accounted. */
#include "abi/sysctl.h"
#include "kern/param.h"
#include "kern/sched_credit.h"
#include "sched_world.h"

#define MS     1000000ull
#define SECOND (1000 * MS)

static struct domain *make(unsigned vcpus, unsigned weight)
{
    struct domain *d = make_in(0, vcpus);

    sched_set_weight(d, weight);
    return d;
}

static struct domain *spinner(unsigned vcpus, unsigned weight)
{
    struct domain *d = make(vcpus, weight);

    start(d);
    return d;
}

static void assert_near(uint64_t got, uint64_t want, unsigned percent)
{
    uint64_t slack = want * percent / 100;

    ck_assert_msg(got + slack >= want && got <= want + slack, "%llu is not %llu +- %u %%",
                  (unsigned long long)got, (unsigned long long)want, percent);
}

static struct vcpu *on(unsigned cpu)
{
    return host_current[cpu];
}

START_TEST(one_spinner_gets_the_whole_cpu)
{
    host_boot(1, 16);
    struct domain *d = spinner(1, 256);

    ck_assert_ptr_eq(on(0), d->vcpu[0]);
    host_advance(SECOND);
    assert_near(ran(d), SECOND, 1);
    ck_assert_uint_le(host_switches, 2);
}
END_TEST

START_TEST(equal_weights_share_equally)
{
    host_boot(1, 16);
    struct domain *a = spinner(1, 256), *b = spinner(1, 256), *c = spinner(1, 256);

    host_advance(3 * SECOND);
    assert_near(ran(a), SECOND, 3);
    assert_near(ran(b), SECOND, 3);
    assert_near(ran(c), SECOND, 3);
}
END_TEST

START_TEST(time_is_shared_by_weight)
{
    host_boot(1, 16);
    struct domain *a = spinner(1, 512), *b = spinner(1, 256), *c = spinner(1, 64);

    host_advance(13 * SECOND);
    assert_near(ran(a), 8 * SECOND, 4);
    assert_near(ran(b), 4 * SECOND, 4);
    assert_near(ran(c), 1 * SECOND, 8);
}
END_TEST

START_TEST(extreme_weights_do_not_starve)
{
    host_boot(1, 16);
    struct domain *a = spinner(1, 65535), *b = spinner(1, 1);

    host_advance(20 * SECOND);
    ck_assert_uint_gt(ran(b), 0);
    ck_assert_uint_gt(ran(a), 19 * SECOND);
}
END_TEST

START_TEST(three_spinners_share_two_cpus)
{
    host_boot(2, 16);
    struct domain *a = spinner(1, 256), *b = spinner(1, 256), *c = spinner(1, 256);

    host_advance(3 * SECOND);
    assert_near(ran(a), 2 * SECOND, 4);
    assert_near(ran(b), 2 * SECOND, 4);
    assert_near(ran(c), 2 * SECOND, 4);
}
END_TEST

START_TEST(no_cpu_idles_while_somebody_waits)
{
    host_boot(20, 32); /* three run queues */
    struct domain *d = make(20, 256);

    start(d);
    host_advance(SECOND);
    assert_near(ran(d), 20 * SECOND, 1);
}
END_TEST

START_TEST(more_vcpus_than_cpus_fill_all_queues)
{
    host_boot(12, 32);
    struct domain *a = make(12, 256), *b = make(12, 256);

    start(a);
    start(b);
    host_advance(SECOND);
    assert_near(ran(a) + ran(b), 12 * SECOND, 1);
    assert_near(ran(a), 6 * SECOND, 20);
}
END_TEST

START_TEST(a_cap_holds_also_alone)
{
    host_boot(2, 16);
    struct domain *d = make(1, 256);

    sched_set_cap(d, 25);
    start(d);
    host_advance(4 * SECOND);
    assert_near(ran(d), SECOND, 3);
}
END_TEST

START_TEST(a_cap_is_for_all_vcpus_together)
{
    host_boot(4, 16);
    struct domain *d = make(4, 256);

    sched_set_cap(d, 150);
    start(d);
    host_advance(4 * SECOND);
    assert_near(ran(d), 6 * SECOND, 5);
}
END_TEST

/* What refills its budget looks at its vCPUs, which are about to be freed. */
START_TEST(a_capped_domain_that_dies_leaves_no_timer)
{
    host_boot(2, 16);
    struct domain *d = make(2, 256);

    sched_set_cap(d, 1);
    start(d);
    host_advance(50 * MS);
    ck_assert(timer_active(&d->sched->refill));
    while (domain_kill(d))
        host_settle();
    ck_assert(!timer_active(&d->sched->refill));
    sched_set_cap(d, 2);
    ck_assert(!timer_active(&d->sched->refill));
    domain_put(d);
    host_settle();
}
END_TEST

START_TEST(what_a_capped_one_leaves_goes_to_others)
{
    host_boot(1, 16);
    struct domain *a = make(1, 1024), *b = spinner(1, 256);

    sched_set_cap(a, 10);
    start(a);
    host_advance(10 * SECOND);
    assert_near(ran(a), SECOND, 5);
    assert_near(ran(b), 9 * SECOND, 2);
}
END_TEST

START_TEST(lifting_the_cap_frees_it)
{
    host_boot(1, 16);
    struct domain *d = make(1, 256);
    uint64_t before;

    sched_set_cap(d, 10);
    start(d);
    host_advance(SECOND);
    before = ran(d);
    sched_set_cap(d, 0);
    host_settle();
    host_advance(SECOND);
    assert_near(ran(d) - before, SECOND, 2);
}
END_TEST

START_TEST(hard_affinity_is_never_left)
{
    host_boot(4, 16);
    struct domain *d = make(1, 256), *other = spinner(4, 256);

    ck_assert_int_eq(sched_set_hard_affinity(d->vcpu[0], 4), 0);
    start(d);
    for (int i = 0; i < 200; i++) {
        host_advance(3 * MS);
        for (unsigned cpu = 0; cpu < 4; cpu++)
            ck_assert(cpu == 2 || on(cpu) != d->vcpu[0]);
    }
    ck_assert_uint_gt(ran(d), 200 * MS);
    ck_assert_uint_gt(ran(other), 0);
}
END_TEST

START_TEST(a_running_vcpu_moves_when_its_affinity_does)
{
    host_boot(12, 16);
    struct domain *d = spinner(1, 256);
    unsigned was = d->vcpu[0]->processor, to = was == 11 ? 10 : 11; /* another queue */

    ck_assert_int_eq(sched_set_hard_affinity(d->vcpu[0], cpumask_of(to)), 0);
    host_settle();
    ck_assert_ptr_eq(on(to), d->vcpu[0]);
    ck_assert(on(was)->is_idle);
    ck_assert_int_eq(sched_set_hard_affinity(d->vcpu[0], 1ull << 40), -EINVAL);
}
END_TEST

START_TEST(dom0_is_pinned_when_asked_for)
{
    struct hv_domctl_createdomain c = {.max_vcpus = 3};
    struct domain *d;
    struct vcpu *v;

    host_boot(4, 16);
    boot_params.dom0_vcpus_pin = true;
    ck_assert_int_eq(domain_create(0, &c, &d), 0);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_int_eq(vcpu_create(d, i, &v), 0);
        ck_assert_uint_eq(v->hard_affinity, cpumask_of(i));
    }
}
END_TEST

START_TEST(soft_affinity_is_followed_while_its_cpu_is_free)
{
    host_boot(4, 16);
    struct domain *d = make(1, 256);

    sched_set_soft_affinity(d->vcpu[0], cpumask_of(3));
    start(d);
    ck_assert_ptr_eq(on(3), d->vcpu[0]);
}
END_TEST

START_TEST(soft_affinity_does_not_keep_it_waiting)
{
    host_boot(2, 16);
    struct domain *d = make(2, 256);

    sched_set_soft_affinity(d->vcpu[0], cpumask_of(1));
    sched_set_soft_affinity(d->vcpu[1], cpumask_of(1));
    start(d);
    host_advance(SECOND);
    assert_near(ran(d), 2 * SECOND, 1);
}
END_TEST

START_TEST(a_woken_sleeper_preempts_a_spinner)
{
    host_boot(1, 16);
    struct domain *hog = spinner(1, 256), *io = make(1, 256);

    start(io);
    host_on_cpu(0);
    while (on(0) != io->vcpu[0])
        host_advance(MS);
    vcpu_block(io->vcpu[0]);
    host_settle();
    ck_assert_ptr_eq(on(0), hog->vcpu[0]);
    host_advance(50 * MS);
    vcpu_unblock(io->vcpu[0]);
    host_settle();
    ck_assert_ptr_eq(on(0), io->vcpu[0]);
}
END_TEST

START_TEST(the_rate_limit_delays_a_preemption_and_no_more)
{
    host_boot(1, 16);
    struct domain *hog = spinner(1, 256), *io = make(1, 256);

    start(io);
    while (on(0) != io->vcpu[0])
        host_advance(MS);
    vcpu_block(io->vcpu[0]);
    host_settle();
    vcpu_unblock(io->vcpu[0]);
    host_settle();
    ck_assert_ptr_eq(on(0), hog->vcpu[0]);
    host_advance(boot_params.sched_ratelimit_us * 1000ull + SECOND / 100);
    ck_assert_uint_gt(ran(io), 0);
}
END_TEST

/*
 * A guest and its backend on one CPU. The guest asks; if it still has the CPU then, it
 * goes on for some time and sleeps, and the backend answers and sleeps in its turn.
 * Returns whether the backend ran at once.
 */
static struct vcpu *guest, *backend;

static void guest_and_backend(void)
{
    host_boot(1, 16);
    guest = spinner(1, 256)->vcpu[0];
    backend = make(1, 256)->vcpu[0];
    start(backend->domain);
    host_on_cpu(0);
    while (on(0) != backend)
        host_advance(MS);
    vcpu_block(backend);
    host_settle();
    ck_assert_ptr_eq(on(0), guest);
}

static bool ask(uint64_t then)
{
    bool at_once;

    vcpu_unblock(backend);
    host_settle();
    at_once = on(0) == backend;
    if (!at_once) {
        host_advance(then);
        vcpu_block(guest);
        host_settle();
        ck_assert_ptr_eq(on(0), backend);
    }
    host_advance(5000);
    vcpu_unblock(guest);
    vcpu_block(backend);
    host_settle();
    ck_assert_ptr_eq(on(0), guest);
    host_advance(20000);
    return at_once;
}

/* Returns how often of so many times it ran at once. */
static unsigned asks(unsigned times, uint64_t then)
{
    unsigned n = 0;

    while (times--)
        n += ask(then);
    return n;
}

/* A look now and then, when the CPU is not given away, is part of it. */
START_TEST(who_sleeps_whenever_it_has_asked_makes_way_at_once)
{
    unsigned n;

    guest_and_backend();
    ck_assert(!ask(4000));
    n = asks(100, 4000);
    ck_assert_uint_ge(n, 90);
    ck_assert_uint_lt(n, 100);
}
END_TEST

START_TEST(who_goes_on_after_it_has_asked_keeps_its_time)
{
    guest_and_backend();
    for (unsigned i = 0; i < 100; i++)
        ck_assert(!ask(i % 2 ? 4000 : 100000));
}
END_TEST

START_TEST(a_habit_that_is_given_up_is_noticed)
{
    unsigned n;

    guest_and_backend();
    asks(10, 4000);
    n = asks(200, 100000);
    ck_assert_uint_gt(n, 0);
    ck_assert_uint_le(n, 20);
}
END_TEST

START_TEST(a_wake_takes_an_idle_cpu_at_once)
{
    host_boot(16, 16);
    struct domain *hog = make(15, 256), *io = make(1, 256);

    start(hog);
    start(io);
    ck_assert_int_eq(io->vcpu[0]->runstate.state, HV_RUNSTATE_RUNNING);
    host_on_cpu(io->vcpu[0]->processor);
    vcpu_block(io->vcpu[0]);
    host_settle();
    ck_assert_int_eq(io->vcpu[0]->runstate.state, HV_RUNSTATE_BLOCKED);
    host_on_cpu(0);
    vcpu_unblock(io->vcpu[0]);
    host_settle();
    ck_assert_int_eq(io->vcpu[0]->runstate.state, HV_RUNSTATE_RUNNING);
}
END_TEST

START_TEST(yield_lets_another_run_and_comes_back)
{
    host_boot(1, 16);
    struct domain *a = spinner(1, 256), *b = spinner(1, 256);
    struct vcpu *first = on(0), *second = first == a->vcpu[0] ? b->vcpu[0] : a->vcpu[0];

    vcpu_yield();
    host_settle();
    ck_assert_ptr_eq(on(0), second);
    vcpu_yield();
    host_settle();
    ck_assert_ptr_eq(on(0), first);
}
END_TEST

START_TEST(yield_alone_goes_on)
{
    host_boot(1, 16);
    struct domain *a = spinner(1, 256);

    vcpu_yield();
    host_settle();
    ck_assert_ptr_eq(on(0), a->vcpu[0]);
}
END_TEST

START_TEST(pause_waits_until_it_does_not_run)
{
    host_boot(2, 16);
    struct domain *d = make(1, 256);

    sched_set_hard_affinity(d->vcpu[0], 2);
    start(d);
    ck_assert_ptr_eq(on(1), d->vcpu[0]);
    host_on_cpu(0);
    vcpu_pause(d->vcpu[0]);
    ck_assert(!d->vcpu[0]->running);
    ck_assert(on(1)->is_idle);
    vcpu_unpause(d->vcpu[0]);
    host_settle();
    ck_assert_ptr_eq(on(1), d->vcpu[0]);
}
END_TEST

START_TEST(pauses_count)
{
    host_boot(2, 16);
    struct domain *d = spinner(2, 256);

    host_on_cpu(1);
    domain_pause_nosync(d);
    domain_pause_nosync(d);
    host_settle();
    domain_unpause(d);
    host_advance(MS);
    ck_assert(on(0)->is_idle && on(1)->is_idle);
    domain_unpause(d);
    host_advance(MS);
    ck_assert(!on(0)->is_idle && !on(1)->is_idle);
}
END_TEST

START_TEST(an_event_before_the_block_keeps_it_awake)
{
    host_boot(1, 16);
    struct domain *d = spinner(1, 256);

    d->vcpu[0]->info->evtchn_upcall_mask = 1;
    d->vcpu[0]->info->evtchn_upcall_pending = 1;
    vcpu_block(d->vcpu[0]);
    host_settle();
    ck_assert_ptr_eq(on(0), d->vcpu[0]);
    ck_assert_uint_eq(d->vcpu[0]->info->evtchn_upcall_mask, 0);
}
END_TEST

START_TEST(run_states_add_up_to_the_time_passed)
{
    host_boot(1, 16);
    uint64_t born = host_clock;
    struct domain *a = spinner(1, 256), *b = spinner(1, 256);
    struct hv_vcpu_runstate_info r;

    host_advance(SECOND);
    sched_runstate_of(a->vcpu[0], &r);
    ck_assert_uint_eq(r.time[0] + r.time[1] + r.time[2] + r.time[3], host_clock - born);
    assert_near(r.time[HV_RUNSTATE_RUNNABLE], SECOND / 2, 3);
    vcpu_pause_nosync(b->vcpu[0]);
    host_settle();
    host_advance(SECOND);
    sched_runstate_of(b->vcpu[0], &r);
    ck_assert_int_eq(r.state, HV_RUNSTATE_OFFLINE);
    assert_near(r.time[HV_RUNSTATE_OFFLINE], SECOND, 1);
}
END_TEST

START_TEST(idle_time_is_what_nobody_used)
{
    host_boot(2, 16);
    struct domain *d = make(1, 256);

    sched_set_cap(d, 50);
    start(d);
    host_advance(2 * SECOND);
    assert_near(sched_cpu_idle_ns(0) + sched_cpu_idle_ns(1), 3 * SECOND, 2);
}
END_TEST

START_TEST(pin_override_is_undone)
{
    host_boot(4, 16);
    struct domain *d = spinner(1, 256);
    struct vcpu *v = d->vcpu[0];

    ck_assert_int_eq(sched_pin_override(v, -1), -EINVAL);
    ck_assert_int_eq(sched_pin_override(v, 3), 0);
    ck_assert_int_eq(sched_pin_override(v, 2), -EBUSY);
    host_settle();
    ck_assert_ptr_eq(on(3), v);
    ck_assert_int_eq(sched_pin_override(v, -1), 0);
    ck_assert_uint_eq(v->hard_affinity, CPUMASK_ALL);
    ck_assert_int_eq(sched_pin_override(v, 9), -EINVAL);
}
END_TEST

START_TEST(tools_read_back_what_they_set)
{
    struct hv_domctl_scheduler_op op = {.sched_id = HV_SCHEDULER_CREDIT2,
                                        .cmd = HV_DOMCTL_SCHEDOP_PUTINFO};
    struct hv_sysctl_scheduler_op sys = {.sched_id = HV_SCHEDULER_CREDIT2};

    host_boot(1, 16);
    struct domain *d = make(2, 256);

    op.u.credit2.weight = 300;
    op.u.credit2.cap = 201;
    ck_assert_int_eq(sched_domctl(d, &op), -EINVAL);
    op.u.credit2.cap = 200;
    ck_assert_int_eq(sched_domctl(d, &op), 0);
    op.u.credit2.weight = op.u.credit2.cap = 0;
    op.cmd = HV_DOMCTL_SCHEDOP_GETINFO;
    ck_assert_int_eq(sched_domctl(d, &op), 0);
    ck_assert_uint_eq(op.u.credit2.weight, 300);
    ck_assert_uint_eq(op.u.credit2.cap, 200);
    op.sched_id = HV_SCHEDULER_CREDIT;
    ck_assert_int_eq(sched_domctl(d, &op), -EINVAL);
    sys.u.sched_credit2.ratelimit_us = 5;
    ck_assert_int_eq(sched_sysctl(&sys), -EINVAL);
    sys.u.sched_credit2.ratelimit_us = 2000;
    ck_assert_int_eq(sched_sysctl(&sys), 0);
    ck_assert_uint_eq(d->sched->ratelimit_us, 2000);
    sys.u.sched_credit2.ratelimit_us = 0;
    sys.cmd = HV_SYSCTL_SCHEDOP_GETINFO;
    ck_assert_int_eq(sched_sysctl(&sys), 0);
    ck_assert_uint_eq(sys.u.sched_credit2.ratelimit_us, 2000);
    sys.cpupool_id = 1;
    ck_assert_int_eq(sched_sysctl(&sys), -ESRCH);
}
END_TEST

/* Nobody knows what else can go wrong: many changes in random order, and the invariants
 * hold. */
START_TEST(random_changes_keep_the_invariants)
{
    struct domain *d[6];
    unsigned seed = 4711;

    host_boot(12, 32);
    for (unsigned i = 0; i < 6; i++)
        d[i] = spinner(1 + i, 64 << i);
    for (unsigned step = 0; step < 20000; step++) {
        struct domain *x = d[rand_r(&seed) % 6];
        struct vcpu *v = x->vcpu[(unsigned)rand_r(&seed) % x->max_vcpus];

        host_on_cpu((unsigned)rand_r(&seed) % 12);
        switch (rand_r(&seed) % 8) {
        case 0:
            v->pause_flags |= VPF_BLOCKED;
            vcpu_sleep_nosync(v);
            break;
        case 1:
        case 2:
            vcpu_unblock(v);
            break;
        case 3:
            sched_set_hard_affinity(v, 1 + (unsigned)rand_r(&seed) % 4095);
            break;
        case 4:
            sched_set_cap(x, rand_r(&seed) % 3 ? 0 : 50);
            break;
        case 5:
            host_advance((unsigned)rand_r(&seed) % (5 * MS));
            break;
        case 6:
            host_run_cpu((unsigned)rand_r(&seed) % 12);
            break;
        case 7:
            if (host_current[host_cpu] != v)
                vcpu_pause(v), vcpu_unpause(v);
            break;
        }
        for (unsigned a = 0; a < 12; a++)
            for (unsigned b = 0; b < a; b++)
                ck_assert_ptr_ne(on(a), on(b));
    }
    for (unsigned i = 0; i < 6; i++) {
        sched_set_cap(d[i], 0);
        for (unsigned n = 0; n < d[i]->max_vcpus; n++) {
            sched_set_hard_affinity(d[i]->vcpu[n], CPUMASK_ALL);
            vcpu_unblock(d[i]->vcpu[n]);
        }
    }
    host_settle();
    for (unsigned cpu = 0; cpu < 12; cpu++)
        ck_assert(!on(cpu)->is_idle);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {one_spinner_gets_the_whole_cpu,
                                  equal_weights_share_equally,
                                  time_is_shared_by_weight,
                                  extreme_weights_do_not_starve,
                                  three_spinners_share_two_cpus,
                                  no_cpu_idles_while_somebody_waits,
                                  more_vcpus_than_cpus_fill_all_queues,
                                  a_cap_holds_also_alone,
                                  a_cap_is_for_all_vcpus_together,
                                  a_capped_domain_that_dies_leaves_no_timer,
                                  what_a_capped_one_leaves_goes_to_others,
                                  lifting_the_cap_frees_it,
                                  hard_affinity_is_never_left,
                                  a_running_vcpu_moves_when_its_affinity_does,
                                  dom0_is_pinned_when_asked_for,
                                  soft_affinity_is_followed_while_its_cpu_is_free,
                                  soft_affinity_does_not_keep_it_waiting,
                                  a_woken_sleeper_preempts_a_spinner,
                                  the_rate_limit_delays_a_preemption_and_no_more,
                                  who_sleeps_whenever_it_has_asked_makes_way_at_once,
                                  who_goes_on_after_it_has_asked_keeps_its_time,
                                  a_habit_that_is_given_up_is_noticed,
                                  a_wake_takes_an_idle_cpu_at_once,
                                  yield_lets_another_run_and_comes_back,
                                  yield_alone_goes_on,
                                  pause_waits_until_it_does_not_run,
                                  pauses_count,
                                  an_event_before_the_block_keeps_it_awake,
                                  run_states_add_up_to_the_time_passed,
                                  idle_time_is_what_nobody_used,
                                  pin_override_is_undone,
                                  tools_read_back_what_they_set,
                                  random_changes_keep_the_invariants,
                                  NULL};

    return unit_run("scheduler", NULL, tests);
}
