/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "daemon/background.h"
#include "daemon/log.h"

static const char *pid_file;

int background_start(int *ready)
{
    int ends[2], null;
    char ok;

    if (pipe2(ends, O_CLOEXEC))
        return -1;
    switch (fork()) {
    case -1:
        return -1;
    case 0:
        break;
    default:
        close(ends[1]);
        _exit(read(ends[0], &ok, 1) == 1 ? 0 : 1);
    }
    close(ends[0]);
    setsid();
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
        return -1;
    close(null);
    *ready = ends[1];
    return chdir("/");
}

void background_ready(int ready)
{
    int null;

    if (ready < 0)
        return;
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (write(ready, "", 1) == 1)
        dup2(null, STDERR_FILENO);
    close(null);
    close(ready);
}

int background_lock(const char *name, const char *file)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

    pid_file = file;
    if (fd < 0) {
        log_line("cannot open %s: %s", file, strerror(errno));
        return -1;
    }
    /* A lock of this process, not of the open file: children do not have it. */
    if (fcntl(fd, F_SETLK, &lock)) {
        log_line("another %s is running (%s)", name, file);
        close(fd);
        return -1;
    }
    if (ftruncate(fd, 0) || dprintf(fd, "%d\n", getpid()) < 0)
        log_line("cannot write %s", file);
    return 0;
}

void background_unlock(void)
{
    unlink(pid_file);
}

int background_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC);
}
