/* SPDX-License-Identifier: MIT */
/*
 * hvconsoled: gives guests' consoles pseudo-terminals or sockets. One loop waits for
 * three kinds of things: XenStore says that domains come, go or have a console; an event
 * channel says that a guest wrote or read; a user wrote, or has read.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xenstore.h>

#include "daemon/background.h"
#include "guest.h"

#define NAME             "hvconsoled"
#define DEFAULT_PID_FILE "/run/hvconsoled.pid"
#define DEFAULT_LOG_DIR  "/var/log/ostler/console"
#define DEFAULT_RUN_DIR  "/run/hvconsoled"
#define LIST_STEP        64
#define MAX_KEEP         1000 /* old logs of a guest */

struct options {
    bool foreground;
    const char *pid_file, *run_dir;
    struct log_options log;
};

/* Marks the guests that are there, adds new ones. Returns -errno. */
static int go_through_domains(struct daemon *d)
{
    size_t size = LIST_STEP * sizeof(struct hv_domctl_getdomaininfo);
    struct hv_domctl_getdomaininfo *list = door_buf_get(d->door, size);
    struct hv_sysctl op = {.cmd = HV_SYSCTL_GETDOMAININFOLIST};
    hv_domid_t first = 1;
    int rc;

    if (!list)
        return -ENOMEM;
    do {
        op.u.getdomaininfolist.first_domain = first;
        op.u.getdomaininfolist.max_domains = LIST_STEP;
        op.u.getdomaininfolist.buffer = (uintptr_t)list;
        rc = door_sysctl(d->door, &op);
        for (unsigned int i = 0; !rc && i < op.u.getdomaininfolist.num_domains; i++) {
            struct guest *g = guest_find(d, list[i].domain);

            first = (hv_domid_t)(list[i].domain + 1);
            if (list[i].flags & HV_DOMINF_DYING)
                continue;
            if (g)
                g->seen = true;
            else
                guest_add(d, list[i].domain);
        }
    } while (!rc && op.u.getdomaininfolist.num_domains == LIST_STEP);
    door_buf_put(d->door, list, size);
    return rc;
}

static int update_domains(struct daemon *d)
{
    struct guest *next;
    int rc;

    for (struct guest *g = d->guests; g; g = g->next)
        g->seen = false;
    rc = go_through_domains(d);
    if (rc)
        return rc;
    for (struct guest *g = d->guests; g; g = next) {
        next = g->next;
        if (!g->seen)
            guest_remove(d, g);
    }
    return 0;
}

static void handle_store(struct daemon *d)
{
    char **event;

    while ((event = xs_check_watch(d->xs))) {
        const char *token = event[1]; /* [0] is the path */

        if (!strcmp(token, "domains")) {
            update_domains(d);
        } else {
            struct guest *g = guest_find(d, (hv_domid_t)strtoul(token, NULL, 10));

            if (g)
                guest_check(d, g);
        }
        free(event);
    }
}

static void handle_events(struct daemon *d)
{
    int port;

    while ((port = door_events_next(d->events)) >= 0) {
        struct console *c = console_by_port(d, port);

        if (c)
            console_work(d, c);
        door_events_unmask(d->events, (uint32_t)port);
    }
}

/*
 * Folders that hold what is written of domains. They are there before the first domain
 * and stay after the last, so that domains leave XenStore as they found it.
 */
static void make_folders(struct daemon *d)
{
    xs_mkdir(d->xs, XBT_NULL, "/vm");
    xs_mkdir(d->xs, XBT_NULL, "/libxl");
}

static int open_doors(struct daemon *d)
{
    int rc = door_open(&d->door);

    if (!rc)
        rc = door_events_open(&d->events);
    if (rc) {
        log_line("no hypervisor below: is this dom0? (%s)", strerror(-rc));
        return rc;
    }
    /* Without grants the rings are mapped by frame. */
    if (door_grants_open(&d->grants))
        d->grants = NULL;
    d->xs = xs_open(0);
    if (!d->xs) {
        log_line("cannot reach XenStore (%s): is xenstored running?", strerror(errno));
        return -errno;
    }
    make_folders(d);
    if (!xs_watch(d->xs, "@introduceDomain", "domains") ||
        !xs_watch(d->xs, "@releaseDomain", "domains")) {
        log_line("XenStore: %s", strerror(errno));
        return -errno;
    }
    return 0;
}

