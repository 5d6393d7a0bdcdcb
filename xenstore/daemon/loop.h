/* SPDX-License-Identifier: MIT */
/*
 * The event loop: file descriptors that call back when ready, and a fair queue of tasks.
 * Each task that has work gets one turn of bounded length per round, so nobody waits
 * longer than one turn of everybody who is busy. Now and then between turns the
 * descriptors are looked at: a task that had nothing to do when the round began goes
 * before those that are left of it, and has had its turn of this round then. Of such
 * tasks those go first that had no turn in the round before either.
 */
#ifndef DAEMON_LOOP_H
#define DAEMON_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/list.h"

struct source {
    void (*ready)(struct source *s, uint32_t events);
};

struct task {
    struct list link;
    uint64_t served;              /* the round of its last turn */
    bool (*turn)(struct task *t); /* true: there is more to do, queue again */
};

int loop_init(void);
/* events: EPOLLIN, EPOLLOUT. Return 0 or -errno. */
int loop_watch_fd(int fd, uint32_t events, struct source *s);
int loop_change_fd(int fd, uint32_t events, struct source *s);
void loop_forget_fd(int fd);

void task_init(struct task *t, bool (*turn)(struct task *));
void task_queue(struct task *t); /* no harm if queued already */
void task_cancel(struct task *t);

/*
 * idle runs once a round, returns true while it has more to do. lull runs when nothing
 * has happened for a second since loop_want_lull.
 */
void loop_run(bool (*idle)(void), void (*lull)(void));
void loop_want_lull(void);
void loop_stop(void);

#endif
