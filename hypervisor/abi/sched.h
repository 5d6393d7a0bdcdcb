/* SPDX-License-Identifier: MIT */
/*
 * What a guest asks of the scheduler: sched_op(HV_SCHEDOP_*, struct hv_sched_*).
 *
 * Reference: Xen public interface, sched.h.
 */
#ifndef HV_ABI_SCHED_H
#define HV_ABI_SCHED_H

#include "event_channel.h"

#define HV_SCHEDOP_YIELD 0           /* - */
#define HV_SCHEDOP_BLOCK 1           /* - : unmasks events, sleeps until one */
#define HV_SCHEDOP_SHUTDOWN 2        /* hv_sched_shutdown */
#define HV_SCHEDOP_POLL 3            /* hv_sched_poll */
#define HV_SCHEDOP_REMOTE_SHUTDOWN 4 /* hv_sched_remote_shutdown */
#define HV_SCHEDOP_SHUTDOWN_CODE 5   /* hv_sched_shutdown: say why, do not stop */
#define HV_SCHEDOP_WATCHDOG 6        /* hv_sched_watchdog */
#define HV_SCHEDOP_PIN_OVERRIDE 7    /* hv_sched_pin_override */

#define HV_SHUTDOWN_POWEROFF 0
#define HV_SHUTDOWN_REBOOT 1
#define HV_SHUTDOWN_SUSPEND 2
#define HV_SHUTDOWN_CRASH 3
#define HV_SHUTDOWN_WATCHDOG 4
#define HV_SHUTDOWN_SOFT_RESET 5
#define HV_SHUTDOWN_MAX 5

#ifndef __ASSEMBLY__

struct hv_sched_shutdown {
    uint32_t reason; /* HV_SHUTDOWN_* */
};

/* Sleep until one of the ports is pending, even if masked, or the time is over. */
struct hv_sched_poll {
    hv_handle_t ports; /* hv_evtchn_port_t[nr_ports] */
    uint32_t nr_ports;
    uint64_t timeout; /* absolute system time in ns, 0: forever */
};

struct hv_sched_remote_shutdown {
    hv_domid_t domain_id;
    uint32_t reason; /* HV_SHUTDOWN_* */
};

/* id 0 makes a new watchdog and returns its id; timeout 0 destroys it. */
struct hv_sched_watchdog {
    uint32_t id;
    uint32_t timeout; /* seconds */
};

struct hv_sched_pin_override {
    int32_t pcpu; /* negative: undo */
};

#endif /* !__ASSEMBLY__ */
#endif
