/* SPDX-License-Identifier: MIT */
/* Timers of a vCPU, its clock, and its account of time. */
#include "guest.h"
#include "abi/event_channel.h"
#include "abi/sched.h"
#include "abi/vcpu.h"

static uint32_t port;
static struct hv_vcpu_runstate_info area __attribute__((aligned(64)));
static struct hv_vcpu_time_info time_area __attribute__((aligned(64)));

static void clock(void)
{
    volatile struct hv_vcpu_time_info *t = &shared_info->vcpu_info[0].time;
    uint64_t a = now_ns(), b;

    for (int i = 0; i < 1000; i++) {
        b = now_ns();
        if (b < a)
            break;
        a = b;
    }
    test_true("timers: time does not go back", b >= a);
    test_true("timers: the clock's version is even", !(t->version & 1));
    test_true("timers: the clock has a rate", t->tsc_to_system_mul != 0);
}

/* Sets a timer for 30 ms and stops it before its time, which takes another try if the
 * machine has stood still in between; then waits beyond it. `set` and `stop` by one of
 * the two ways. Returns how many events come: none are to; ~0 if they fail. */
static uint32_t stopped(long (*set)(uint64_t when), long (*stop)(void))
{
    uint32_t before;
    uint64_t end;
    long rc;

    do {
        end = now_ns() + 30000000;
        rc = set(end) | stop();
        before = event_count[port];
    } while (now_ns() >= end);
    if (rc)
        return ~0U;
    end += 20000000;
    while (now_ns() < end)
        sched_op(HV_SCHEDOP_YIELD, NULL);
    return event_count[port] - before;
}

static long set_one(uint64_t when)
{
    return hcall1(HV_CALL_SET_TIMER_OP, when);
}

static long stop_one(void)
{
    return hcall1(HV_CALL_SET_TIMER_OP, 0);
}

static long set_single(uint64_t when)
{
    struct hv_vcpu_set_singleshot_timer s = {.timeout_abs_ns = when};

    return vcpu_op(HV_VCPUOP_SET_SINGLESHOT_TIMER, 0, &s);
}

static long stop_single(void)
{
    return vcpu_op(HV_VCPUOP_STOP_SINGLESHOT_TIMER, 0, NULL);
}

static void one_shot(void)
{
    uint64_t start = now_ns();
    struct hv_vcpu_set_singleshot_timer s = {.timeout_abs_ns = start + 10000000};
    long rc;

    event_count[port] = 0;
    test_num("timers: set_timer_op", hcall1(HV_CALL_SET_TIMER_OP, start + 10000000), 0);
    test_true("timers: the event comes", event_wait(port, 1));
    test_true("timers: not too early", now_ns() >= start + 9800000); /* some slop */
    test_num("timers: 0 stops it", stopped(set_one, stop_one), 0);
    event_count[port] = 1;
    hcall1(HV_CALL_SET_TIMER_OP, 1);
    test_true("timers: a time in the past fires at once", event_wait(port, 2));

    s.timeout_abs_ns = now_ns() + 10000000;
    test_num("timers: set_singleshot_timer",
             vcpu_op(HV_VCPUOP_SET_SINGLESHOT_TIMER, 0, &s), 0);
    test_true("timers: fires", event_wait(port, 3));
    s.timeout_abs_ns = 1;
    s.flags = HV_VCPU_SSHOTTMR_FUTURE;
    rc = vcpu_op(HV_VCPUOP_SET_SINGLESHOT_TIMER, 0, &s);
    /* The interface says -ETIME; Xen 4.17 takes it and fires. */
    test_true("timers: the past is refused if asked so, or fires at once",
              rc == -ETIME || (rc == 0 && event_wait(port, 4)));
    event_count[port] = 3;
    s.flags = 0;
    test_num("timers: not asked so, it is taken",
             vcpu_op(HV_VCPUOP_SET_SINGLESHOT_TIMER, 0, &s), 0);
    test_true("timers: and fires", event_wait(port, 4));
    test_num("timers: stop_singleshot_timer stops it", stopped(set_single, stop_single),
             0);
}

static void periodic(void)
{
    struct hv_vcpu_set_periodic_timer p = {.period_ns = 5000000};

    event_count[port] = 0;
    test_num("timers: set_periodic_timer", vcpu_op(HV_VCPUOP_SET_PERIODIC_TIMER, 0, &p),
             0);
    test_true("timers: comes again and again", event_wait(port, 10));
    test_num("timers: stop_periodic_timer",
             vcpu_op(HV_VCPUOP_STOP_PERIODIC_TIMER, 0, NULL), 0);
    p.period_ns = 100000;
    test_num("timers: periods under a millisecond are refused",
             vcpu_op(HV_VCPUOP_SET_PERIODIC_TIMER, 0, &p), -EINVAL);
}

static void runstate(void)
{
    struct hv_vcpu_register_runstate_memory_area r = {.addr = {.h = P(&area)}};
    struct hv_vcpu_runstate_info now;
    uint64_t blocked;

    test_num("timers: the account of time is registered",
             vcpu_op(HV_VCPUOP_REGISTER_RUNSTATE_MEMORY_AREA, 0, &r), 0);
    test_num("timers: the vCPU runs", area.state, HV_RUNSTATE_RUNNING);
    test_num("timers: get_runstate_info", vcpu_op(HV_VCPUOP_GET_RUNSTATE_INFO, 0, &now),
             0);
    test_num("timers: says so too", now.state, HV_RUNSTATE_RUNNING);
    test_true("timers: with time spent running", now.time[HV_RUNSTATE_RUNNING] > 0);
    blocked = now.time[HV_RUNSTATE_BLOCKED];
    events_off();
    hcall1(HV_CALL_SET_TIMER_OP, now_ns() + 200000000);
    sched_op(HV_SCHEDOP_BLOCK, NULL);
    test_true("timers: sleep is counted as blocked",
              area.time[HV_RUNSTATE_BLOCKED] - blocked > 15000000);
    r.addr.h = 0x123456789000;
    vcpu_op(HV_VCPUOP_REGISTER_RUNSTATE_MEMORY_AREA, 0, &r);
    events_off();
    hcall1(HV_CALL_SET_TIMER_OP, now_ns() + 2000000);
    sched_op(HV_SCHEDOP_BLOCK, NULL);
    test_ok("timers: a wild area does no harm");
    r.addr.h = 0;
    vcpu_op(HV_VCPUOP_REGISTER_RUNSTATE_MEMORY_AREA, 0, &r);
}

static void time_info(void)
{
    struct hv_vcpu_register_time_memory_area t = {.addr = {.h = P(&time_area)}};

    test_num("timers: a second copy of the clock is registered",
             vcpu_op(HV_VCPUOP_REGISTER_VCPU_TIME_MEMORY_AREA, 0, &t), 0);
    events_off();
    hcall1(HV_CALL_SET_TIMER_OP, now_ns() + 2000000);
    sched_op(HV_SCHEDOP_BLOCK, NULL);
    test_num("timers: and has the same rate", time_area.tsc_to_system_mul,
             shared_info->vcpu_info[0].time.tsc_to_system_mul);
}

void test_main(void)
{
    struct hv_evtchn_bind_virq b = {.virq = HV_VIRQ_TIMER, .vcpu = 0};

    evtchn_op(HV_EVTCHNOP_BIND_VIRQ, &b);
    port = b.port;
    events_on();
    clock();
    test_true("timers: a vCPU starts with a periodic timer", event_wait(port, 3));
    vcpu_op(HV_VCPUOP_STOP_PERIODIC_TIMER, 0, NULL);
    one_shot();
    periodic();
    runstate();
    time_info();
}
