/* SPDX-License-Identifier: MIT */
/* The triple fault of a PV guest: a trap for which there is no handler. */
#include "guest.h"

void test_main(void)
{
    hcall1(HV_CALL_SET_TRAP_TABLE, 0);
    test_ok("crash-unhandled: the trap table is empty");
    asm volatile("ud2");
    test_fail("crash-unhandled: the domain is dead", "it goes on");
}
