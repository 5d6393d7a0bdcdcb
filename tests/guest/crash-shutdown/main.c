/* SPDX-License-Identifier: MIT */
/* A kernel that panics says so by SCHEDOP_shutdown. */
#include "guest.h"
#include "abi/sched.h"

void test_main(void)
{
    struct hv_sched_shutdown s = {HV_SHUTDOWN_CRASH};

    test_ok("crash-shutdown: the kernel panics");
    sched_op(HV_SCHEDOP_SHUTDOWN, &s);
    test_fail("crash-shutdown: the domain is dead", "it goes on");
}
