/* SPDX-License-Identifier: MIT */
/* Becoming a daemon, once. */
#ifndef DAEMON_BACKGROUND_H
#define DAEMON_BACKGROUND_H

/*
 * Goes to the background; the caller's process ends when background_ready() is called, or
 * with status 1 when this one ends before. *ready is for that. 0, or -1 with errno.
 */
int background_start(int *ready);
/* ready is what background_start() gave, or -1 if it was not called. */
void background_ready(int ready);

/*
 * One daemon of this name per file, which holds the process's number. 0, or -1 and a line
 * in the log. Both strings are kept by reference.
 */
int background_lock(const char *name, const char *file);
void background_unlock(void); /* removes the file */

/* A descriptor that can be read once the daemon is to end (SIGTERM, SIGINT), or -1 with
 * errno. A lost terminal or peer (SIGHUP, SIGPIPE) does not end it any more. */
int background_signals(void);

#endif
