/* SPDX-License-Identifier: MIT */
/* A trap while the kernel's stack is not mapped: its frame has no place. */
#include "guest.h"

void test_main(void)
{
    test_ok("crash-stack: the stack goes");
    asm volatile("mov $0x123456789000, %rsp\n ud2");
    test_fail("crash-stack: the domain is dead", "it goes on");
}
