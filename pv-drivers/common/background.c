/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/background.h"
#include "common/log.h"

static char pid_file[512];

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
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (ready >= 0 && write(ready, "", 1) == 1) {
        dup2(null, STDERR_FILENO);
        close(ready);
    }
    close(null);
}

int background_lock(const char *file, const char *dir)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd;

    if (file)
        snprintf(pid_file, sizeof(pid_file), "%s", file);
    else
        snprintf(pid_file, sizeof(pid_file), "%s/pid", dir);
    fd = open(pid_file, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        log_line("cannot open %s: %s", pid_file, strerror(errno));
        return -errno;
    }
    /* A lock of this process, not of the open file: children do not have it. */
    if (fcntl(fd, F_SETLK, &lock)) {
        log_line("another one is running (%s)", pid_file);
        close(fd);
        return -EBUSY;
    }
    if (ftruncate(fd, 0) || dprintf(fd, "%d\n", getpid()) < 0)
        log_line("cannot write %s", pid_file);
    return 0;
}

void background_unlock(void)
{
    unlink(pid_file);
}
