/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "consoled.h"

int pty_open(struct pty *pty)
{
    struct termios term;
    int rc;

    pty->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (pty->master < 0)
        return -errno;
    if (grantpt(pty->master) || unlockpt(pty->master) ||
        ptsname_r(pty->master, pty->name, sizeof(pty->name)))
        goto close_master;
    /* Held open, so that the master sees no hang-up when a user leaves. */
    pty->slave = open(pty->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (pty->slave < 0)
        goto close_master;
    if (tcgetattr(pty->slave, &term))
        goto close_slave;
    cfmakeraw(&term);
    if (tcsetattr(pty->slave, TCSANOW, &term))
        goto close_slave;
    return 0;

close_slave:
    rc = -errno;
    close(pty->slave);
    close(pty->master);
    return rc;
close_master:
    rc = -errno;
    close(pty->master);
    return rc;
}

void pty_close(struct pty *pty)
{
    close(pty->slave);
    close(pty->master);
}
