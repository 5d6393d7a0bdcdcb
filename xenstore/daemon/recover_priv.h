/* SPDX-License-Identifier: MIT */
/* Between recover.c and recover_tree.c: records that change the tree. */
#ifndef DAEMON_RECOVER_PRIV_H
#define DAEMON_RECOVER_PRIV_H

#include <stdbool.h>

#include "daemon/journal.h"
#include "daemon/store.h"

/* data: strings a and b; perms may be NULL. False if it makes no sense. */
bool recover_tree(const struct journal_entry *e, const char *data, struct perms *perms);

#endif
