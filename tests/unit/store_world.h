/* SPDX-License-Identifier: MIT */
/* Our xenstored, running in a folder of its own, for tests that need no more of a
 * machine. */
#ifndef STORE_WORLD_H
#define STORE_WORLD_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xenstore.h>

#include "unit.h"

/* Starts BUILD's daemon with its socket in dir, which the caller's children find, too. */
static inline pid_t store_start(const char *dir, struct xs_handle **xs)
{
    char path[256];
    pid_t pid;

    setenv("XENSTORED_RUNDIR", dir, 1);
    snprintf(path, sizeof(path), "%s/socket", dir);
    setenv("XENSTORED_PATH", path, 1);
    pid = fork();
    if (!pid) {
        execl(BUILD "/xenstore/xenstored", "xenstored", "--no-domains", "-N", NULL);
        _exit(127);
    }
    for (int tries = 0; !*xs && tries < 1000; tries++) {
        *xs = xs_open(0);
        if (!*xs)
            usleep(5000);
    }
    ck_assert_ptr_nonnull(*xs);
    return pid;
}

static inline void store_stop(pid_t pid, struct xs_handle *xs)
{
    xs_close(xs);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

#endif
