/* SPDX-License-Identifier: MIT */
/*
 * What a process that serves a guest gives up before it looks at the guest's memory:
 * every file it does not need, root, and all system calls but those of its loop.
 */
#ifndef PV_SANDBOX_H
#define PV_SANDBOX_H

#include <stdint.h>
#include <sys/types.h>

/* Closes all files but these and standard input, output and error. Sorts fds. */
void sandbox_keep_files(int *fds, unsigned int nr);

/* The user of that name in /etc/passwd, or nobody. */
uid_t sandbox_user(const char *name);

/*
 * For a daemon, which opens for its workers what they cannot: it keeps these capabilities
 * (a bit for each CAP_*) and no other, never gets more, starts no programs and does
 * nothing to the machine or to other processes. 0 or a negative errno value.
 */
int sandbox_daemon(uint64_t capabilities);

/* What a process that looks at others' data gives up, for good. 0 or a negative errno
 * value. */
int sandbox_enter(uid_t user);

#endif
