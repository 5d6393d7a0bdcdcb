/* SPDX-License-Identifier: MIT */
/* What the daemons' programs have in common: options, the event loop. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/backend.h"
#include "common/sandbox.h"
#include "daemon/background.h"
#include "daemon/log.h"

struct options {
    bool foreground;
    const char *pid_file, *run_dir, *user;
};

static struct daemon daemon_state;

static void store_ready(struct loop_source *source)
{
    struct daemon *d = &daemon_state;
    const char *root = d->class->root;
    size_t len = strlen(root);
    char **event;

    while ((event = xs_check_watch(d->xs))) {
        const char *path = event[0], *token = event[1];

        if (strcmp(token, "root"))
            backend_look(d, token);
        else if (!strncmp(path, root, len) && path[len] == '/' &&
                 strchr(path + len + 1, '/'))
            backend_look(d, path + len + 1);
        else
            backend_scan(d);
        free(event);
    }
}

static void signal_ready(struct loop_source *source)
{
    daemon_state.loop.stop = true;
}

static int idle(void *ctx)
{
    return backend_tick(ctx);
}

static int open_store(struct daemon *d)
{
    d->xs = xs_open(0);
    if (!d->xs) {
        log_line("cannot reach XenStore (%s): is xenstored running?", strerror(errno));
        return -errno;
    }
    if (!xs_watch(d->xs, d->class->root, "root")) {
        log_line("XenStore: %s", strerror(errno));
        return -errno;
    }
    return 0;
}

static int usage(void)
{
    fprintf(stderr, "Usage: %s [-n] [--pid-file FILE] [--run-dir DIR] [--user NAME]\n",
            daemon_state.class->name);
    return 1;
}

static int parse_options(struct options *o, int argc, char **argv)
{
    static const struct option names[] = {{"foreground", no_argument, NULL, 'n'},
                                          {"pid-file", required_argument, NULL, 'p'},
                                          {"run-dir", required_argument, NULL, 'r'},
                                          {"user", required_argument, NULL, 'u'},
                                          {0}};
    int c;

    while ((c = getopt_long(argc, argv, "n", names, NULL)) != -1) {
        if (c == 'n')
            o->foreground = true;
        else if (c == 'p')
            o->pid_file = optarg;
        else if (c == 'r')
            o->run_dir = optarg;
        else if (c == 'u')
            o->user = optarg;
        else
            return 1;
    }
    return optind != argc;
}

static int serve(struct daemon *d, int ready)
{
    struct loop_source store = {.ready = store_ready}, signals = {.ready = signal_ready};

    signals.fd = background_signals();
    if (open_store(d))
        return 1;
    store.fd = xs_fileno(d->xs);
    if (loop_open(&d->loop) || loop_add(&d->loop, &store) ||
        loop_add(&d->loop, &signals)) {
        log_line("cannot wait for events: %s", strerror(errno));
        return 1;
    }
    backend_scan(d);
    if (d->class->ready)
        d->class->ready(d);
    background_ready(ready);
    loop_run(&d->loop, idle, d);
    /* Workers end by themselves; the next daemon goes on with their devices. */
    loop_close(&d->loop);
    return 0;
}

int backend_main(const struct backend_class *class, int argc, char **argv)
{
    struct options o = {.user = class->name};
    int ready = -1, status;
    char run_dir[64], pid_file[512];

    daemon_state.class = class;
    snprintf(run_dir, sizeof(run_dir), "/run/%s", class->name);
    o.run_dir = run_dir;
    if (parse_options(&o, argc, argv))
        return usage();
    if (!o.foreground && background_start(&ready)) {
        fprintf(stderr, "%s: cannot go to the background: %s\n", class->name,
                strerror(errno));
        return 1;
    }
    log_start(class->name, !o.foreground);
    mkdir("/run", 0755);
    if (mkdir(o.run_dir, 0700) && errno != EEXIST) {
        log_line("cannot make %s: %s", o.run_dir, strerror(errno));
        return 1;
    }
    if (!o.pid_file) {
        snprintf(pid_file, sizeof(pid_file), "%s/pid", o.run_dir);
        o.pid_file = pid_file;
    }
    if (background_lock(class->name, o.pid_file))
        return 1;
    daemon_state.run_dir = o.run_dir;
    daemon_state.user = sandbox_user(o.user);
    status = sandbox_daemon(class->capabilities);
    if (status) {
        log_line("cannot give up rights: %s", strerror(-status));
        return 1;
    }
    status = serve(&daemon_state, ready);
    background_unlock();
    return status;
}
