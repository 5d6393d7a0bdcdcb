/* SPDX-License-Identifier: MIT */
/* Pools of CPUs, on fake CPUs: who runs where, and what tools are refused. */
#include "kern/cpupool.h"
#include "kern/sched_credit.h"
#include "kern/vcpu.h"
#include "sched_world.h"

#define SECOND 1000000000ull

static struct domain *spinner(unsigned vcpus, unsigned pool)
{
    struct domain *d = make_in(pool, vcpus);

    start(d);
    return d;
}

/* The CPUs that run the domain. */
static cpumask_t where(struct domain *d)
{
    cpumask_t m = 0;

    for (unsigned cpu = 0; cpu < cpu_count(); cpu++)
        if (host_current[cpu]->domain == d)
            m |= cpumask_of(cpu);
    return m;
}

/* A pool with CPUs first to last, which pool 0 loses. */
static struct cpupool *pool_of(unsigned first, unsigned last)
{
    unsigned id = CPUPOOL_ANY;

    ck_assert_int_eq(cpupool_create(&id), 0);
    for (unsigned cpu = first; cpu <= last; cpu++) {
        ck_assert_int_eq(cpupool_remove_cpu(cpupool_get(0), cpu), 0);
        ck_assert_int_eq(cpupool_add_cpu(cpupool_get(id), cpu), 0);
    }
    return cpupool_get(id);
}

START_TEST(at_boot_one_pool_has_all_cpus)
{
    host_boot(4, 16);
    ck_assert_uint_eq(cpupool_get(0)->cpus & cpu_online(), 0xf);
    ck_assert_uint_eq(cpupool_free_cpus(), 0);
    ck_assert_ptr_null(cpupool_get_next(1));
}
END_TEST

START_TEST(a_cpu_that_is_taken_out_idles)
{
    host_boot(2, 16);
    struct domain *d = spinner(2, 0);
    uint64_t before;

    ck_assert_uint_eq(where(d), 3);
    ck_assert_int_eq(cpupool_remove_cpu(cpupool_get(0), 1), 0);
    host_settle();
    ck_assert_uint_eq(where(d), 1);
    ck_assert_uint_eq(cpupool_free_cpus(), 2);
    before = ran(d);
    host_advance(SECOND);
    ck_assert_uint_le(ran(d) - before, SECOND + SECOND / 100);
    ck_assert_int_eq(cpupool_add_cpu(cpupool_get(0), CPUPOOL_ANY), 0);
    host_settle();
    ck_assert_uint_eq(where(d), 3);
}
END_TEST

START_TEST(a_sleeper_leaves_the_cpu_as_well)
{
    host_boot(2, 16);
    struct domain *d = spinner(2, 0);

    for (unsigned i = 0; i < 2; i++) {
        d->vcpu[i]->pause_flags |= VPF_BLOCKED;
        vcpu_sleep_nosync(d->vcpu[i]);
    }
    host_settle();
    ck_assert_int_eq(cpupool_remove_cpu(cpupool_get(0), 1), 0);
    ck_assert_uint_eq(d->vcpu[0]->processor, 0);
    ck_assert_uint_eq(d->vcpu[1]->processor, 0);
}
END_TEST

START_TEST(affinity_without_a_cpu_of_the_pool_is_lost)
{
    host_boot(3, 16);
    struct domain *d = spinner(1, 0);

    ck_assert_int_eq(sched_set_hard_affinity(d->vcpu[0], 6), 0);
    ck_assert_int_eq(cpupool_remove_cpu(cpupool_get(0), 2), 0);
    ck_assert_uint_eq(d->vcpu[0]->hard_affinity, 6);
    host_settle();
    ck_assert_uint_eq(where(d), 2);
    ck_assert_int_eq(cpupool_remove_cpu(cpupool_get(0), 1), 0);
    ck_assert_uint_eq(d->vcpu[0]->hard_affinity, CPUMASK_ALL);
    host_settle();
    ck_assert_uint_eq(where(d), 1);
    ck_assert_int_eq(sched_set_hard_affinity(d->vcpu[0], 6), -EINVAL);
}
END_TEST

START_TEST(domains_keep_to_their_pools)
{
    host_boot(12, 32); /* two run queues: stealing must respect pools, too */
    struct cpupool *p = pool_of(6, 9);
    struct domain *a = spinner(16, 0), *b = spinner(16, p->id);

    for (unsigned i = 0; i < 50; i++) {
        host_advance(SECOND / 20);
        ck_assert_uint_eq(where(a), 0xc3f);
        ck_assert_uint_eq(where(b), 0x3c0);
    }
    ck_assert_uint_eq(cpupool_domains(p), 1);
}
END_TEST

START_TEST(a_domain_moves_and_begins_anew)
{
    host_boot(4, 16);
    struct cpupool *p = pool_of(2, 3);
    struct domain *d = spinner(2, 0);
    unsigned weight, cap;

    sched_set_weight(d, 512);
    sched_set_cap(d, 50);
    ck_assert_int_eq(sched_set_hard_affinity(d->vcpu[0], 1), 0);
    cpupool_set_ratelimit(p, 3000);
    ck_assert_int_eq(cpupool_move_domain(d, p), 0);
    host_settle();
    ck_assert_uint_eq(where(d), 0xc);
    sched_get_params(d, &weight, &cap);
    ck_assert_uint_eq(weight, SCHED_WEIGHT_DEFAULT);
    ck_assert_uint_eq(cap, 0);
    ck_assert_uint_eq(d->sched->ratelimit_us, 3000);
    ck_assert_uint_eq(d->vcpu[0]->hard_affinity, CPUMASK_ALL);
}
END_TEST

