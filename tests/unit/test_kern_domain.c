/* SPDX-License-Identifier: MIT */
/* Domains: creation that fails at each step, killing that is interrupted, references,
 * pausing, shutting down. */
#include "abi/domctl.h"
#include "abi/sched.h"
#include "host/host.h"
#include "kern/heap.h"
#include "kern/page_alloc.h"
#include "kern/param.h"
#include "kern/room.h"
#include "kern/sched.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "unit.h"

/* Two rooms that count, and fail when told to. */
static int alive_a, alive_b, vcpus_b, fail_b, fail_vcpu, kills_a, kills_b, restarts;
static unsigned changes;

static int init_a(struct domain *d, const struct hv_domctl_createdomain *c)
{
    alive_a++;
    return 0;
}
static void free_a(struct domain *d)
{
    alive_a--;
}
static int kill_a(struct domain *d)
{
    kills_a++;
    return restarts-- > 0 ? -ERESTART : 0;
}
static int init_b(struct domain *d, const struct hv_domctl_createdomain *c)
{
    if (fail_b)
        return fail_b;
    alive_b++;
    return 0;
}
static void free_b(struct domain *d)
{
    alive_b--;
}
static int kill_b(struct domain *d)
{
    kills_b++;
    return 0;
}
static int vcpu_init_b(struct vcpu *v)
{
    if (fail_vcpu)
        return fail_vcpu;
    vcpus_b++;
    return 0;
}
static void vcpu_free_b(struct vcpu *v)
{
    vcpus_b--;
}
static const struct room room_a = {"a", init_a, kill_a, free_a, NULL, NULL, NULL};
static const struct room room_b = {"b",         init_b,      kill_b, free_b,
                                   vcpu_init_b, vcpu_free_b, NULL};
const struct room *const rooms[] = {&sched_room, &room_a, &room_b, NULL};

static void changed(struct domain *d)
{
    changes++;
}

static void prepare(void)
{
    host_boot(3, 16);
    domain_state_changed = changed;
}

static int create(domid_t id, unsigned vcpus, struct domain **d)
{
    struct hv_domctl_createdomain c = {.max_vcpus = vcpus, .handle = {1, 2, 3}};

    return domain_create(id, &c, d);
}

static struct domain *make(domid_t id)
{
    struct domain *d = NULL;
    struct vcpu *v;

    ck_assert_int_eq(create(id, 2, &d), 0);
    ck_assert_int_eq(vcpu_create(d, 0, &v), 0);
    ck_assert_int_eq(vcpu_create(d, 1, &v), 0);
    return d;
}

static void start(struct domain *d)
{
    for (unsigned i = 0; i < d->max_vcpus; i++) {
        d->vcpu[i]->pause_flags = 0;
        sched_set_hard_affinity(d->vcpu[i], 6); /* CPU 0 is the controller's */
    }
    ck_assert_int_eq(domain_unpause_by_controller(d), 0);
    host_settle();
}

START_TEST(a_new_domain_is_paused_and_found)
{
    struct domain *d = make(7), *found;

    ck_assert_uint_eq(d->id, 7);
    ck_assert_int_eq(d->pauses, 1);
    ck_assert_uint_eq(d->handle[2], 3);
    ck_assert(!d->privileged);
    ck_assert_ptr_eq(d->vcpu[1]->hw.info, &d->shared->vcpu_info[1]);
    ck_assert_uint_eq(d->vcpu[0]->pause_flags, VPF_DOWN);
    found = domain_get(7);
    ck_assert_ptr_eq(found, d);
    domain_put(found);
    ck_assert_ptr_null(domain_get(8));
    ck_assert_int_eq(create(7, 1, &found), -EEXIST);
    ck_assert_int_eq(create(8, 0, &found), -EINVAL);
    ck_assert_int_eq(create(8, HV_MAX_VCPUS + 1, &found), -EINVAL);
    ck_assert_int_eq(create(HV_DOMID_SELF, 1, &found), -EINVAL);
}
END_TEST

START_TEST(free_ids_are_given_in_turn)
{
    struct domain *a = make(HV_DOMID_INVALID), *b, *c;

    ck_assert_uint_eq(a->id, 1);
    b = make(HV_DOMID_INVALID);
    ck_assert_uint_eq(b->id, 2);
    make(3);
    domain_put(a);
    ck_assert_int_eq(domain_kill(a), 0);
    host_settle();
    c = make(HV_DOMID_INVALID);
    ck_assert_uint_eq(c->id, 4);
}
END_TEST

START_TEST(the_list_is_walked_by_rising_id)
{
    static const domid_t ids[] = {9, 2, 70, 5};
    unsigned want[] = {2, 5, 9, 70}, n = 0;
    struct domain *d;

    for (unsigned i = 0; i < 4; i++)
        make(ids[i]);
    for (domid_t at = 0; (d = domain_get_next(at)); at = d->id + 1) {
        ck_assert_uint_eq(d->id, want[n++]);
        domain_put(d);
    }
    ck_assert_uint_eq(n, 4);
}
END_TEST

