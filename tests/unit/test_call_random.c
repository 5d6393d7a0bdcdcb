/* SPDX-License-Identifier: MIT */
/* Every hypercall with random and nasty arguments, as an unprivileged guest gives them:
 * whatever comes back, the hypervisor does not fall over (sanitizers watch), and the
 * guest can be destroyed afterwards with nothing left. */
#include "abi/xen.h"
#include "kern/page_alloc.h"
#include "pv_world.h"

#define CALLS 1000000

/* One page of guest memory: what is copied past its end must fault. */
#define BUFFER_SIZE 4096
static uint64_t *buffer;
static uint64_t state = 0x9e3779b97f4a7c15ull;

static void guarded_world(void)
{
    static uint64_t page[BUFFER_SIZE / 8] __attribute__((aligned(BUFFER_SIZE)));

    buffer = page;
    world();
    host_guest_window(page, sizeof(page));
}

static uint64_t rnd(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* Numbers at which decoders break. */
static uint64_t nasty(void)
{
    static const uint64_t edge[] = {0,
                                    1,
                                    2,
                                    3,
                                    7,
                                    31,
                                    32,
                                    63,
                                    64,
                                    511,
                                    512,
                                    4095,
                                    4096,
                                    0x7ff0,
                                    0x7ff1,
                                    0x7ff4,
                                    0x7fff,
                                    0xffff,
                                    0x10000,
                                    0x7fffffff,
                                    0x80000000,
                                    0xffffffff,
                                    1ull << 32,
                                    1ull << 47,
                                    0x7fffffffffffull,
                                    0xffff800000000000ull,
                                    0xffff830000000000ull,
                                    0xffff87fffffffff8ull,
                                    0xffff880000000000ull,
                                    1ull << 63,
                                    ~0ull,
                                    ~7ull};

    switch (rnd() % 4) {
    case 0:
        return edge[rnd() % ARRAY_SIZE(edge)];
    case 1:
        return (uint64_t)buffer + rnd() % BUFFER_SIZE;
    case 2:
        return rnd() % 40;
    default:
        return rnd();
    }
}

static void scribble(void)
{
    for (unsigned i = 0; i < 24; i++)
        buffer[rnd() % 512] = nasty();
}

/* The scheduler would take the CPU away from a vCPU that blocks or is shut down; this one
 * just goes on calling. */
static void call_once(void)
{
    static const unsigned boring[] = {HV_CALL_CONSOLE_IO};
    struct hcall h = {.v = gv, .d = g};
    unsigned nr = (unsigned)(rnd() % 48);
    long rc;

    if (nr == boring[0] && rnd() % 64)
        return;
    for (unsigned i = 0; i < 6; i++)
        h.arg[i] = nasty();
    if (rnd() % 2)
        h.arg[0] = rnd() % 34;
    if (rnd() % 2)
        h.arg[1] = (uint64_t)&buffer[rnd() % 256];
    if (rnd() % 3 == 0)
        h.arg[2] = rnd() % 4;
    scribble();
    for (unsigned again = 0; again < 20; again++) {
        rc = hcall_dispatch(&h, nr);
        if (rc != HCALL_AGAIN_CODE)
            break;
        softirq_cpu[cpu_id()].pending = 0;
    }
}

START_TEST(random_calls_do_no_harm)
{
    uint64_t free_before = page_alloc_free_count();
    int rc;

    for (unsigned i = 0; i < CALLS; i++) {
        call_once();
        if (i % 64 == 0) { /* whatever it did to itself, it goes on */
            gv->pause_flags = 0;
            softirq_cpu[cpu_id()].pending = 0;
        }
    }
    ck_assert(cpu_current() == gv);
    host_on_cpu(gv->processor ? 0 : 1);
    gv->pause_flags = 0;
    do {
        host_settle();
        rc = domain_kill(g);
    } while (rc == -ERESTART);
    ck_assert_int_eq(rc, 0);
    domain_put(g);
    host_settle();
    ck_assert_uint_ge(page_alloc_free_count(), free_before);
}
END_TEST

START_TEST(unprivileged_guests_are_told_so)
{
    struct hcall h = {.v = gv, .d = g, .arg = {(uint64_t)buffer}};

    memset(buffer, 0, BUFFER_SIZE);
    ck_assert_int_eq(hcall_dispatch(&h, HV_CALL_DOMCTL), -EPERM);
    ck_assert_int_eq(hcall_dispatch(&h, HV_CALL_SYSCTL), -EPERM);
    ck_assert_int_eq(hcall_dispatch(&h, HV_CALL_PLATFORM_OP), -EPERM);
    ck_assert_int_eq(hcall_dispatch(&h, 11), -ENOSYS);
    ck_assert_int_eq(hcall_dispatch(&h, 4711), -ENOSYS);
    ck_assert_int_eq(hcall_dispatch(&h, ~0ul), -ENOSYS);
}
END_TEST

START_TEST(multicall_stores_each_result)
{
    struct hv_multicall_entry *e = (void *)buffer;
    struct hcall h = {.v = gv, .d = g, .arg = {(uint64_t)e, 3}};

    memset(buffer, 0, BUFFER_SIZE);
    e[0].op = HV_CALL_XEN_VERSION;
    e[1].op = HV_CALL_MULTICALL;
    e[2].op = 4711;
    ck_assert_int_eq(hcall_dispatch(&h, HV_CALL_MULTICALL), 0);
    ck_assert_int_eq((long)e[0].result, 4 << 16 | 17);
    ck_assert_int_lt((long)e[1].result, 0);
    ck_assert_int_eq((long)e[2].result, -ENOSYS);
    h.arg[0] = 0xffff830000000000ull;
    h.arg[1] = 3;
    ck_assert_int_eq(hcall_dispatch(&h, HV_CALL_MULTICALL), -EFAULT);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        random_calls_do_no_harm,
        unprivileged_guests_are_told_so,
        multicall_stores_each_result,
        NULL,
    };

    return unit_run("call", guarded_world, tests);
}
