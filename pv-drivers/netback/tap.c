/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dom/bridge_port.h"
#include "netback/tap.h"

static int open_queue(const char *name, struct ifreq *ifr)
{
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), rc;

    if (fd < 0)
        return -errno;
    memset(ifr, 0, sizeof(*ifr));
    snprintf(ifr->ifr_name, IFNAMSIZ, "%s", name);
    ifr->ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE;
    if (!ioctl(fd, TUNSETIFF, ifr))
        return fd;
    rc = -errno;
    close(fd);
    return rc;
}

static int set_backlog(struct ifreq *ifr)
{
    int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc = 0;

    ifr->ifr_qlen = TAP_BACKLOG;
    if (s < 0 || ioctl(s, SIOCSIFTXQLEN, ifr))
        rc = -errno;
    if (s >= 0)
        close(s);
    return rc;
}

static int set_up(int tap, struct ifreq *ifr, const char *bridge, unsigned int mtu,
                  const char **why)
{
    int rc = tap_carrier(tap, false);

    *why = "it cannot be made ready";
    rc = rc ? rc : set_backlog(ifr);
    return rc ? rc : bridge_port_start(ifr->ifr_name, bridge, mtu, why);
}

int tap_open(const char *name, const char *bridge, unsigned int mtu, const char **why)
{
    struct ifreq ifr;
    int tap, rc;

    *why = "there is an interface of that name already";
    if (if_nametoindex(name))
        return -EBUSY;
    *why = "there is no such bridge";
    if (bridge && !if_nametoindex(bridge))
        return -ENODEV;
    tap = open_queue(name, &ifr);
    *why = tap < 0 ? strerror(-tap) : NULL;
    if (tap < 0)
        return tap;
    rc = set_up(tap, &ifr, bridge, mtu, why);
    if (!rc)
        return tap;
    close(tap);
    return rc;
}

int tap_add_queue(const char *name)
{
    struct ifreq ifr;

    return open_queue(name, &ifr);
}

int tap_offload(int tap, unsigned int flags)
{
    return ioctl(tap, TUNSETOFFLOAD, (unsigned long)flags) ? -errno : 0;
}

int tap_carrier(int tap, bool on)
{
    int carrier = on;

    return ioctl(tap, TUNSETCARRIER, &carrier) ? -errno : 0;
}
