/* SPDX-License-Identifier: MIT */
/*
 * The process that serves one device. It is made when the front end has said where its
 * rings are, has nothing but what it needs, and ends when the daemon closes its end of
 * `control` (after it has answered what is in the rings) or when the front end
 * misbehaves.
 */
#ifndef PV_WORKER_H
#define PV_WORKER_H

#include <sys/types.h>

#define WORKER_MAX_LINE 200 /* of a message, with its NUL */

/* What a message to the daemon begins with; a line of text follows. */
#define WORKER_CONNECTED 'C' /* serving */
#define WORKER_BROKEN    'B' /* not serving any more, and why */
#define WORKER_SAYS      'L' /* for the log */

/* Makes the process, which runs `run`. *control has its messages, one a read. */
int worker_spawn(void (*run)(const void *arg), const void *arg, pid_t *pid, int *control);

/* In the worker: the file through which it tells, and which is readable when to end. */
int worker_control(void);
/*
 * Has `told` called, as a signal's handler, when worker_control() becomes readable: for
 * loops that wait for one file only.
 */
void worker_on_control(void (*told)(int sig));
/* Closes all files but control and these, and takes no signals any more. Sorts fds. */
void worker_alone(int *fds, unsigned int nr);
void worker_tell(char kind, const char *text);
/* A line for the log; after a while they are not told any more. */
void worker_complain(const char *line);
/* Broken, for this reason. */
void worker_die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
