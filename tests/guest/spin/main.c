/* SPDX-License-Identifier: MIT */
/* A vCPU that never yields, with events masked, does not keep the other from running. */
#include "guest.h"
#include "abi/vcpu.h"

static char stack[16384] __attribute__((aligned(16)));
static struct hv_vcpu_guest_context ctxt;
static volatile uint64_t counter;

void secondary_main(long vcpu)
{
    for (;;)
        counter++;
}

void test_main(void)
{
    uint64_t end, c, slices = 0;

    secondary_context(&ctxt, 1, stack + sizeof(stack));
    test_num("spin: a second vCPU on the one CPU",
             vcpu_op(HV_VCPUOP_INITIALISE, 1, &ctxt), 0);
    test_num("spin: goes up", vcpu_op(HV_VCPUOP_UP, 1, NULL), 0);
    /* Both spin; each must get on. */
    end = now_ns() + PATIENCE_NS;
    c = counter;
    while (slices < 3 && now_ns() < end)
        if (counter != c) {
            c = counter;
            slices++;
        }
    test_true("spin: the one that never yields runs", counter > 0);
    test_true("spin: and this one runs, in turns", slices >= 3);
}
