/* SPDX-License-Identifier: MIT */
/* A little world for tests of comm: a control domain and two guests, each with a vCPU, on
 * the host port. */
#ifndef COMM_WORLD_H
#define COMM_WORLD_H

#include "abi/domctl.h"
#include "comm/event.h"
#include "comm/grant.h"
#include "comm/pirq.h"
#include "host/host.h"
#include "kern/room.h"
#include "kern/sched.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mm/page.h"
#include "port/map.h"
#include "unit.h"

const struct room *const rooms[] = {&sched_room, &mm_room,   &evtchn_room,
                                    &grant_room, &pirq_room, NULL};

static struct domain *a, *b;

static inline struct domain *new_domain(domid_t id)
{
    struct hv_domctl_createdomain c = {.max_vcpus = 2,
                                       .max_evtchn_port = ~0u,
                                       .max_grant_frames = 4,
                                       .max_maptrack_frames = 2,
                                       .grant_opts = 2};
    struct domain *d;
    struct vcpu *v;

    ck_assert_int_eq(domain_create(id, &c, &d), 0);
    for (unsigned i = 0; i < 2; i++)
        ck_assert_int_eq(vcpu_create(d, i, &v), 0);
    dom_set_max_pages(d, 100);
    return d;
}

static inline void world(void)
{
    host_boot(2, 32);
    mm_init();
    a = new_domain(5);
    b = new_domain(7);
}

static inline mfn_t frame_of(struct domain *d)
{
    struct page *pg;

    ck_assert_int_eq(dom_page_alloc(d, 0, PAGE_ZERO, &pg), 0);
    return page_mfn(pg);
}

static inline bool pending(struct domain *d, uint32_t port)
{
    return evtchn_port_pending(d, port);
}

static inline void kill_domain(struct domain *d)
{
    int rc;

    do {
        rc = domain_kill(d);
        host_settle();
    } while (rc == -ERESTART);
    ck_assert_int_eq(rc, 0);
}

#endif