START_TEST(a_failing_room_undoes_the_others)
{
    uint64_t free_before;
    struct domain *d;

    d = make(1);
    domain_put(d);
    ck_assert_int_eq(domain_kill(d), 0);
    host_settle();
    free_before = page_alloc_free_count();
    fail_b = -ENOSPC;
    ck_assert_int_eq(create(1, 2, &d), -ENOSPC);
    ck_assert_int_eq(alive_a, 0);
    ck_assert_ptr_null(domain_get(1));
    ck_assert_uint_eq(page_alloc_free_count(), free_before);
    fail_b = 0;
    ck_assert_int_eq(create(1, 2, &d), 0);
}
END_TEST

START_TEST(a_failing_vcpu_leaves_none)
{
    struct domain *d;
    struct vcpu *v;

    ck_assert_int_eq(create(1, 2, &d), 0);
    fail_vcpu = -ENOMEM;
    ck_assert_int_eq(vcpu_create(d, 0, &v), -ENOMEM);
    ck_assert_ptr_null(d->vcpu[0]);
    fail_vcpu = 0;
    ck_assert_int_eq(vcpu_create(d, 0, &v), 0);
    ck_assert_int_eq(vcpu_create(d, 0, &v), -EEXIST);
    ck_assert_int_eq(vcpu_create(d, 2, &v), -EINVAL);
}
END_TEST

START_TEST(creation_survives_every_lack_of_memory)
{
    void *hoard[4096];
    unsigned n = 0;

    host_settle();
    while (n < ARRAY_SIZE(hoard) && (hoard[n] = page_alloc_mapped(0)))
        n++;
    for (unsigned give = 0;; give++) { /* a page more each time, until it works */
        struct domain *d;
        struct vcpu *v;
        int rc = create(1, 2, &d);

        if (!rc) {
            rc = vcpu_create(d, 0, &v);
            domain_put(d);
            ck_assert_int_eq(domain_kill(d), 0);
            host_settle();
        }
        ck_assert_int_eq(alive_a, 0);
        ck_assert_int_eq(vcpus_b, 0);
        if (!rc)
            break;
        ck_assert_int_eq(rc, -ENOMEM);
        page_free_mapped(hoard[--n], 0);
    }
}
END_TEST

START_TEST(killing_goes_on_where_it_stopped)
{
    struct domain *d = make(1);

    restarts = 2;
    ck_assert_int_eq(domain_kill(d), -ERESTART);
    ck_assert_int_eq(d->dying, DOM_DYING);
    ck_assert_int_eq(domain_kill(d), -ERESTART);
    ck_assert_int_eq(domain_kill(d), 0);
    ck_assert_int_eq(kills_a, 3);
    ck_assert_int_eq(kills_b, 1);
    ck_assert_int_eq(d->dying, DOM_DEAD);
    ck_assert_int_eq(domain_kill(d), 0);
    ck_assert_int_eq(kills_a, 3);
}
END_TEST

START_TEST(a_reference_keeps_a_dead_domain)
{
    struct domain *d = make(1), *found;

    start(d);
    ck_assert_int_eq(domain_kill(d), 0);
    host_settle();
    found = domain_get(1);
    ck_assert_ptr_eq(found, d);
    domain_put(found);
    ck_assert_int_eq(alive_a, 1);
    domain_put(d);
    ck_assert_int_eq(alive_a, 1); /* not in the middle of whoever puts */
    host_settle();
    ck_assert_int_eq(alive_a, 0);
    ck_assert_int_eq(alive_b, 0);
    ck_assert_int_eq(vcpus_b, 0);
    ck_assert_ptr_null(domain_get(1));
    ck_assert_uint_ge(changes, 2);
}
END_TEST

START_TEST(creating_and_killing_leaves_memory_as_it_was)
{
    uint64_t after_first = 0;

    for (unsigned i = 0; i < 100; i++) {
        struct domain *d = make(HV_DOMID_INVALID);

        start(d);
        host_advance(3000000);
        domain_put(d);
        ck_assert_int_eq(domain_kill(d), 0);
        host_settle();
        if (!after_first)
            after_first = page_alloc_free_count();
    }
    ck_assert_uint_eq(page_alloc_free_count(), after_first);
}
END_TEST

START_TEST(nobody_kills_himself)
{
    struct domain *d = make(1);

    start(d);
    host_on_cpu(d->vcpu[0]->processor);
    ck_assert_int_eq(domain_kill(d), -EINVAL);
}
END_TEST

START_TEST(the_controllers_pauses_are_bounded)
{
    struct domain *d = make(1);

    ck_assert_int_eq(domain_unpause_by_controller(d), 0);
    ck_assert(d->creation_finished);
    ck_assert_int_eq(domain_unpause_by_controller(d), -EINVAL);
    for (unsigned i = 0; i < 255; i++)
        ck_assert_int_eq(domain_pause_by_controller(d), 0);
    ck_assert_int_eq(domain_pause_by_controller(d), -E2BIG);
    ck_assert_int_eq(d->pauses, 255);
}
END_TEST

