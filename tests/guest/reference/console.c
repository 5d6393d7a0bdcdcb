/* SPDX-License-Identifier: MIT */
/* Output on the guest's own console; and a workload: a further console that echoes. */
#include "abi/sched.h"
#include "front/consfront.h"
#include "reference.h"

static struct consfront own, further;

void console_init(void)
{
    consfront_boot(&own, mfn_va(start_info->console.domU.mfn),
                   start_info->console.domU.evtchn);
}

static void put(const char *data, size_t size)
{
    while (size) {
        size_t n = consfront_write(&own, data, size);

        data += n;
        size -= n;
        consfront_kick(&own);
        if (size)
            sched_op(HV_SCHEDOP_YIELD, NULL);
    }
}

void say(const char *fmt, ...)
{
    static char line[256];
    va_list args;
    size_t n;

    va_start(args, fmt);
    format(line, sizeof(line), fmt, args);
    va_end(args);
    for (const char *at = line; *at; at += n) {
        for (n = 0; at[n] && at[n] != '\n'; n++)
            ;
        put(at, n);
        if (at[n]) {
            put("\r\n", 2);
            n++;
        }
    }
}

static void echo(void *arg)
{
    char data[64];
    size_t n;

    while ((n = consfront_read(&further, data, sizeof(data))))
        for (size_t at = 0; at < n && further.state == CONSFRONT_RUNNING;)
            at += consfront_write(&further, data + at, n - at);
    consfront_kick(&further);
}

void console_main(const char *front)
{
    int rc = consfront_start(&further, front, echo, NULL);

    if (rc)
        say("not ok: %s: %d\n", front, rc);
    store_watch(further.bus.back);
    while (further.state != CONSFRONT_GONE) {
        if (store_fired())
            consfront_look(&further);
        port_wait();
    }
    say("%s has gone\n", front);
}
