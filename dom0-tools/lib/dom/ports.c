/* SPDX-License-Identifier: MIT */
/* Reference: Xen public interface, io/blkif.h and io/netif.h, "event-channel". */
#include <poll.h>
#include <stdio.h>

#include "daemon/clock.h"
#include "dom/ports.h"
#include "dom/split.h"

#define MAX_QUEUES 16U
#define LOOK_MS    5

static void read_dir(struct dom_host *host, const char *dir, struct dom_ports *out)
{
    static const char *const names[] = {"event-channel", "event-channel-tx",
                                        "event-channel-rx"};

    for (unsigned int i = 0; i < sizeof(names) / sizeof(*names); i++) {
        unsigned int port = dom_get_number(host, dir, names[i]);

        if (port && out->nr < DOM_MAX_PORTS)
            out->port[out->nr++] = port;
    }
}

void dom_ports_read(struct dom_host *host, const char *front, struct dom_ports *out)
{
    unsigned int queues = dom_get_number(host, front, "multi-queue-num-queues");
    char dir[112];

    out->nr = 0;
    read_dir(host, front, out);
    for (unsigned int i = 0; i < queues && i < MAX_QUEUES; i++) {
        snprintf(dir, sizeof(dir), "%s/queue-%u", front, i);
        read_dir(host, dir, out);
    }
}

/* The back end has closed its end of it, and the guest has not closed its own. */
static bool is_held(struct dom_host *host, hv_domid_t domid, uint32_t port)
{
    struct hv_evtchn_status status = {.dom = domid, .port = port};

    return !door_evtchn_status(host->door, &status) &&
           status.status == HV_EVTCHNSTAT_UNBOUND && !status.u.unbound.dom;
}

void dom_ports_wait(struct dom_host *host, hv_domid_t domid,
                    const struct dom_ports *ports, int timeout_ms)
{
    long long until = clock_ms() + timeout_ms;

    for (unsigned int i = 0; i < ports->nr; i++)
        while (is_held(host, domid, ports->port[i]) && clock_ms() < until)
            poll(NULL, 0, LOOK_MS);
}