START_TEST(the_first_shutdown_reason_counts)
{
    struct domain *d = make(1);

    start(d);
    domain_shutdown(d, HV_SHUTDOWN_REBOOT);
    domain_shutdown(d, HV_SHUTDOWN_CRASH);
    host_settle();
    ck_assert(d->is_shut_down);
    ck_assert_int_eq(d->shutdown_code, HV_SHUTDOWN_REBOOT);
    ck_assert_uint_eq(changes, 1);
    ck_assert(host_current[1]->is_idle && host_current[2]->is_idle);
}
END_TEST

START_TEST(a_code_said_before_is_kept)
{
    struct domain *d = make(1);

    start(d);
    domain_set_shutdown_code(d, HV_SHUTDOWN_CRASH);
    ck_assert(!d->is_shut_down);
    domain_shutdown(d, HV_SHUTDOWN_POWEROFF);
    ck_assert_int_eq(d->shutdown_code, HV_SHUTDOWN_CRASH);
}
END_TEST

START_TEST(a_resumed_domain_runs_again)
{
    struct domain *d = make(1);

    start(d);
    domain_shutdown(d, HV_SHUTDOWN_SUSPEND);
    host_settle();
    ck_assert_int_eq(domain_resume(d), 0);
    host_settle();
    ck_assert(!host_current[1]->is_idle && !host_current[2]->is_idle);
    ck_assert(!d->is_shut_down);
    ck_assert_int_eq(d->shutdown_code, -1);
    ck_assert_int_eq(domain_resume(d), 0);
    ck_assert_int_eq(d->pauses, 0);
}
END_TEST

START_TEST(a_crash_says_why_once)
{
    struct domain *d = make(5);

    start(d);
    host_on_cpu(d->vcpu[1]->processor);
    domain_crash(d, "touched %d", 42);
    domain_crash(d, "again");
    ck_assert_ptr_nonnull(
        strstr(host_console(), "(XEN) Domain 5 (vcpu#1) crashed on cpu#"));
    ck_assert_ptr_nonnull(strstr(host_console(), ": touched 42\n"));
    ck_assert_ptr_null(strstr(host_console(), "again"));
    ck_assert_int_eq(d->shutdown_code, HV_SHUTDOWN_CRASH);
}
END_TEST

static int dom0_reason;
static void shut_dom0(void *arg)
{
    domain_shutdown(dom0, dom0_reason);
}

START_TEST(the_machine_goes_with_dom0)
{
    static const struct {
        int reason;
        bool noreboot;
        enum host_end end;
    } cases[] = {
        {HV_SHUTDOWN_POWEROFF, false, HOST_POWEROFF},
        {HV_SHUTDOWN_REBOOT, false, HOST_RESTART},
        {HV_SHUTDOWN_CRASH, false, HOST_RESTART},
        {HV_SHUTDOWN_CRASH, true, HOST_HALT},
        {HV_SHUTDOWN_WATCHDOG, false, HOST_RESTART},
    };
    struct domain *d = make(0);

    ck_assert_ptr_eq(dom0, d);
    ck_assert(d->privileged);
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        dom0_reason = cases[i].reason;
        boot_params.noreboot = cases[i].noreboot;
        d->shutdown_code = -1;
        ck_assert_int_eq(host_catch(shut_dom0, NULL), cases[i].end);
    }
}
END_TEST

START_TEST(a_watchdog_that_is_not_fed_shuts_down)
{
    struct domain *d = make(1);

    start(d);
    ck_assert_int_eq(domain_watchdog(d, 0, 0), -EINVAL);
    ck_assert_int_eq(domain_watchdog(d, 0, 2), 1);
    ck_assert_int_eq(domain_watchdog(d, 0, 2), 2);
    ck_assert_int_eq(domain_watchdog(d, 0, 2), -ENOSPC);
    ck_assert_int_eq(domain_watchdog(d, 3, 2), -EINVAL);
    ck_assert_int_eq(domain_watchdog(d, 2, 0), 0);
    ck_assert_int_eq(domain_watchdog(d, 2, 1), -EINVAL);
    host_advance(1500000000ull);
    ck_assert_int_eq(domain_watchdog(d, 1, 2), 0);
    host_advance(1500000000ull);
    ck_assert(!d->is_shut_down);
    host_advance(600000000ull);
    ck_assert(d->is_shut_down);
    ck_assert_int_eq(d->shutdown_code, HV_SHUTDOWN_WATCHDOG);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {a_new_domain_is_paused_and_found,
                                  free_ids_are_given_in_turn,
                                  the_list_is_walked_by_rising_id,
                                  a_failing_room_undoes_the_others,
                                  a_failing_vcpu_leaves_none,
                                  creation_survives_every_lack_of_memory,
                                  killing_goes_on_where_it_stopped,
                                  a_reference_keeps_a_dead_domain,
                                  creating_and_killing_leaves_memory_as_it_was,
                                  nobody_kills_himself,
                                  the_controllers_pauses_are_bounded,
                                  the_first_shutdown_reason_counts,
                                  a_code_said_before_is_kept,
                                  a_resumed_domain_runs_again,
                                  a_crash_says_why_once,
                                  the_machine_goes_with_dom0,
                                  a_watchdog_that_is_not_fed_shuts_down,
                                  NULL};

    return unit_run("domains", prepare, tests);
}
