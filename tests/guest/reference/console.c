/* SPDX-License-Identifier: MIT */
/* Output on the console page. */
#include "abi/event_channel.h"
#include "abi/io/console.h"
#include "abi/sched.h"
#include "reference.h"

static void put(char c)
{
    struct hv_console_interface *con = mfn_va(start_info->console.domU.mfn);
    struct hv_evtchn_send send = {start_info->console.domU.evtchn};
    uint32_t prod = con->out_prod;

    while (prod - __atomic_load_n(&con->out_cons, __ATOMIC_ACQUIRE) >=
           HV_CONSOLE_OUT_SIZE) {
        evtchn_op(HV_EVTCHNOP_SEND, &send);
        sched_op(HV_SCHEDOP_YIELD, NULL);
    }
    con->out[prod % HV_CONSOLE_OUT_SIZE] = c;
    __atomic_store_n(&con->out_prod, prod + 1, __ATOMIC_RELEASE);
}

void say(const char *fmt, ...)
{
    struct hv_evtchn_send send = {start_info->console.domU.evtchn};
    static char line[256];
    va_list args;

    va_start(args, fmt);
    format(line, sizeof(line), fmt, args);
    va_end(args);
    for (const char *s = line; *s; s++) {
        if (*s == '\n')
            put('\r');
        put(*s);
    }
    evtchn_op(HV_EVTCHNOP_SEND, &send);
}
