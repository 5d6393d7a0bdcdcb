/* SPDX-License-Identifier: MIT */
/*
 * xenstore: one program for all command-line clients. It acts by the name it is called by
 * (xenstore-read, ...) or, called xenstore, by its first argument. A command that touches
 * more than one key runs in a transaction and is tried again while others are faster.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "clients/client.h"

static const struct command {
    const char *name;
    int (*run)(struct client *c, int argc, char **argv);
    const char *options; /* getopt's; '-j' is --json everywhere */
    const char *usage;
    int min_args;
    enum { SINGLE, MANY, PAIRS } transaction;
} commands[] = {
    {"read", do_read, "hjpsR", "[-h] [-p] [-s] [-R] [--json] key [...]", 1, MANY},
    {"write", do_write, "hjsR", "[-h] [-s] [-R] key value [...]", 2, PAIRS},
    {"list", do_list, "hjps", "[-h] [-p] [-s] [--json] key [...]", 1, MANY},
    {"rm", do_rm, "hjst", "[-h] [-s] [-t] key [...]", 1, MANY},
    {"exists", do_exists, "hjps", "[-h] [-p] [-s] [--json] key [...]", 1, MANY},
    {"chmod", do_chmod, "hjurs", "[-h] [-u] [-r] [-s] key <mode [modes...]>", 1, SINGLE},
    {"watch", do_watch, "hjn:s", "[-h] [-n NR] [--json] key [...]", 1, SINGLE},
    {"ls", do_ls, "hjfps", "[-h] [-f] [-p] [-s] [--json] [path]", 0, SINGLE},
    {"control", do_control, "+hjs", "[-h] [--json] <command> [<arg>...]", 1, SINGLE},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct option long_options[] = {
    {"help", no_argument, NULL, 'h'},
    {"json", no_argument, NULL, 'j'},
    {NULL, 0, NULL, 0},
};

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

static int usage(const struct command *cmd, bool asked)
{
    fprintf(asked ? stdout : stderr, "xenstore-%s: Usage: xenstore-%s %s\n", cmd->name,
            cmd->name, cmd->usage);
    return asked ? 0 : 1;
}

static void set_option(struct client *c, const struct command *cmd, int option)
{
    switch (option) {
    case 'j':
        c->json = true;
        break;
    case 'p':
        *(cmd->run == do_ls ? &c->perms : &c->prefix) = true;
        break;
    case 'R':
        c->raw = true;
        break;
    case 't':
        c->tidy = true;
        break;
    case 'u':
        c->upto = true;
        break;
    case 'r':
        c->recurse = true;
        break;
    case 'f':
        c->full_path = true;
        break;
    case 'n':
        c->events = atoi(optarg);
        break;
    default:
        break; /* -s: we always try the socket first */
    }
}

/* One try. Output is kept back until we know that the transaction holds. */
static int attempt(struct client *c, const struct command *cmd, int argc, char **argv)
{
    char *text = NULL;
    size_t len = 0;
    bool committed;
    int status;

    c->t = xs_transaction_start(c->xs);
    if (!c->t) {
        fprintf(stderr, "%s: couldn't start transaction: %s\n", c->name, strerror(errno));
        return 1;
    }
    c->out = open_memstream(&text, &len);
    if (!c->out) {
        perror(c->name);
        return 1;
    }
    status = cmd->run(c, argc, argv);
    committed = xs_transaction_end(c->xs, c->t, status != 0);
    fclose(c->out);
    if (committed)
        fwrite(text, 1, len, stdout);
    free(text);
    if (committed)
        return status;
    if (errno == EAGAIN)
        return -1;
    fprintf(stderr, "%s: couldn't end transaction: %s\n", c->name, strerror(errno));
    return 1;
}

static bool needs_transaction(const struct client *c, const struct command *cmd, int argc)
{
    if (c->tidy || c->upto || c->recurse)
        return true;
    return (cmd->transaction == MANY && argc > 1) ||
           (cmd->transaction == PAIRS && argc > 2);
}

static int run(struct client *c, const struct command *cmd, int argc, char **argv)
{
    int status;

    c->out = stdout;
    if (!needs_transaction(c, cmd, argc))
        return cmd->run(c, argc, argv);
    do
        status = attempt(c, cmd, argc, argv);
    while (status < 0);
    return status;
}

/* The command comes from our own name or the first argument, which is then skipped. */
static const struct command *choose(int *argc, char ***argv)
{
    const char *base = strrchr((*argv)[0], '/');
    const struct command *cmd;

    base = base ? base + 1 : (*argv)[0];
    if (strncmp(base, "xenstore-", 9) == 0)
        return find(base + 9);
    if (*argc < 2) {
        fputs("xenstore: Usage: xenstore <mode> [-h] [...]\n", stderr);
        exit(1);
    }
    cmd = find((*argv)[1]);
    if (!cmd) {
        fprintf(stderr, "xenstore: unknown mode %s\n", (*argv)[1]);
        exit(1);
    }
    ++*argv;
    --*argc;
    return cmd;
}

int main(int argc, char **argv)
{
    const struct command *cmd = choose(&argc, &argv);
    struct client c = {.events = -1};
    char name[32];
    int option, status;

    if (!cmd) {
        fprintf(stderr, "%s: no such client\n", argv[0]);
        return 1;
    }
    snprintf(name, sizeof(name), "xenstore-%s", cmd->name);
    c.name = argv[0] = name;
    while ((option = getopt_long(argc, argv, cmd->options, long_options, NULL)) != -1) {
        if (option == 'h' || option == '?')
            return usage(cmd, option == 'h');
        set_option(&c, cmd, option);
    }
    argc -= optind;
    argv += optind;
    if (argc < cmd->min_args || (cmd->transaction == PAIRS && argc % 2))
        return usage(cmd, false) + (cmd->run == do_control);
    c.xs = xs_open(0);
    if (!c.xs) {
        fprintf(stderr, "%s: cannot reach the XenStore daemon: %s\n", name,
                strerror(errno));
        return 1;
    }
    status = run(&c, cmd, argc, argv);
    xs_close(c.xs);
    if (fflush(stdout)) {
        perror(name);
        return 1;
    }
    return status;
}
