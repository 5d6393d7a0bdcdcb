/* SPDX-License-Identifier: MIT */
/* NMIs that a vCPU sends itself: the next one waits until the handler has returned. */
#include "guest.h"
#include "abi/callback.h"
#include "abi/vcpu.h"
#include "abi/version.h"

static volatile unsigned int nmis, depth, deepest;

static void send(void)
{
    test_num("nmi: it is sent", vcpu_op(HV_VCPUOP_SEND_NMI, 0, NULL), 0);
}

static bool handler(struct frame *f)
{
    if (f->vector != TRAP_NMI)
        return false;
    nmis++;
    if (++depth > deepest)
        deepest = depth;
    if (nmis == 1) {
        send();
        for (int i = 0; i < 100; i++) /* any of them might let it in */
            version_op(HV_VER_PAGESIZE, NULL);
        test_num("nmi: the second waits while the first is handled", nmis, 1);
    }
    depth--;
    return true;
}

void test_main(void)
{
    struct hv_callback_register r = {.type = HV_CALLBACKTYPE_NMI, .address = P(nmi_stub)};

    test_num("nmi: a handler is registered", callback_op(HV_CALLBACKOP_REGISTER, &r), 0);
    entry_hook = handler;
    send();
    test_num("nmi: both have come", nmis, 2);
    test_num("nmi: one after the other", deepest, 1);
    send();
    test_num("nmi: a third comes at once", nmis, 3);
    test_num("nmi: a vCPU that does not exist", vcpu_op(HV_VCPUOP_SEND_NMI, 1, NULL),
             -ENOENT);
}
