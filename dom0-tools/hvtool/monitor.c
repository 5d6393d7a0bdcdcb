/* SPDX-License-Identifier: MIT */
/*
 * The process that `hvtool create` leaves behind for each domain: it sleeps until the
 * domain ends, then does what on_poweroff, on_reboot or on_crash say. If somebody else
 * destroys the domain, it just goes. Its words go to /var/log/ostler/NAME.log.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "abi/sched.h"
#include "tool.h"

#define LOG_DIR "/var/log/ostler"
/* A guest that lives no longer than this three times in a row is left alone. */
#define SHORT_LIFE_S    5
#define MAX_SHORT_LIVES 3

struct monitor {
    struct dom_host host;
    const struct dom_config *cfg;
    hv_domid_t domid;
    unsigned int short_lives;
    time_t started;
};

static void say(const struct monitor *m, const char *what, const char *why)
{
    char stamp[32];
    time_t now = time(NULL);

    strftime(stamp, sizeof(stamp), "%F %T", localtime(&now));
    fprintf(stderr, "%s domain %u (%s): %s%s%s\n", stamp, m->domid, m->cfg->name, what,
            *why ? ": " : "", why);
}

/* Cuts every tie to the terminal and to hvtool's caller. */
static void detach(const struct dom_config *cfg)
{
    char path[320];
    int null, log;

    setsid();
    if (chdir("/"))
        return;
    mkdir(LOG_DIR, 0750);
    snprintf(path, sizeof(path), LOG_DIR "/%s.log", cfg->name);
    null = open("/dev/null", O_RDWR);
    log = open(path, O_WRONLY | O_CREAT | O_APPEND, 0640);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(log >= 0 ? log : null, STDERR_FILENO);
    close_range(3, ~0U, 0);
}

static enum dom_action action_for(const struct dom_config *cfg, int reason)
{
    if (reason == HV_SHUTDOWN_POWEROFF)
        return cfg->on_poweroff;
    if (reason == HV_SHUTDOWN_REBOOT)
        return cfg->on_reboot;
    return cfg->on_crash;
}

static bool keeps_failing(struct monitor *m)
{
    if (time(NULL) - m->started > SHORT_LIFE_S)
        m->short_lives = 0;
    return ++m->short_lives > MAX_SHORT_LIVES;
}

/* Builds the domain again. Returns false when there is nothing left to watch. */
static bool restart(struct monitor *m)
{
    struct dom_error err = {{0}};
    int rc = dom_create(&m->host, m->cfg, NULL, &m->domid, &err);

    if (!rc)
        rc = dom_unpause(&m->host, m->domid, &err);
    say(m, rc ? "cannot restart it" : "restarted", err.text);
    m->started = time(NULL);
    return !rc;
}

static void rename_away(struct monitor *m)
{
    char name[DOM_MAX_NAME + 16];
    struct dom_error err = {{0}};

    snprintf(name, sizeof(name), "%.200s-%lld", m->cfg->name, (long long)time(NULL));
    if (dom_rename(&m->host, m->domid, name, &err))
        say(m, "cannot rename it", err.text);
}

/* Returns whether there is a domain to watch again. */
static bool act(struct monitor *m, int reason)
{
    static const char *const words[] = {"destroying it", "restarting it",
                                        "keeping it under another name, starting anew",
                                        "preserving it"};
    const struct hv_domctl_getdomaininfo info = {
        .flags = HV_DOMINF_SHUTDOWN | (unsigned int)reason << HV_DOMINF_SHUTDOWNSHIFT};
    enum dom_action action = action_for(m->cfg, reason);
    struct dom_error err = {{0}};

    say(m, tool_reason_name(&info), words[action]);
    if (action == DOM_ACTION_PRESERVE)
        return false;
    if (action == DOM_ACTION_RENAME_RESTART)
        rename_away(m);
    else if (dom_destroy(&m->host, m->domid, &err))
        say(m, "cannot destroy it", err.text);
    if (action == DOM_ACTION_DESTROY)
        return false;
    if (keeps_failing(m)) {
        say(m, "it ends too often, too soon", "not restarting it");
        return false;
    }
    return restart(m);
}

static void watch(struct monitor *m)
{
    struct dom_error err = {{0}};
    int reason, rc;

    do {
        rc = dom_wait_end(&m->host, m->domid, m->cfg->uuid, &reason, &err);
        if (rc) {
            say(m, "cannot watch it any longer", err.text);
            return;
        }
        if (reason < 0) {
            say(m, "it is gone", "");
            return;
        }
    } while (act(m, reason));
}

pid_t monitor_start(struct tool *t, const struct dom_config *cfg, hv_domid_t domid)
{
    struct monitor m = {.cfg = cfg, .domid = domid, .started = time(NULL)};
    struct dom_error err = {{0}};
    pid_t pid = fork();

    if (pid < 0)
        return dom_fail(&t->err, -errno, "cannot fork: %s", strerror(errno));
    if (pid)
        return pid;
    /* The doors of the parent are of no use here: their buffers are not inherited. */
    detach(cfg);
    if (dom_host_open(&m.host, &err))
        say(&m, "cannot watch it", err.text);
    else
        watch(&m);
    _exit(0);
}
