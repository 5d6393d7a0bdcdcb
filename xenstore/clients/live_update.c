/* SPDX-License-Identifier: MIT */
/* control live-update: the steps by which the running daemon becomes another program. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clients/client.h"

struct update {
    const char *file, *command_line, *timeout;
    bool force;
};

static char *step(struct client *c, const char *const *words)
{
    char data[4096];
    size_t len = 0;

    for (; *words; words++) {
        size_t n = strlen(*words) + 1;

        if (len + n > sizeof(data)) {
            errno = E2BIG;
            return NULL;
        }
        memcpy(data + len, *words, n);
        len += n;
    }
    return xs_control_command(c->xs, "live-update", data, (unsigned int)len);
}

/* Consumes the answer; says so if it is not OK. */
static bool ok(struct client *c, const char *what, char *answer)
{
    bool good = answer && strcmp(answer, "OK") == 0;

    if (!good)
        fprintf(stderr, "%s: %s failed:\n%s\n", c->name, what,
                answer ? answer : strerror(errno));
    free(answer);
    return good;
}

static bool start(struct client *c, const struct update *u)
{
    const char *words[] = {"-s", "-t", u->timeout, u->force ? "-F" : NULL, NULL};
    time_t end = time(NULL) + atoi(u->timeout);
    char *answer = step(c, words);

    while (answer && strcmp(answer, "BUSY") == 0 && time(NULL) <= end) {
        free(answer);
        usleep(1000);
        answer = step(c, words);
    }
    return ok(c, "Starting live update", answer);
}

static int usage(void)
{
    fputs(
        "Usage: xenstore-control live-update [-c <cmdline>] [-F] [-t <timeout>] <file>\n",
        stderr);
    return 2;
}

static bool parse(struct update *u, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        const char **value = strcmp(argv[i], "-c") == 0   ? &u->command_line
                             : strcmp(argv[i], "-t") == 0 ? &u->timeout
                                                          : NULL;

        if (value && i + 1 == argc)
            return false;
        if (value)
            *value = argv[++i];
        else if (strcmp(argv[i], "-F") == 0)
            u->force = true;
        else if (u->file || argv[i][0] == '-')
            return false;
        else
            u->file = argv[i];
    }
    return u->file != NULL;
}

int do_live_update(struct client *c, int argc, char **argv)
{
    struct update u = {.timeout = "60"};

    if (!parse(&u, argc, argv))
        return usage();
    if (!ok(c, "Naming the program", step(c, (const char *[]){"-f", u.file, NULL})))
        return 3;
    if (u.command_line && !ok(c, "Setting the command line",
                              step(c, (const char *[]){"-c", u.command_line, NULL}))) {
        free(step(c, (const char *[]){"-a", NULL}));
        return 3;
    }
    if (start(c, &u))
        return 0;
    free(step(c, (const char *[]){"-a", NULL}));
    return 3;
}
