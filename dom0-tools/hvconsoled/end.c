/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "consoled.h"

int end_open_pty(struct end *e)
{
    struct termios term;
    int rc;

    e->is_socket = false;
    e->listener = -1;
    e->fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (e->fd < 0)
        return -errno;
    if (grantpt(e->fd) || unlockpt(e->fd) || ptsname_r(e->fd, e->name, sizeof(e->name)))
        goto close_master;
    /* Held open, so that the master sees no hang-up when a user leaves. */
    e->slave = open(e->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (e->slave < 0)
        goto close_master;
    if (tcgetattr(e->slave, &term))
        goto close_slave;
    cfmakeraw(&term);
    if (tcsetattr(e->slave, TCSANOW, &term))
        goto close_slave;
    return 0;

close_slave:
    rc = -errno;
    close(e->slave);
    close(e->fd);
    return rc;
close_master:
    rc = -errno;
    close(e->fd);
    return rc;
}

/* Whether a daemon listens there: a socket that a killed one left refuses. */
static bool is_listened_at(const struct sockaddr_un *at)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool refused =
        connect(fd, (const struct sockaddr *)at, sizeof(*at)) && errno == ECONNREFUSED;

    close(fd);
    return !refused;
}

int end_open_socket(struct end *e, const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int rc;

    if (*path != '/' || strlen(path) >= sizeof(at.sun_path))
        return -ENAMETOOLONG;
    strcpy(at.sun_path, path);
    strcpy(e->name, path);
    e->is_socket = true;
    e->fd = e->slave = -1;
    e->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (e->listener < 0)
        return -errno;
    rc = bind(e->listener, (struct sockaddr *)&at, sizeof(at)) ? -errno : 0;
    if (rc == -EADDRINUSE && !is_listened_at(&at)) {
        unlink(path);
        rc = bind(e->listener, (struct sockaddr *)&at, sizeof(at)) ? -errno : 0;
    }
    if (!rc && listen(e->listener, 1))
        rc = -errno;
    if (rc)
        close(e->listener);
    return rc;
}

void end_stop_listening(struct end *e)
{
    if (e->listener < 0)
        return;
    unlink(e->name);
    close(e->listener);
    e->listener = -1;
}

void end_close(struct end *e)
{
    end_stop_listening(e);
    if (e->fd >= 0)
        close(e->fd);
    if (e->slave >= 0)
        close(e->slave);
}

bool end_accept(struct end *e)
{
    if (e->fd < 0 && e->listener >= 0)
        e->fd = accept4(e->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    return e->fd >= 0;
}

void end_hang_up(struct end *e)
{
    close(e->fd);
    e->fd = -1;
}

bool end_unread(const struct end *e)
{
    struct pollfd fd = {.fd = e->slave, .events = POLLIN};

    /* What is in a socket reaches its peer even if we end. Asking a terminal so, unlike
     * FIONREAD, also finds what is still on its way. */
    return !e->is_socket && poll(&fd, 1, 0) > 0;
}
