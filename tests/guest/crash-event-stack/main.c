/* SPDX-License-Identifier: MIT */
/* An event behind a hypercall whose caller's stack lies in the hypervisor's range: the
 * frame has no place, least of all there. */
#include "guest.h"

void test_main(void)
{
    struct hv_vcpu_info *v = &shared_info->vcpu_info[0];

    test_ok("crash-event-stack: an event waits");
    v->evtchn_upcall_pending = 1;
    v->evtchn_upcall_mask = 0;
    asm volatile("mov %0, %%rsp\n mov $17, %%eax\n xor %%edi, %%edi\n syscall"
                 :
                 : "r"(0xffff830000001000)
                 : "memory");
    test_fail("crash-event-stack: the domain is dead", "it goes on");
}
