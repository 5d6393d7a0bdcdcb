/* SPDX-License-Identifier: MIT */
/*
 * A CPU that is stuck in the hypervisor runs no timers. Each CPU has one that beats every
 * second, and gets NMIs, which nothing keeps off: so many of them without a beat, and the
 * CPU is stuck. NMIs are counted where they arrive, so that a machine that stands still
 * as a whole, as an emulated one may, is not taken for a stuck one.
 *
 * No locks: all of a beat is its own CPU's; the NMI only reads `beats`.
 */
#include "kern/hang.h"
#include "kern/heap.h"
#include "kern/log.h"
#include "kern/param.h"
#include "kern/timer.h"
#include "port/clock.h"
#include "port/cpu.h"

#include <stdatomic.h>

#define SECOND 1000000000ull

struct beat {
    struct timer timer;
    _Atomic uint32_t beats;
    uint32_t seen, ticks; /* the NMI's: beats at its last look, NMIs since they moved */
};
static struct beat *_Atomic beats;
static uint32_t limit; /* NMIs */

static void beat(void *arg)
{
    struct beat *b = arg;

    atomic_fetch_add_explicit(&b->beats, 1, memory_order_relaxed);
    timer_set(&b->timer, clock_now() + SECOND);
}

void hang_init(void)
{
    struct beat *all;
    unsigned hz;

    if (!boot_params.watchdog || !boot_params.watchdog_timeout)
        return;
    all = heap_alloc(cpu_count() * sizeof(*all));
    hz = all ? cpu_nmi_ticks() : 0;
    if (!hz) {
        log_warn("Watchdog: this machine gives no NMIs; nothing is watched");
        heap_free(all);
        return;
    }
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        if (!(cpu_online() & cpumask_of(cpu)))
            continue;
        timer_init(&all[cpu].timer, beat, &all[cpu], cpu);
        timer_set(&all[cpu].timer, clock_now() + SECOND);
    }
    limit = (boot_params.watchdog_timeout + 1) * hz; /* a beat may be a second old */
    atomic_store(&beats, all);
    log_info("Watchdog: a CPU that is stuck for %u s is reported",
             boot_params.watchdog_timeout);
}

bool hang_watching(void)
{
    return atomic_load(&beats);
}

bool hang_tick(void)
{
    struct beat *all = atomic_load(&beats), *b;
    uint32_t now;

    if (!all)
        return false;
    b = &all[cpu_id()];
    now = atomic_load_explicit(&b->beats, memory_order_relaxed);
    if (now != b->seen) {
        b->seen = now;
        b->ticks = 0;
        return false;
    }
    return ++b->ticks > limit;
}
