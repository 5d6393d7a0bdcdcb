/* SPDX-License-Identifier: MIT */
/*
 * Live update: the daemon becomes another program (a newer one, say) with all its
 * clients, and goes on. The commands are those of Xen's xenstore-control live-update.
 */
#ifndef DAEMON_UPDATE_H
#define DAEMON_UPDATE_H

#include <stdbool.h>

#include "daemon/conn.h"

/* What main() was given, for a program that is to be started the same way. */
void update_remember(char **argv, const char *rundir);

/*
 * A step: -f FILE, -c COMMAND-LINE, -s [-t SECONDS] [-F], -a. Returns the answer, NULL
 * for a wrong use. *later is set if the answer is given once the update is done.
 */
const char *update_step(struct conn *c, const struct hv_xsd_sockmsg *h, int argc,
                        const char *const *argv, bool *later);

/* Does what has been asked for; between two rounds of the loop. */
void update_run(void);
/* c is about to be freed. */
void update_forget(const struct conn *c);

#endif
