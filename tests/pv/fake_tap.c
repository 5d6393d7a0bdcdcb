/* SPDX-License-Identifier: MIT */
/*
 * The taps of a whole hvnetd on any host: a queue is a connection to the socket that a
 * test listens at, tap-NAME in the guests' folder. Who listens at none has no bridge.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fake_guest.h"
#include "netback/tap.h"

int tap_add_queue(const char *name)
{
    int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), rc;
    struct sockaddr_un at = {.sun_family = AF_UNIX};

    snprintf(at.sun_path, sizeof(at.sun_path), "%s/" GUEST_TAP "%s",
             getenv(GUEST_DIR_VARIABLE), name);
    if (s < 0 || !connect(s, (struct sockaddr *)&at, sizeof(at)))
        return s;
    rc = -errno;
    close(s);
    return rc;
}

int tap_open(const char *name, const char *bridge, unsigned int mtu, const char **why)
{
    *why = "there is no such bridge";
    return tap_add_queue(name);
}

int tap_offload(int tap, unsigned int flags)
{
    return 0;
}

int tap_carrier(int tap, bool on)
{
    return 0;
}
