/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/loop.h"

#define ROUND 32 /* events handed out at a time */

int loop_open(struct loop *loop)
{
    loop->stop = false;
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    return loop->epoll < 0 ? -errno : 0;
}

void loop_close(struct loop *loop)
{
    close(loop->epoll);
}

int loop_add(struct loop *loop, struct loop_source *source)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = source};

    source->gone = false;
    return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, source->fd, &ev) ? -errno : 0;
}

void loop_remove(struct loop *loop, struct loop_source *source)
{
    epoll_ctl(loop->epoll, EPOLL_CTL_DEL, source->fd, NULL);
    source->gone = true;
}

void loop_run(struct loop *loop, int (*idle)(void *ctx), void *ctx)
{
    struct epoll_event ready[ROUND];

    while (!loop->stop) {
        int n = epoll_wait(loop->epoll, ready, ROUND, idle(ctx));

        if (n < 0 && errno != EINTR)
            return;
        for (int i = 0; i < n; i++) {
            struct loop_source *source = ready[i].data.ptr;

            if (!source->gone)
                source->ready(source);
        }
    }
}
