/* SPDX-License-Identifier: MIT */
/* hvtool create */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tool.h"

struct create_options {
    const char *file;
    bool console, paused, dry_run, quiet, json;
    bool no_monitor, foreground;
};

static void warn(const char *line)
{
    fprintf(stderr, "hvtool create: warning: %s\n", line);
}

/* One line that is written over and over, only on a terminal. */
static void show_progress(void *ctx, const char *what, uint64_t done, uint64_t all)
{
    fprintf(stderr, "\r%s: %s %3u%%\033[K", (const char *)ctx, what,
            all ? (unsigned int)(done * 100 / all) : 100);
}

static void end_progress(const struct dom_progress *progress)
{
    if (progress->report)
        fprintf(stderr, "\r\033[K");
}

static int parse_options(struct create_options *o, int argc, char **argv)
{
    static const struct option names[] = {{"json", no_argument, NULL, 'j'},
                                          {"dryrun", no_argument, NULL, 'n'},
                                          {"quiet", no_argument, NULL, 'q'},
                                          {"defconfig", required_argument, NULL, 'f'},
                                          {0}};
    int c;

    while ((c = getopt_long(argc, argv, "cpnqf:eFd", names, NULL)) != -1) {
        if (c == 'c')
            o->console = true;
        else if (c == 'p')
            o->paused = true;
        else if (c == 'n')
            o->dry_run = true;
        else if (c == 'q')
            o->quiet = true;
        else if (c == 'j')
            o->json = true;
        else if (c == 'f')
            o->file = optarg;
        else if (c == 'e')
            o->no_monitor = true;
        else if (c == 'F')
            o->foreground = true;
        else if (c != 'd') /* xl's -d makes it say more; there is no more to say */
            return 1;
    }
    /* As in xl the first word that is no setting is the file. */
    if (!o->file && optind < argc && !strchr(argv[optind], '='))
        o->file = argv[optind++];
    return !o->file || (o->no_monitor && o->foreground);
}

/* Waits for a domain's next life. False: its monitor has ended, there will be none. */
static bool lives_again(struct tool *t, const struct dom_config *cfg, pid_t monitor,
                        hv_domid_t *domid)
{
    struct dom_error ignored = {{0}};
    hv_domid_t next = *domid;
    bool ended;

    if (!monitor)
        return false;
    do {
        ended = waitpid(monitor, NULL, WNOHANG) != 0;
        dom_find_name(&t->host, cfg->name, &next, &ignored);
        if (next == *domid && !ended)
            usleep(100000);
    } while (next == *domid && !ended);
    ended = next == *domid;
    *domid = next;
    return !ended;
}

/* Goes on with the next life of a domain that reboots under its console. */
static int stay_on_console(struct tool *t, const struct dom_config *cfg, pid_t monitor,
                           hv_domid_t domid)
{
    enum console_end end;

    do
        end = console_attach(t, domid, 0, false);
    while (end == CONSOLE_CLOSED && lives_again(t, cfg, monitor, &domid));
    return end == CONSOLE_FAILED;
}

static int report(struct tool *t, const struct create_options *o,
                  const struct dom_config *cfg, hv_domid_t domid)
{
    if (o->json)
        return tool_print_json(tool_json_domain(t, domid));
    if (!o->quiet && !o->console)
        printf("Domain %u: %s\n", domid, cfg->name);
    fflush(stdout);
    return 0;
}

static int create(struct tool *t, const struct create_options *o,
                  const struct dom_config *cfg)
{
    struct dom_progress progress = {.ctx = cfg->name};
    hv_domid_t domid;
    pid_t monitor = 0;
    int rc;

    if (!o->quiet && isatty(STDERR_FILENO))
        progress.report = show_progress;
    if (tool_open(t))
        return 1;
    rc = dom_create(&t->host, cfg, &progress, &domid, &t->err);
    end_progress(&progress);
    if (rc)
        return 1;
    if (!o->no_monitor)
        monitor = monitor_start(t, cfg, domid);
    rc = monitor < 0 ? (int)monitor : 0;
    if (!rc && !o->paused)
        rc = dom_unpause(&t->host, domid, &t->err);
    if (rc) {
        dom_destroy(&t->host, domid, &t->err);
        return 1;
    }
    rc = report(t, o, cfg, domid);
    if (o->console)
        rc = stay_on_console(t, cfg, monitor, domid);
    while (o->foreground && waitpid(monitor, NULL, 0) < 0 && errno == EINTR)
        ;
    return rc;
}

int cmd_create(struct tool *t, int argc, char **argv)
{
    struct create_options o = {0};
    struct dom_config cfg;
    int rc;

    if (parse_options(&o, argc, argv))
        return tool_usage(t);
    o.dry_run |= t->dry_run;
    rc = dom_config_load(&cfg, o.file, argv + optind, argc - optind,
                         o.quiet ? NULL : warn, &t->err);
    if (!rc && !o.dry_run)
        rc = create(t, &o, &cfg);
    dom_config_free(&cfg);
    return rc ? 1 : 0;
}
