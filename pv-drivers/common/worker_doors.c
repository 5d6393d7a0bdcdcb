/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <time.h>

#include "common/worker.h"
#include "common/worker_doors.h"

#define BIND_TRIES 200U

void worker_doors(struct door_events **events, struct door_grants **grants,
                  hv_domid_t domid)
{
    int rc = door_events_open(events);

    if (!rc)
        rc = door_events_restrict(*events, domid);
    if (!rc)
        rc = door_grants_open(grants);
    if (rc)
        worker_die("cannot reach the hypervisor: %s", strerror(-rc));
}

/* A port has one end at a time. So no two workers ever serve a ring. */
uint32_t worker_bind(struct door_events *events, hv_domid_t domid, uint32_t port,
                     bool recover)
{
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    unsigned int tries = recover ? BIND_TRIES : 1;
    int rc;

    while ((rc = door_events_bind(events, domid, port)) < 0 && --tries)
        nanosleep(&pause, NULL);
    if (rc < 0)
        worker_die("cannot bind event channel %u: %s", port, strerror(-rc));
    return (uint32_t)rc;
}
