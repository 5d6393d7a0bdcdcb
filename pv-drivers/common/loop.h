/* SPDX-License-Identifier: MIT */
/* A daemon's event loop: files to wait for, and a time at which to look again. */
#ifndef PV_LOOP_H
#define PV_LOOP_H

#include <stdbool.h>

struct loop_source {
    int fd;
    void (*ready)(struct loop_source *source);
    bool gone; /* removed while events of this round are still being handed out */
};

struct loop {
    int epoll;
    bool stop;
};

int loop_open(struct loop *loop);
void loop_close(struct loop *loop);
/* The source must stay where it is until it is removed. */
int loop_add(struct loop *loop, struct loop_source *source);
/* A source may be removed, and freed after the round (see loop_run), by any handler. */
void loop_remove(struct loop *loop, struct loop_source *source);
/*
 * Runs until loop->stop. `idle` is called after each round of events, and returns after
 * how many milliseconds it wants to be called again at the latest (-1: when there are
 * events).
 */
void loop_run(struct loop *loop, int (*idle)(void *ctx), void *ctx);

#endif