START_TEST(numbers_are_the_lowest_free_ones)
{
    unsigned a = CPUPOOL_ANY, b = 7, c = CPUPOOL_ANY, again = 7;

    host_boot(1, 16);
    ck_assert_int_eq(cpupool_create(&a), 0);
    ck_assert_int_eq(cpupool_create(&b), 0);
    ck_assert_int_eq(cpupool_create(&c), 0);
    ck_assert_uint_eq(a, 1);
    ck_assert_uint_eq(c, 2);
    ck_assert_uint_eq(cpupool_get_next(3)->id, 7);
    ck_assert_int_eq(cpupool_create(&again), -EEXIST);
    ck_assert_int_eq(cpupool_destroy(cpupool_get(2)), 0);
    ck_assert_ptr_null(cpupool_get(2));
}
END_TEST

START_TEST(what_is_in_use_is_refused)
{
    host_boot(3, 16);
    struct cpupool *all = cpupool_get(0), *p = pool_of(2, 2);
    struct hv_domctl_createdomain c = {.max_vcpus = 1, .cpupool_id = 5};
    struct domain *d = spinner(1, 0), *none;
    unsigned empty = CPUPOOL_ANY;

    ck_assert_int_eq(domain_create(HV_DOMID_INVALID, &c, &none), -EINVAL);
    ck_assert_int_eq(cpupool_create(&empty), 0);
    ck_assert_int_eq(cpupool_move_domain(d, cpupool_get(empty)), -ENOENT);
    ck_assert_int_eq(cpupool_add_cpu(p, 0), -EBUSY);
    ck_assert_int_eq(cpupool_add_cpu(p, 3), -EINVAL);
    ck_assert_int_eq(cpupool_add_cpu(p, CPUPOOL_ANY), -EINVAL);
    ck_assert_int_eq(cpupool_remove_cpu(p, 0), -EINVAL);
    ck_assert_int_eq(cpupool_destroy(p), -EBUSY);
    ck_assert_int_eq(cpupool_destroy(all), -EBUSY);
    ck_assert_int_eq(cpupool_remove_cpu(all, CPUPOOL_ANY), 0);
    ck_assert_int_eq(cpupool_remove_cpu(all, 0), -EBUSY);
    ck_assert_int_eq(cpupool_move_domain(d, p), 0);
    ck_assert_int_eq(cpupool_remove_cpu(p, 2), -EBUSY);
}
END_TEST

START_TEST(a_cpu_goes_offline_and_comes_back)
{
    host_boot(3, 16);
    struct domain *d = spinner(3, 0);
    uint64_t before;

    ck_assert_int_eq(cpupool_cpu_offline(2), 0);
    host_settle();
    ck_assert_uint_eq(where(d), 3);
    ck_assert_uint_eq(cpupool_usable_cpus(), 3);
    ck_assert_uint_eq(cpupool_free_cpus(), 0); /* no pool can have it */
    ck_assert_int_eq(cpupool_add_cpu(cpupool_get(0), 2), -EBUSY);
    ck_assert_int_eq(cpupool_cpu_offline(2), -EEXIST);
    before = ran(d);
    host_advance(SECOND);
    ck_assert_uint_le(ran(d) - before, 2 * SECOND + SECOND / 100);
    ck_assert_int_eq(cpupool_cpu_online(2), 0);
    host_settle();
    ck_assert_uint_eq(where(d), 7);
    ck_assert_int_eq(cpupool_cpu_online(2), -EEXIST);
}
END_TEST

START_TEST(a_cpu_that_is_needed_stays_online)
{
    host_boot(3, 16);
    struct cpupool *p = pool_of(2, 2);

    spinner(1, 0);
    ck_assert_int_eq(cpupool_cpu_offline(0), -EINVAL);
    ck_assert_int_eq(cpupool_cpu_offline(3), -EINVAL);
    ck_assert_int_eq(cpupool_cpu_online(3), -EINVAL);
    ck_assert_int_eq(cpupool_cpu_offline(2), -EBUSY); /* of another pool than 0 */
    ck_assert_int_eq(cpupool_remove_cpu(p, 2), 0);
    ck_assert_int_eq(cpupool_remove_cpu(cpupool_get(0), 0), 0);
    ck_assert_int_eq(cpupool_cpu_offline(1), -EBUSY); /* pool 0's last one */
    ck_assert_int_eq(cpupool_cpu_offline(2), 0);      /* in no pool */
    ck_assert_uint_eq(cpupool_usable_cpus(), 3);
}
END_TEST

START_TEST(a_dying_domain_lets_its_pool_go)
{
    host_boot(2, 16);
    struct cpupool *p = pool_of(1, 1);
    struct domain *d = spinner(1, p->id);

    while (domain_kill(d) == -ERESTART)
        host_settle();
    ck_assert_int_eq(cpupool_remove_cpu(p, 1), 0);
    ck_assert_int_eq(cpupool_destroy(p), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        at_boot_one_pool_has_all_cpus,     a_cpu_that_is_taken_out_idles,
        a_sleeper_leaves_the_cpu_as_well,  affinity_without_a_cpu_of_the_pool_is_lost,
        domains_keep_to_their_pools,       a_domain_moves_and_begins_anew,
        numbers_are_the_lowest_free_ones,  what_is_in_use_is_refused,
        a_dying_domain_lets_its_pool_go,   a_cpu_goes_offline_and_comes_back,
        a_cpu_that_is_needed_stays_online, NULL};

    return unit_run("cpupool", NULL, tests);
}
