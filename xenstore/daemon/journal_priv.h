/* SPDX-License-Identifier: MIT */
/* Between journal.c, which appends, and journal_tidy.c, which writes the journal anew. */
#ifndef DAEMON_JOURNAL_PRIV_H
#define DAEMON_JOURNAL_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/journal.h"
#include "daemon/journal_file.h"

struct conn;
struct perms;

struct journal_log {
    struct journal_file file;
    char path[256];
    uint64_t tidied; /* the file's size when it was last written anew */
    uint64_t tail;   /* records since then: each costs a restart more than a node does */
    bool renew;      /* write it anew as soon as possible */
};
extern struct journal_log journal_log;

/* One record into f, which may be closed; its strings and permissions as e says. */
void journal_put(struct journal_file *f, struct journal_entry e, const void *a,
                 const void *b, const struct perms *perms);
/* Everything but the tree. */
void journal_put_rest(struct journal_file *f);

#endif
