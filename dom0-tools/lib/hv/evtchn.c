/* SPDX-License-Identifier: MIT */
/* Event channels of this process, by /dev/xen/evtchn. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "hv/door_priv.h"

struct door_events {
    int fd;
};

#define EVTCHN_BIND_VIRQ        _IOC(_IOC_NONE, 'E', 0, 4)
#define EVTCHN_BIND_INTERDOMAIN _IOC(_IOC_NONE, 'E', 1, 8)
#define EVTCHN_UNBIND           _IOC(_IOC_NONE, 'E', 3, 4)
#define EVTCHN_NOTIFY           _IOC(_IOC_NONE, 'E', 4, 4)
#define EVTCHN_RESTRICT         _IOC(_IOC_NONE, 'E', 6, 2)

int door_events_open(struct door_events **out)
{
    struct door_events *ev = malloc(sizeof(*ev));

    if (!ev)
        return -ENOMEM;
    ev->fd = open("/dev/xen/evtchn", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (ev->fd < 0) {
        free(ev);
        return -errno;
    }
    *out = ev;
    return 0;
}

void door_events_close(struct door_events *ev)
{
    if (!ev)
        return;
    close(ev->fd);
    free(ev);
}

int door_events_fd(const struct door_events *ev)
{
    return ev->fd;
}

static int request(struct door_events *ev, unsigned long cmd, void *arg)
{
    int rc = ioctl(ev->fd, cmd, arg);

    return rc < 0 ? -errno : rc;
}

int door_events_bind(struct door_events *ev, hv_domid_t domid, uint32_t remote_port)
{
    struct {
        uint32_t domain, port;
    } bind = {domid, remote_port};

    return request(ev, EVTCHN_BIND_INTERDOMAIN, &bind);
}

int door_events_bind_virq(struct door_events *ev, unsigned int virq)
{
    return request(ev, EVTCHN_BIND_VIRQ, &virq);
}

int door_events_unbind(struct door_events *ev, uint32_t port)
{
    return request(ev, EVTCHN_UNBIND, &port);
}

int door_events_notify(struct door_events *ev, uint32_t port)
{
    return request(ev, EVTCHN_NOTIFY, &port);
}

int door_events_next(struct door_events *ev)
{
    uint32_t port;

    return read(ev->fd, &port, sizeof(port)) == sizeof(port) ? (int)port : -errno;
}

int door_events_set_wait(struct door_events *ev, bool wait)
{
    return fcntl(ev->fd, F_SETFL, wait ? O_RDWR : O_RDWR | O_NONBLOCK) ? -errno : 0;
}

int door_events_take(struct door_events *ev, uint32_t *ports, int max)
{
    ssize_t n = read(ev->fd, ports, (size_t)max * sizeof(*ports));

    return n >= 0 ? (int)((size_t)n / sizeof(*ports)) : -errno;
}

int door_events_unmask(struct door_events *ev, uint32_t port)
{
    return write(ev->fd, &port, sizeof(port)) == sizeof(port) ? 0 : -errno;
}

int door_events_unmask_all(struct door_events *ev, const uint32_t *ports, unsigned int nr)
{
    size_t size = nr * sizeof(*ports);

    return write(ev->fd, ports, size) == (ssize_t)size ? 0 : -errno;
}

int door_events_restrict(struct door_events *ev, hv_domid_t domid)
{
    return request(ev, EVTCHN_RESTRICT, &domid);
}
