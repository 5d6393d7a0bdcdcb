/* SPDX-License-Identifier: MIT */
/* What the commands of the xenstore client share. */
#ifndef CLIENTS_CLIENT_H
#define CLIENTS_CLIENT_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/xenstore.h"

struct client {
    const char *name; /* for messages */
    struct xs_handle *xs;
    xs_transaction_t t;
    FILE *out;      /* kept back until the transaction is committed */
    bool prefix;    /* -p */
    bool raw;       /* -R */
    bool tidy;      /* -t */
    bool upto;      /* -u */
    bool recurse;   /* -r */
    bool full_path; /* -f */
    bool perms;     /* -p of ls */
    bool json;
    int events; /* -n; negative: for ever */
};

/* Each gets the arguments behind the options and returns an exit status. */
int do_read(struct client *c, int argc, char **argv);
int do_write(struct client *c, int argc, char **argv);
int do_list(struct client *c, int argc, char **argv);
int do_rm(struct client *c, int argc, char **argv);
int do_exists(struct client *c, int argc, char **argv);
int do_chmod(struct client *c, int argc, char **argv);
int do_watch(struct client *c, int argc, char **argv);
int do_ls(struct client *c, int argc, char **argv);
int do_control(struct client *c, int argc, char **argv);
/* The arguments behind control live-update. */
int do_live_update(struct client *c, int argc, char **argv);

/* path, '/', name; malloced. "/" does not get a second slash. */
char *join(const char *path, const char *name);
/* The permission entry as text, e.g. "r5"; out has room for 16. */
void perm_text(char *out, const struct xs_permissions *p);

#endif
