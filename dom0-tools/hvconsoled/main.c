/* SPDX-License-Identifier: MIT */
/*
 * hvconsoled: gives every guest's console a pseudo-terminal. One loop waits for three
 * kinds of things: XenStore says that domains come, go or have a console; an event
 * channel says that a guest wrote or read; a terminal has input.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <xenstore.h>

#include "daemon/background.h"
#include "guest.h"

#define NAME             "hvconsoled"
#define DEFAULT_PID_FILE "/run/hvconsoled.pid"
#define DEFAULT_LOG_DIR  "/var/log/ostler/console"
#define LIST_STEP        64

struct options {
    bool foreground;
    const char *pid_file, *log_dir;
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

static void update_domains(struct daemon *d)
{
    struct guest *next;

    for (struct guest *g = d->guests; g; g = g->next)
        g->seen = false;
    if (go_through_domains(d))
        return;
    for (struct guest *g = d->guests; g; g = next) {
        next = g->next;
        if (!g->seen)
            guest_remove(d, g);
    }
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
        struct guest *g = guest_by_port(d, port);

        if (g)
            guest_work(d, g);
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

/* Tags of the three sources that are not guests. */
static char store_tag, event_tag, signal_tag;

/* A guest that an earlier event of this round removed must not be used. */
static bool still_there(struct daemon *d, const struct guest *g)
{
    for (struct guest *it = d->guests; it; it = it->next)
        if (it == g)
            return it->connected;
    return false;
}

static void loop(struct daemon *d)
{
    struct epoll_event ready[32];

    for (;;) {
        int n = epoll_wait(d->epoll, ready, 32, guest_leaving(d));

        for (int i = 0; i < n; i++) {
            void *tag = ready[i].data.ptr;

            if (tag == &signal_tag)
                return;
            if (tag == &store_tag)
                handle_store(d);
            else if (tag == &event_tag)
                handle_events(d);
            else if (still_there(d, tag))
                guest_work(d, tag);
        }
        if (n < 0 && errno != EINTR)
            return;
    }
}

static int usage(void)
{
    fprintf(stderr, "Usage: hvconsoled [-n] [--log none|guest] [--log-dir DIR] "
                    "[--pid-file FILE]\n");
    return 1;
}

static int parse_options(struct options *o, int argc, char **argv)
{
    static const struct option names[] = {{"foreground", no_argument, NULL, 'n'},
                                          {"log", required_argument, NULL, 'l'},
                                          {"log-dir", required_argument, NULL, 'd'},
                                          {"pid-file", required_argument, NULL, 'p'},
                                          {0}};
    const char *dir = DEFAULT_LOG_DIR;
    bool log = false;
    int c;

    while ((c = getopt_long(argc, argv, "n", names, NULL)) != -1) {
        if (c == 'n')
            o->foreground = true;
        else if (c == 'l' && (!strcmp(optarg, "guest") || !strcmp(optarg, "none")))
            log = optarg[0] == 'g';
        else if (c == 'd')
            dir = optarg;
        else if (c == 'p')
            o->pid_file = optarg;
        else
            return 1;
    }
    o->log_dir = log ? dir : NULL;
    return optind != argc;
}

int main(int argc, char **argv)
{
    struct options o = {.pid_file = DEFAULT_PID_FILE};
    struct daemon d = {.epoll = epoll_create1(EPOLL_CLOEXEC)};
    int ready = -1, signals;

    if (parse_options(&o, argc, argv))
        return usage();
    log_start(NAME, false);
    if (!o.foreground && background_start(&ready)) {
        log_line("cannot go to the background: %s", strerror(errno));
        return 1;
    }
    log_start(NAME, !o.foreground);
    log_guests_in(o.log_dir);
    if (background_lock(NAME, o.pid_file) || open_doors(&d))
        return 1;
    signals = background_signals();
    if (add_source(&d, signals, &signal_tag) ||
        add_source(&d, xs_fileno(d.xs), &store_tag) ||
        add_source(&d, door_events_fd(d.events), &event_tag))
        return 1;
    background_ready(ready);
    loop(&d);
    while (d.guests)
        guest_remove(&d, d.guests);
    background_unlock();
    return 0;
}
