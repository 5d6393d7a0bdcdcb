/* SPDX-License-Identifier: MIT */
/*
 * Twelve CPUs in two run queues, more vCPUs than that, and everything at once: pairs of
 * vCPUs that send each other events and block between, spinners, capped domains, vCPUs
 * that yield, a controller that pauses and moves them. At the end all that should run
 * must get on; the port watches that nobody is in two CPUs.
 */
#include "abi/domctl.h"
#include "kern/log.h"
#include "kern/room.h"
#include "kern/sched.h"
#include "smp_port.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PAIRS       5
#define SPINNERS    3
#define RUN_SECONDS 4

static struct domain *pair[PAIRS], *spinner[SPINNERS];
static _Atomic uint64_t bounced[PAIRS];
static _Atomic bool calm; /* guests stop doing wild things */

static int vcpu_init(struct vcpu *v)
{
    v->hw.resume = model_guest_entry;
    return 0;
}
static const struct room guest_room = {.name = "model", .vcpu_init = vcpu_init};
const struct room *const rooms[] = {&sched_room, &guest_room, NULL};

static _Thread_local unsigned seed = 1;

static unsigned dice(unsigned n)
{
    return (unsigned)rand_r(&seed) % n;
}

static void spin(void)
{
    for (volatile unsigned i = 0; i < 2000; i++)
        ;
}

/* Takes its event, sends one to the other side, sleeps. */
static void bounce(struct vcpu *v, unsigned n)
{
    struct vcpu *other = v->domain->vcpu[!v->id];
    uint8_t *pending = &v->info->evtchn_upcall_pending;

    if (__atomic_exchange_n(pending, 0, __ATOMIC_SEQ_CST)) {
        bounced[n]++;
        __atomic_store_n(&other->info->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST);
        vcpu_kick(other);
    }
    if (dice(3))
        spin();
    vcpu_block(v);
}

static void guest(struct vcpu *v)
{
    for (unsigned n = 0; n < PAIRS; n++) {
        if (v->domain == pair[n]) {
            bounce(v, n);
            return;
        }
    }
    spin();
    if (!calm && !dice(20))
        vcpu_yield();
}

static struct domain *make(unsigned vcpus)
{
    struct hv_domctl_createdomain c = {.max_vcpus = vcpus};
    struct domain *d;
    struct vcpu *v;

    if (domain_create(HV_DOMID_INVALID, &c, &d))
        abort();
    for (unsigned i = 0; i < vcpus; i++) {
        if (vcpu_create(d, i, &v))
            abort();
        v->pause_flags = 0;
    }
    return d;
}

static void disturb(void)
{
    struct domain *d = dice(2) ? pair[dice(PAIRS)] : spinner[dice(SPINNERS)];
    struct vcpu *v = d->vcpu[dice(d->max_vcpus)];

    switch (dice(6)) {
    case 0:
        domain_pause(d);
        for (unsigned i = 0; i < d->max_vcpus; i++)
            if (d->vcpu[i]->running)
                model_fail("a paused vCPU runs", d->vcpu[i]);
        domain_unpause(d);
        break;
    case 1:
        vcpu_pause(v);
        if (v->running)
            model_fail("a paused vCPU runs", v);
        vcpu_unpause(v);
        break;
    case 2:
        (void)sched_set_hard_affinity(v, 1 + dice((1u << MODEL_CPUS) - 1));
        break;
    case 3:
        (void)sched_set_soft_affinity(v, 1 + dice((1u << MODEL_CPUS) - 1));
        break;
    case 4:
        sched_set_cap(d, dice(2) ? 0 : 40);
        break;
    case 5:
        sched_set_weight(d, 1 + dice(1000));
        break;
    }
}

static void free_all(struct domain *d)
{
    sched_set_cap(d, 0);
    sched_set_weight(d, 256);
    for (unsigned i = 0; i < d->max_vcpus; i++)
        (void)sched_set_hard_affinity(d->vcpu[i], CPUMASK_ALL);
}

/* Waits until all have got on since the call. */
static void all_get_on(void)
{
    uint64_t before[SPINNERS][16], pairs_before[PAIRS];

    for (unsigned n = 0; n < SPINNERS; n++)
        for (unsigned i = 0; i < spinner[n]->max_vcpus; i++)
            before[n][i] = model_progress(spinner[n]->vcpu[i]);
    for (unsigned n = 0; n < PAIRS; n++)
        pairs_before[n] = bounced[n];
    sleep(3);
    for (unsigned n = 0; n < SPINNERS; n++)
        for (unsigned i = 0; i < spinner[n]->max_vcpus; i++)
            if (model_progress(spinner[n]->vcpu[i]) == before[n][i])
                model_fail("a runnable vCPU does not get on", spinner[n]->vcpu[i]);
    for (unsigned n = 0; n < PAIRS; n++)
        if (bounced[n] == pairs_before[n])
            model_fail("an event was lost", pair[n]->vcpu[0]);
}

static void kill_one(struct domain *d)
{
    domain_put(d);
    if (domain_kill(d))
        model_fail("a domain could not be killed", NULL);
}

int main(int argc, char **argv)
{
    seed = argc > 1 ? (unsigned)atoi(argv[1]) : 1;
    setvbuf(stdout, NULL, _IONBF, 0);
    model_guest = guest;
    model_boot();
    for (unsigned n = 0; n < PAIRS; n++)
        pair[n] = make(2);
    for (unsigned n = 0; n < SPINNERS; n++)
        spinner[n] = make(3 + n);
    model_start();
    for (unsigned n = 0; n < SPINNERS; n++)
        domain_unpause_by_controller(spinner[n]);
    for (unsigned n = 0; n < PAIRS; n++) {
        pair[n]->vcpu[0]->info->evtchn_upcall_pending = 1;
        domain_unpause_by_controller(pair[n]);
    }
    for (time_t end = time(NULL) + RUN_SECONDS; time(NULL) < end;)
        disturb();
    calm = true;
    for (unsigned n = 0; n < SPINNERS; n++)
        free_all(spinner[n]);
    for (unsigned n = 0; n < PAIRS; n++)
        free_all(pair[n]);
    all_get_on();
    for (unsigned n = 0; n < SPINNERS; n++)
        kill_one(spinner[n]);
    for (unsigned n = 0; n < PAIRS; n++)
        kill_one(pair[n]);
    printf("ok 1 - twelve CPUs keep the scheduler's promises under stress\n1..1\n");
    fflush(stdout);
    _Exit(0);
}
