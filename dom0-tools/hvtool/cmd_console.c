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

#include "dom/split.h"
#include "tool.h"

#define ESCAPE_KEY     0x1d /* Ctrl-] */
#define TTY_TIMEOUT_MS 40000

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

/*
 * Where the daemon writes what is its pseudo-terminal. Of a device's it is a node that
 * the guest cannot write, if the daemon is ours. A console that has none is an error.
 */
static int tty_path(struct tool *t, hv_domid_t domid, unsigned int console, char out[96])
{
    char back[64], connection[16], type[16], path[128];

    snprintf(out, 96, "/local/domain/%u/console/tty", domid);
    if (!console)
        return 0;
    snprintf(back, sizeof(back), "/local/domain/0/backend/console/%u/%u", domid, console);
    dom_get_text(&t->host, back, "connection", connection, sizeof(connection));
    dom_get_text(&t->host, back, "type", type, sizeof(type));
    dom_get_text(&t->host, back, "path", path, sizeof(path));
    if (!*connection)
        return dom_fail(
            &t->err, -ENOENT,
            "domain %u has no console %u; 'hvtool channel-list' shows what it "
            "has beside console 0",
            domid, console);
    if (!strcmp(connection, "socket"))
        return dom_fail(&t->err, -EINVAL, "console %u of domain %u is the socket %s",
                        console, domid, path);
    if (!strcmp(type, "xenconsoled"))
        snprintf(out, 96, "%s/tty", back);
    else
        snprintf(out, 96, "/local/domain/%u/device/console/%u/tty", domid, console);
    return 0;
}

/* Waits until the console daemon has written where its pseudo-terminal is. */
static char *find_tty(struct tool *t, hv_domid_t domid, unsigned int console)
{
    struct pollfd fd = {.fd = xs_fileno(t->host.xs), .events = POLLIN};
    char path[96], *tty = NULL;

    if (tty_path(t, domid, console, path))
        return NULL;
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

enum console_end console_attach(struct tool *t, hv_domid_t domid, unsigned int console,
                                bool only_output)
{
    char *path = find_tty(t, domid, console);
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

static int parse_options(struct tool *t, int argc, char **argv, unsigned int *console,
                         bool *only_output)
{
    static const struct option names[] = {{"output", no_argument, NULL, 'o'}, {0}};
    unsigned long number;
    char *rest;
    int c;

    while ((c = getopt_long(argc, argv, "on:t:", names, NULL)) != -1) {
        if (c == 'o') {
            *only_output = true;
        } else if (c == 'n') {
            number = strtoul(optarg, &rest, 10);
            if (*rest || rest == optarg || *optarg == '-' || number > UINT16_MAX)
                return dom_fail(&t->err, 1, "'%.40s' is not a console's number", optarg);
            *console = (unsigned int)number;
        } else if (c == 't' && strcmp(optarg, "pv") != 0) {
            return dom_fail(&t->err, 1,
                            "PV guests have consoles of type pv only, not '%.40s'",
                            optarg);
        } else if (c != 't') {
            return tool_usage(t);
        }
    }
    return optind + 1 == argc ? 0 : tool_usage(t);
}

int cmd_console(struct tool *t, int argc, char **argv)
{
    unsigned int console = 0;
    bool only_output = false;
    hv_domid_t domid;

    if (parse_options(t, argc, argv, &console, &only_output))
        return 1;
    if (tool_open(t) || tool_domain(t, argv[optind], &domid))
        return 1;
    return console_attach(t, domid, console, only_output) == CONSOLE_FAILED;
}
