/* SPDX-License-Identifier: MIT */
/* Who may do what to a node. */
#ifndef DAEMON_PERM_H
#define DAEMON_PERM_H

#include "daemon/conn.h"
#include "daemon/store.h"

/* What this client may do: bits of XS_MAY_*. */
uint32_t perm_for(const struct conn *c, const struct perms *p);

#endif
