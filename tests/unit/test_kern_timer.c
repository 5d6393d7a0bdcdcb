/* SPDX-License-Identifier: MIT */
/* Timers, softirqs and tasks on fake CPUs. */
#include "host/host.h"
#include "kern/lock.h"
#include "kern/softirq.h"
#include "kern/timer.h"
#include "unit.h"

#define N 200

static struct timer t[N];
static uint64_t fired_at[N];
static unsigned fired_on[N], order[N], fired;

static void fires(void *arg)
{
    unsigned i = (unsigned)((struct timer *)arg - t);

    fired_at[i] = host_clock;
    fired_on[i] = cpu_id();
    order[fired++ % N] = i;
}

static void prepare(void)
{
    host_boot(4, 16);
    for (unsigned i = 0; i < N; i++)
        timer_init(&t[i], fires, &t[i], i % 4);
}

/* Guests name any time they like; machines count further than that and come out before
 * it. */
START_TEST(a_time_that_machines_cannot_count_to_is_never)
{
    timer_set(&t[0], ~0ull - 1);
    ck_assert(timer_active(&t[0]));
    ck_assert_uint_le(t[0].expires, 1ull << 60); /* 36 years */
}
END_TEST

START_TEST(each_fires_at_its_time_on_its_cpu)
{
    uint64_t now = host_clock;

    for (unsigned i = 0; i < N; i++)
        timer_set(&t[i], now + 1000 + (i * 7919) % 5000);
    host_advance(10000);
    ck_assert_uint_eq(fired, N);
    for (unsigned i = 0; i < N; i++) {
        ck_assert_uint_eq(fired_at[i], now + 1000 + (i * 7919) % 5000);
        ck_assert_uint_eq(fired_on[i], i % 4);
        ck_assert(i == 0 || fired_at[order[i]] >= fired_at[order[i - 1]]);
    }
}
END_TEST

START_TEST(a_stopped_one_does_not_fire)
{
    uint64_t now = host_clock;

    for (unsigned i = 0; i < N; i++)
        timer_set(&t[i], now + 1000 + i);
    for (unsigned i = 0; i < N; i += 2)
        timer_stop(&t[i]);
    ck_assert(!timer_active(&t[0]) && timer_active(&t[1]));
    host_advance(10000);
    ck_assert_uint_eq(fired, N / 2);
    for (unsigned i = 0; i < N; i++)
        ck_assert_uint_eq(fired_at[i], i % 2 ? now + 1000 + i : 0);
}
END_TEST

START_TEST(setting_again_moves_it)
{
    uint64_t now = host_clock;

    timer_set(&t[0], now + 100);
    timer_set(&t[0], now + 5000);
    host_advance(1000);
    ck_assert_uint_eq(fired, 0);
    timer_set(&t[0], now + 1500);
    host_advance(1000);
    ck_assert_uint_eq(fired_at[0], now + 1500);
    host_advance(10000);
    ck_assert_uint_eq(fired, 1);
}
END_TEST

START_TEST(the_past_fires_at_once)
{
    timer_set(&t[0], 0);
    host_advance(0);
    ck_assert_uint_eq(fired, 1);
}
END_TEST

START_TEST(a_moved_timer_fires_on_its_new_cpu)
{
    for (unsigned i = 0; i < N; i++)
        timer_set(&t[i], host_clock + 1000 + i);
    for (unsigned i = 0; i < N; i++)
        timer_migrate(&t[i], 3);
    timer_migrate(&t[0], 3);
    host_advance(5000);
    ck_assert_uint_eq(fired, N);
    for (unsigned i = 0; i < N; i++)
        ck_assert_uint_eq(fired_on[i], 3);
}
END_TEST

START_TEST(a_killed_timer_cannot_be_set)
{
    timer_set(&t[0], host_clock + 100);
    timer_kill(&t[0]);
    timer_set(&t[0], host_clock + 100);
    host_advance(1000);
    ck_assert_uint_eq(fired, 0);
}
END_TEST

static void again(void *arg)
{
    fired++;
    timer_set(arg, host_clock + 100);
}

START_TEST(its_function_may_set_it_again)
{
    timer_init(&t[0], again, &t[0], 1);
    timer_set(&t[0], host_clock + 100);
    host_advance(1000);
    ck_assert_uint_eq(fired, 10);
}
END_TEST