static int add_source(struct daemon *d, int fd, void *tag)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = tag};

    return epoll_ctl(d->epoll, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

/* Tags of the sources that are not consoles. */
static char store_tag, event_tag, signal_tag, reopen_tag;

/* SIGHUP: logs were moved away. A descriptor that can be read when it came. */
static int reopen_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void loop(struct daemon *d, int reopen)
{
    struct signalfd_siginfo unused;
    struct epoll_event ready[32];

    for (;;) {
        int n = epoll_wait(d->epoll, ready, 32, consoles_due(d));

        for (int i = 0; i < n; i++) {
            void *tag = ready[i].data.ptr;

            if (tag == &signal_tag)
                return;
            if (tag == &store_tag)
                handle_store(d);
            else if (tag == &event_tag)
                handle_events(d);
            else if (tag == &reopen_tag && read(reopen, &unused, sizeof(unused)) > 0)
                guests_reopen_logs(d);
            else if (console_is_there(d, tag))
                console_work(d, tag); /* an event before may have removed it */
        }
        if (n < 0 && errno != EINTR)
            return;
    }
}

static int usage(void)
{
    fprintf(stderr, "Usage: hvconsoled [-n] [--log none|guest] [--log-dir DIR] "
                    "[--log-size SIZE] [--log-keep N] [--timestamp none|guest] "
                    "[--run-dir DIR] [--pid-file FILE]\n");
    return 1;
}

/* A number, or one with K, M or G. */
static bool to_size(const char *text, uint64_t *out)
{
    static const char units[] = "KMG";
    char *rest;
    const char *unit;

    errno = 0;
    *out = strtoull(text, &rest, 10);
    if (errno || rest == text || *text == '-')
        return false;
    unit = *rest ? strchr(units, *rest) : NULL;
    if (unit && *out < 1ULL << 32)
        *out <<= 10 * (unit - units + 1);
    return !*rest || (unit && !rest[1]);
}

/* "guest" is true, "none" is false; else -1. */
static int of_guests(const char *text)
{
    return !strcmp(text, "guest") ? 1 : !strcmp(text, "none") ? 0 : -1;
}

/* False: the value is none. */
static bool set_option(struct options *o, bool *log, int c, const char *value)
{
    uint64_t number = 0;
    int yes = c == 'l' || c == 't' ? of_guests(value) : 1;

    if ((c == 's' || c == 'k') && !to_size(value, &number))
        return false;
    if (c == 'n')
        o->foreground = true;
    else if (c == 'l')
        *log = yes > 0;
    else if (c == 't')
        o->log.timestamps = yes > 0;
    else if (c == 'd')
        o->log.dir = value;
    else if (c == 's')
        o->log.max_size = number;
    else if (c == 'k')
        o->log.keep = (unsigned int)number;
    else if (c == 'r')
        o->run_dir = value;
    else if (c == 'p')
        o->pid_file = value;
    else
        return false;
    return yes >= 0 && (c != 'k' || number <= MAX_KEEP);
}

static int parse_options(struct options *o, int argc, char **argv)
{
    static const struct option names[] = {{"foreground", no_argument, NULL, 'n'},
                                          {"log", required_argument, NULL, 'l'},
                                          {"log-dir", required_argument, NULL, 'd'},
                                          {"log-size", required_argument, NULL, 's'},
                                          {"log-keep", required_argument, NULL, 'k'},
                                          {"timestamp", required_argument, NULL, 't'},
                                          {"run-dir", required_argument, NULL, 'r'},
                                          {"pid-file", required_argument, NULL, 'p'},
                                          {0}};
    bool log = false;
    int c;

    while ((c = getopt_long(argc, argv, "n", names, NULL)) != -1)
        if (!set_option(o, &log, c, optarg))
            return 1;
    if (!log)
        o->log.dir = NULL;
    return optind != argc;
}

int main(int argc, char **argv)
{
    struct options o = {
        .pid_file = DEFAULT_PID_FILE,
        .run_dir = DEFAULT_RUN_DIR,
        .log = {.dir = DEFAULT_LOG_DIR, .max_size = 4U << 20, .keep = 4},
    };
    struct daemon d = {.epoll = epoll_create1(EPOLL_CLOEXEC)};
    int ready = -1, signals, reopen;

    if (parse_options(&o, argc, argv))
        return usage();
    log_start(NAME, false);
    if (!o.foreground && background_start(&ready)) {
        log_line("cannot go to the background: %s", strerror(errno));
        return 1;
    }
    log_start(NAME, !o.foreground);
    log_guests(&o.log);
    if (background_lock(NAME, o.pid_file) || open_doors(&d))
        return 1;
    d.run_dir = o.run_dir;
    mkdir(d.run_dir, 0700);
    signals = background_signals();
    reopen = reopen_signals();
    if (add_source(&d, signals, &signal_tag) || add_source(&d, reopen, &reopen_tag) ||
        add_source(&d, xs_fileno(d.xs), &store_tag) ||
        add_source(&d, door_events_fd(d.events), &event_tag))
        return 1;
    background_ready(ready);
    if (!update_domains(&d))
        guests_tidy(&d);
    loop(&d, reopen);
    while (d.guests)
        guest_remove(&d, d.guests);
    background_unlock();
    return 0;
}
