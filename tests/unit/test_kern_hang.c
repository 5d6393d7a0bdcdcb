/* SPDX-License-Identifier: MIT */
/* The watchdog: CPUs that get to their timers and one that does not. */
#include "host/host.h"
#include "kern/hang.h"
#include "kern/param.h"
#include "unit.h"

#define SECOND 1000000000ull
#define HZ     10 /* what the host port answers */

static void prepare(void)
{
    host_boot(2, 16);
}

static void watch(void)
{
    param_parse("watchdog_timeout=3");
    hang_init();
}

/* That many NMIs on the CPU; whether one of them finds it stuck. */
static bool ticks(unsigned cpu, unsigned n)
{
    bool stuck = false;

    host_on_cpu(cpu);
    while (n--)
        stuck |= hang_tick();
    return stuck;
}

START_TEST(cpus_that_run_timers_are_not_stuck)
{
    watch();
    for (unsigned s = 0; s < 60; s++) {
        host_advance(SECOND);
        ck_assert(!ticks(0, HZ) && !ticks(1, HZ));
    }
}
END_TEST

START_TEST(one_that_does_not_is_stuck_after_the_time_out)
{
    watch();
    ck_assert(hang_watching());
    host_advance(SECOND);
    ck_assert(!ticks(1, 1));
    ck_assert(!ticks(1, 3 * HZ));
    ck_assert(ticks(1, HZ + 1));
    ck_assert(!ticks(0, HZ));
}
END_TEST

START_TEST(a_machine_that_stands_still_as_a_whole_is_not_stuck)
{
    watch();
    host_advance(SECOND);
    ck_assert(!ticks(0, 1));
    host_clock += 3600 * SECOND; /* no NMIs, no timers */
    ck_assert(!ticks(0, 1));
}
END_TEST

START_TEST(it_is_off_unless_asked_for)
{
    hang_init();
    ck_assert(!hang_watching() && !ticks(0, 1000));
    param_parse("watchdog watchdog_timeout=0");
    hang_init();
    ck_assert(!hang_watching());
    param_parse("watchdog=force");
    ck_assert(boot_params.watchdog);
    param_parse("no-watchdog");
    ck_assert(!boot_params.watchdog);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        cpus_that_run_timers_are_not_stuck,
        one_that_does_not_is_stuck_after_the_time_out,
        a_machine_that_stands_still_as_a_whole_is_not_stuck,
        it_is_off_unless_asked_for,
        NULL,
    };

    return unit_run("hang", prepare, tests);
}