START_TEST(random_settings_agree_with_a_list)
{
    uint64_t want[N] = {0};
    unsigned seed = 42;

    for (unsigned step = 0; step < 5000; step++) {
        unsigned i = (unsigned)rand_r(&seed) % N;

        host_on_cpu((unsigned)rand_r(&seed) % 4);
        switch (rand_r(&seed) % 4) {
        case 0:
        case 1:
            want[i] = host_clock + 1 + (unsigned)rand_r(&seed) % 2000;
            timer_set(&t[i], want[i]);
            break;
        case 2:
            want[i] = 0;
            timer_stop(&t[i]);
            break;
        case 3:
            timer_migrate(&t[i], (unsigned)rand_r(&seed) % 4);
            host_advance((unsigned)rand_r(&seed) % 100);
            for (unsigned n = 0; n < N; n++) {
                if (want[n] && want[n] <= host_clock) {
                    ck_assert_uint_eq(fired_at[n], want[n]);
                    want[n] = 0;
                }
                ck_assert(timer_active(&t[n]) == (want[n] != 0));
            }
        }
    }
}
END_TEST

static unsigned done;

static void work(void *arg)
{
    done++;
    if (arg && done < 3)
        task_kick(arg);
}

START_TEST(a_kicked_task_runs_once)
{
    struct task a, b;

    task_init(&a, work, NULL);
    task_init(&b, work, NULL);
    task_kick(&a);
    task_kick(&b);
    task_kick(&a);
    host_settle();
    ck_assert_uint_eq(done, 2);
    task_kick(&a);
    host_settle();
    ck_assert_uint_eq(done, 3);
}
END_TEST

START_TEST(a_task_may_kick_itself)
{
    struct task a;

    task_init(&a, work, &a);
    task_kick(&a);
    host_settle();
    ck_assert_uint_eq(done, 3);
}
END_TEST

static spinlock_t low = SPINLOCK_INIT(RANK_DOMAIN), high = SPINLOCK_INIT(RANK_TIMER);

static void wrong_order(void *arg)
{
    spin_lock(&high);
    spin_lock(&low);
}
static void twice(void *arg)
{
    spin_lock(&low);
    spin_lock(&low);
}
static void not_held(void *arg)
{
    spin_unlock(&low);
}
static void right_order(void *arg)
{
    spin_lock(&low);
    ck_assert(spin_held(&low) && !spin_held(&high));
    spin_lock(&high);
    spin_unlock(&low);
    spin_unlock(&high);
    ck_assert(!spin_held(&low));
    ck_assert(spin_trylock(&low));
    ck_assert(!spin_trylock(&low));
    spin_unlock(&low);
}

START_TEST(locks_in_rising_rank_are_fine)
{
    ck_assert_int_eq(host_catch(right_order, NULL), HOST_RETURNED);
}
END_TEST
START_TEST(locks_in_falling_rank_are_caught)
{
    ck_assert_int_ne(host_catch(wrong_order, NULL), HOST_RETURNED);
}
END_TEST
START_TEST(taking_a_lock_twice_is_caught)
{
    ck_assert_int_ne(host_catch(twice, NULL), HOST_RETURNED);
}
END_TEST
START_TEST(releasing_what_is_not_held_is_caught)
{
    ck_assert_int_ne(host_catch(not_held, NULL), HOST_RETURNED);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {each_fires_at_its_time_on_its_cpu,
                                  a_time_that_machines_cannot_count_to_is_never,
                                  a_stopped_one_does_not_fire,
                                  setting_again_moves_it,
                                  the_past_fires_at_once,
                                  a_moved_timer_fires_on_its_new_cpu,
                                  a_killed_timer_cannot_be_set,
                                  its_function_may_set_it_again,
                                  random_settings_agree_with_a_list,
                                  a_kicked_task_runs_once,
                                  a_task_may_kick_itself,
                                  locks_in_rising_rank_are_fine,
                                  locks_in_falling_rank_are_caught,
                                  taking_a_lock_twice_is_caught,
                                  releasing_what_is_not_held_is_caught,
                                  NULL};

    return unit_run("timers", prepare, tests);
}
