/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/sandbox.h"
#include "common/worker.h"

#define MAX_COMPLAINTS 16U
#define MAX_FILES      40U

static int control;

int worker_control(void)
{
    return control;
}

void worker_on_control(void (*told)(int sig))
{
    const struct sigaction action = {.sa_handler = told};
    struct pollfd now = {.fd = control, .events = POLLIN};

    if (sigaction(SIGIO, &action, NULL) || fcntl(control, F_SETOWN, getpid()) ||
        fcntl(control, F_SETFL, O_RDWR | O_ASYNC))
        worker_die("cannot be told to end: %s", strerror(errno));
    /* It may have been so before. */
    if (poll(&now, 1, 0))
        told(SIGIO);
}

void worker_alone(int *fds, unsigned int nr)
{
    int keep[MAX_FILES + 1] = {control};

    for (unsigned int i = 0; i < nr && i < MAX_FILES; i++)
        keep[i + 1] = fds[i];
    for (int sig = SIGHUP; sig <= SIGTERM; sig++)
        signal(sig, sig == SIGHUP || sig == SIGINT || sig == SIGPIPE || sig == SIGTERM
                        ? SIG_IGN
                        : SIG_DFL);
    sandbox_keep_files(keep, nr + 1);
}

void worker_tell(char kind, const char *text)
{
    char line[WORKER_MAX_LINE];
    int len = snprintf(line, sizeof(line), "%c%s", kind, text);

    if (len >= (int)sizeof(line))
        len = sizeof(line) - 1;
    /* If the daemon has gone there is nobody to be told. */
    if (write(control, line, (size_t)len) < 0)
        return;
}

void worker_complain(const char *line)
{
    static unsigned int said;

    if (said >= MAX_COMPLAINTS)
        return;
    worker_tell(WORKER_SAYS, line);
    if (++said == MAX_COMPLAINTS)
        worker_tell(WORKER_SAYS, "more of this kind will not be told");
}

void worker_die(const char *fmt, ...)
{
    char line[WORKER_MAX_LINE];
    va_list args;

    va_start(args, fmt);
    vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    worker_tell(WORKER_BROKEN, line);
    _exit(1);
}

int worker_spawn(void (*run)(const void *arg), const void *arg, pid_t *pid, int *out)
{
    int ends[2], rc;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
        return -errno;
    *pid = fork();
    if (*pid == 0) {
        control = ends[1];
        run(arg);
        _exit(0);
    }
    rc = *pid < 0 ? -errno : 0;
    close(ends[1]);
    if (rc) {
        *pid = 0;
        close(ends[0]);
    } else {
        *out = ends[0];
    }
    return rc;
}
