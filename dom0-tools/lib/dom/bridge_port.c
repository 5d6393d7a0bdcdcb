/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dom/bridge_port.h"

/* Nothing of dom0 speaks on it by itself: it is the guest's wire. */
static void keep_silent(const char *name)
{
    char path[80];
    int fd;

    snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6", name);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    /* A kernel without IPv6 has no such file. */
    if (fd >= 0 && write(fd, "1", 1) < 0)
        errno = 0;
    if (fd >= 0)
        close(fd);
}

/* A bridge takes the least of its ports' addresses for its own: never this one. */
static int set_address(int s, struct ifreq *ifr)
{
    ifr->ifr_hwaddr.sa_family = ARPHRD_ETHER;
    memcpy(ifr->ifr_hwaddr.sa_data, "\xfe\xff\xff\xff\xff\xff", 6);
    return ioctl(s, SIOCSIFHWADDR, ifr);
}

static int set_mtu(int s, struct ifreq *ifr, const char *bridge, unsigned int mtu)
{
    struct ifreq of_bridge = {.ifr_mtu = 1500};

    if (!mtu && bridge) {
        snprintf(of_bridge.ifr_name, IFNAMSIZ, "%s", bridge);
        if (ioctl(s, SIOCGIFMTU, &of_bridge))
            return -1;
    }
    ifr->ifr_mtu = mtu ? (int)mtu : of_bridge.ifr_mtu;
    return ioctl(s, SIOCSIFMTU, ifr);
}

static int join(int s, struct ifreq *ifr, const char *bridge)
{
    struct ifreq port = {.ifr_ifindex = (int)if_nametoindex(ifr->ifr_name)};

    if (!bridge)
        return 0;
    snprintf(port.ifr_name, IFNAMSIZ, "%s", bridge);
    return ioctl(s, SIOCBRADDIF, &port);
}

static int start(int s, struct ifreq *ifr, const char *bridge, unsigned int mtu,
                 const char **why)
{
    *why = "its MTU cannot be set";
    if (set_mtu(s, ifr, bridge, mtu))
        return -1;
    *why = "its address cannot be set";
    if (set_address(s, ifr))
        return -1;
    keep_silent(ifr->ifr_name);
    *why = "it cannot join the bridge";
    if (join(s, ifr, bridge))
        return -1;
    *why = "it cannot be started";
    if (ioctl(s, SIOCGIFFLAGS, ifr))
        return -1;
    ifr->ifr_flags |= IFF_UP;
    return ioctl(s, SIOCSIFFLAGS, ifr);
}

int bridge_port_start(const char *name, const char *bridge, unsigned int mtu,
                      const char **why)
{
    struct ifreq ifr = {0};
    int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc = 0;

    *why = "no socket can be made";
    snprintf(ifr.ifr_name, IFNAMSIZ, "%s", name);
    if (s < 0 || start(s, &ifr, bridge, mtu, why))
        rc = -errno;
    if (s >= 0)
        close(s);
    return rc;
}

int bridge_port_rename(const char *from, const char *to)
{
    struct ifreq ifr = {0};
    int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc = 0;

    snprintf(ifr.ifr_name, IFNAMSIZ, "%s", from);
    snprintf(ifr.ifr_newname, IFNAMSIZ, "%s", to);
    if (s < 0 || ioctl(s, SIOCSIFNAME, &ifr))
        rc = -errno;
    if (s >= 0)
        close(s);
    return rc;
}
