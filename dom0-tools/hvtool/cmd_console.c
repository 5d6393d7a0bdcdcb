/* SPDX-License-Identifier: MIT */
/*
 * hvtool console: joins this terminal to the pseudo-terminal that the console daemon
 * keeps for a domain. The daemon closes its end when the domain is gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <xenstore.h>

#include "tool.h"

#define ESCAPE_KEY     0x1d /* Ctrl-] */
#define TTY_TIMEOUT_MS 10000

enum input { INPUT_TAKEN, INPUT_ENDED, INPUT_ESCAPED };

static struct termios saved_terminal;
static bool terminal_changed;

static void restore_terminal(void)
{
    if (terminal_changed)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &saved_terminal);
    terminal_changed = false;
}

static void raw_terminal(int fd, bool save)
{
    struct termios term;

    if (tcgetattr(fd, &term))
        return;
    if (save) {
        saved_terminal = term;
        terminal_changed = true;
        atexit(restore_terminal);
    }
    cfmakeraw(&term);
    tcsetattr(fd, TCSADRAIN, &term);
}

/* Waits until the console daemon has written where its pseudo-terminal is. */
static char *find_tty(struct tool *t, hv_domid_t domid)
{
    struct pollfd fd = {.fd = xs_fileno(t->host.xs), .events = POLLIN};
    char path[48], *tty = NULL;

    snprintf(path, sizeof(path), "/local/domain/%u/console/tty", domid);
    tty = xs_read(t->host.xs, XBT_NULL, path, NULL);
    if (tty && *tty)
        return tty;
    free(tty);
    if (!xs_watch(t->host.xs, path, "tty"))
        return NULL;
    fd.fd = xs_fileno(t->host.xs);
    do {
        free(xs_check_watch(t->host.xs));
        tty = xs_read(t->host.xs, XBT_NULL, path, NULL);
        if (tty && *tty)
            break;
        free(tty);
        tty = NULL;
    } while (poll(&fd, 1, TTY_TIMEOUT_MS) > 0);
    xs_unwatch(t->host.xs, path, "tty");
    if (!tty)
        dom_fail(&t->err, -ENOENT, "domain %u has no console yet: is hvconsoled running?",
                 domid);
    return tty;
}

static bool write_all(int fd, const char *data, ssize_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, (size_t)len);

        if (n < 0 && errno == EAGAIN)
            poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
        else if (n < 0 && errno != EINTR)
            return false;
        data += n > 0 ? n : 0;
        len -= n > 0 ? n : 0;
    }
    return true;
}

/* Keys go to the guest up to the escape key. */
static enum input pass_input(int tty)
{
    char buf[512], *escape;
    ssize_t n = read(STDIN_FILENO, buf, sizeof(buf));

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return INPUT_TAKEN;
    if (n <= 0)
        return INPUT_ENDED;
    escape = memchr(buf, ESCAPE_KEY, (size_t)n);
    write_all(tty, buf, escape ? escape - buf : n);
    return escape ? INPUT_ESCAPED : INPUT_TAKEN;
}

static bool pass_output(int tty)
{
    char buf[4096];
    ssize_t n = read(tty, buf, sizeof(buf));

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return true;
    /* EIO: the daemon's end is closed. */
    return n > 0 && write_all(STDOUT_FILENO, buf, n);
}

/* Goes on without input when that has come to its end. */
static enum console_end relay(int tty, bool only_output)
{
    enum input input;
    struct pollfd fds[2] = {{.fd = tty, .events = POLLIN},
                            {.fd = only_output ? -1 : STDIN_FILENO, .events = POLLIN}};

    for (;;) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return CONSOLE_FAILED;
        if ((fds[0].revents & (POLLIN | POLLHUP | POLLERR)) && !pass_output(tty))
            return CONSOLE_CLOSED;
        if (!fds[1].revents)
            continue;
        input = pass_input(tty);
        if (input == INPUT_ESCAPED)
            return CONSOLE_ESCAPED;
        if (input == INPUT_ENDED)
            fds[1].fd = -1;
    }
}

enum console_end console_attach(struct tool *t, hv_domid_t domid, bool only_output)
{
    char *path = find_tty(t, domid);
    enum console_end end;
    int tty;

    if (!path)
        return CONSOLE_FAILED;
    tty = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (tty < 0) {
        dom_fail(&t->err, -errno, "cannot open the console %s: %s", path,
                 strerror(errno));
        free(path);
        return CONSOLE_FAILED;
    }
    free(path);
    raw_terminal(tty, false);
    if (!only_output && isatty(STDIN_FILENO)) {
        fprintf(stderr, "Connected to domain %u; Ctrl-] leaves.\r\n", domid);
        raw_terminal(STDIN_FILENO, true);
    }
    end = relay(tty, only_output);
    restore_terminal();
    close(tty);
    return end;
}

int cmd_console(struct tool *t, int argc, char **argv)
{
    static const struct option names[] = {{"output", no_argument, NULL, 'o'}, {0}};
    bool only_output = false;
    hv_domid_t domid;
    int c;

    while ((c = getopt_long(argc, argv, "o", names, NULL)) != -1) {
        if (c != 'o')
            return tool_usage(t);
        only_output = true;
    }
    if (optind + 1 != argc)
        return tool_usage(t);
    if (tool_open(t) || tool_domain(t, argv[optind], &domid))
        return 1;
    return console_attach(t, domid, only_output) == CONSOLE_FAILED;
}
