/* SPDX-License-Identifier: MIT */
/*
 * Live update. See update.h.
 *
 * The new program is asked first whether it can take over (--can-update). Then, between
 * two rounds of the loop, everything goes into the journal and a file in memory
 * (state.h), and this process becomes that program: its number stays, descriptors of
 * clients stay open. Only a failing exec has to be undone, and nothing has been changed
 * by then. Nobody waits for open transactions, since they are taken along; so -t and -F
 * make no difference.
 */
#include "daemon/update.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/alloc.h"
#include "daemon/journal.h"
#include "daemon/log.h"
#include "daemon/state.h"

#define MAX_ARGS 64

static char **own_argv;
static const char *own_rundir; /* its argument may be relative to somewhere else */

static struct {
    char *file; /* the program; NULL when no update is under way */
    char *command_line;
    pid_t probe; /* asks it whether it can take over; 0: it has said so */
    const struct conn *asker;
    struct hv_xsd_sockmsg request;
} update;

void update_remember(char **argv, const char *rundir)
{
    own_argv = argv;
    own_rundir = rundir;
}

static void cancel(void)
{
    if (update.probe > 0) {
        kill(update.probe, SIGKILL);
        waitpid(update.probe, NULL, 0);
    }
    free(update.file);
    free(update.command_line);
    memset(&update, 0, sizeof(update));
}

static const char *begin(const char *file)
{
    char version[16], option[] = "--can-update";
    char *args[] = {(char *)(uintptr_t)file, option, version, NULL};
    struct stat st;

    if (update.file)
        return "live-update session already active.";
    if (!journal_active())
        return "There is no journal to hand over.";
    if (stat(file, &st))
        return "File not accessible.";
    if (!S_ISREG(st.st_mode) || access(file, X_OK))
        return "File not executable.";
    snprintf(version, sizeof(version), "%u", STATE_VERSION);
    if (posix_spawn(&update.probe, file, NULL, NULL, args, environ)) {
        update.probe = 0;
        return "File not executable.";
    }
    update.file = xmemdup(file, strlen(file) + 1);
    return "OK";
}

/* BUSY while the program has not yet answered; else NULL if it can take over. */
static const char *probed(void)
{
    int status = 0;
    pid_t pid = update.probe ? waitpid(update.probe, &status, WNOHANG) : 0;

    if (update.probe == 0)
        return NULL;
    if (pid == 0)
        return "BUSY";
    update.probe = 0;
    if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == STATE_CAN_UPDATE)
        return NULL;
    cancel();
    return "This program cannot take over.";
}

static const char *start(struct conn *c, const struct hv_xsd_sockmsg *h, int argc,
                         const char *const *argv, bool *later)
{
    const char *why;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-t") == 0 && i + 1 < argc)
            i++;
        else if (strcmp(argv[i], "-F") != 0)
            return NULL;
    }
    if (!update.file || update.asker)
        return "Not in live-update session.";
    why = probed();
    if (why)
        return why;
    update.asker = c;
    update.request = *h;
    *later = true;
    return "OK";
}

const char *update_step(struct conn *c, const struct hv_xsd_sockmsg *h, int argc,
                        const char *const *argv, bool *later)
{
    if (argc == 2 && strcmp(argv[0], "-f") == 0)
        return begin(argv[1]);
    if (argc > 0 && strcmp(argv[0], "-s") == 0)
        return start(c, h, argc, argv, later);
    if (argc == 1 && strcmp(argv[0], "-a") == 0) {
        if (!update.file)
            return "No live-update session active.";
        cancel();
        return "OK";
    }
    if (argc != 2 || strcmp(argv[0], "-c") != 0)
        return NULL;
    if (!update.file)
        return "Not in live-update session.";
    free(update.command_line);
    update.command_line = xmemdup(argv[1], strlen(argv[1]) + 1);
    return "OK";
}

void update_forget(const struct conn *c)
{
    if (update.asker == c)
        cancel();
}

/* --- the change --- */

/* Our own arguments, or the words of the given line, and where the state is. */
static void make_args(char **out, char *rundir, char *state)
{
    char *save = NULL;
    int n = 0;

    out[n++] = update.file;
    if (update.command_line) {
        for (char *w = strtok_r(update.command_line, " ", &save); w && n < MAX_ARGS - 3;
             w = strtok_r(NULL, " ", &save))
            out[n++] = w;
    } else {
        for (int i = 1; own_argv[i] && n < MAX_ARGS - 3; i++) {
            if (strncmp(own_argv[i], "--live-update=", 14) != 0 &&
                strncmp(own_argv[i], "--rundir=", 9) != 0)
                out[n++] = own_argv[i];
        }
    }
    if (rundir)
        out[n++] = rundir;
    out[n++] = state;
    out[n] = NULL;
}

void update_run(void)
{
    char state[40], rundir[280], *args[MAX_ARGS];
    struct conn *asker = NULL;
    int fd;

    if (!update.asker)
        return;
    journal_commit();
    fd = state_save(update.asker, &update.request);
    if (fd >= 0) {
        snprintf(state, sizeof(state), "--live-update=%d", fd);
        snprintf(rundir, sizeof(rundir), "--rundir=%s", own_rundir);
        make_args(args, update.command_line ? NULL : rundir, state);
        log_say("live update to %s", update.file);
        execv(update.file, args);
        fd = -errno;
    }
    log_say("live update to %s failed: %s", update.file, strerror(-fd));
    for (struct list *l = conns.next; l != &conns; l = l->next) {
        if (list_of(l, struct conn, all) == update.asker)
            asker = list_of(l, struct conn, all);
    }
    if (asker) {
        conn_reply(asker, HV_XS_CONTROL, &update.request, "exec failed.", 13);
        conn_wake(asker);
    }
    cancel();
}
