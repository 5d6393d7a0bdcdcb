/* SPDX-License-Identifier: MIT */
/* A little world for tests of guest/pv and call: one guest whose vCPU 0 is current, with
 * all rooms. Guest memory is the test's own memory. */
#ifndef PV_WORLD_H
#define PV_WORLD_H

#include "abi/domctl.h"
#include "abi/sched.h"
#include "call/call.h"
#include "comm/event.h"
#include "comm/grant.h"
#include "comm/pirq.h"
#include "guest/pv/domain.h"
#include "guest/pv/priv.h"
#include "guest/pv/trap.h"
#include "guest/time.h"
#include "host/host.h"
#include "kern/room.h"
#include "kern/sched.h"
#include "lib/rangeset.h"
#include "lib/string.h"
#include "mm/page.h"
#include "port/upcall.h"
#include "unit.h"

const struct room *const rooms[] = {&sched_room, &mm_room,   &evtchn_room, &grant_room,
                                    &pirq_room,  &time_room, &pv_room,     NULL};

static struct domain *g;
static struct vcpu *gv;

static inline void world(void)
{
    struct hv_domctl_createdomain c = {.max_vcpus = 2,
                                       .max_evtchn_port = ~0u,
                                       .max_grant_frames = 4,
                                       .max_maptrack_frames = 2,
                                       .grant_opts = 2};
    struct vcpu *v;

    host_boot(2, 32);
    mm_init();
    time_init();
    ck_assert_int_eq(domain_create(5, &c, &g), 0);
    ck_assert_int_eq(vcpu_create(g, 0, &gv), 0);
    ck_assert_int_eq(vcpu_create(g, 1, &v), 0);
    dom_set_max_pages(g, 1000);
    gv->initialised = true;
    gv->pause_flags = 0;
    domain_unpause_by_controller(g);
    host_settle();
    host_on_cpu(gv->processor);
    ck_assert_ptr_eq(cpu_current(), gv);
    gv->hw.info->evtchn_upcall_mask = 0;
}

static inline bool crashed(void)
{
    return g->is_shutting_down && g->shutdown_code == HV_SHUTDOWN_CRASH;
}

#endif
