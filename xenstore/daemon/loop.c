/* SPDX-License-Identifier: MIT */
/* epoll and the queue of tasks. One thread; state is file-local. */
#include "daemon/loop.h"

#include <errno.h>
#include <sys/epoll.h>

static int ep = -1;
static bool stopping;
static bool lull_wanted;

#define LULL_MS 1000
static struct list queue = LIST_INIT(queue);

int loop_init(void)
{
    ep = epoll_create1(EPOLL_CLOEXEC);
    return ep < 0 ? -errno : 0;
}

static int control(int op, int fd, uint32_t events, struct source *s)
{
    struct epoll_event ev = {.events = events, .data.ptr = s};

    return epoll_ctl(ep, op, fd, &ev) ? -errno : 0;
}

int loop_watch_fd(int fd, uint32_t events, struct source *s)
{
    return control(EPOLL_CTL_ADD, fd, events, s);
}

int loop_change_fd(int fd, uint32_t events, struct source *s)
{
    return control(EPOLL_CTL_MOD, fd, events, s);
}

void loop_forget_fd(int fd)
{
    control(EPOLL_CTL_DEL, fd, 0, NULL);
}

void task_init(struct task *t, bool (*turn)(struct task *))
{
    list_init(&t->link);
    t->turn = turn;
}

void task_queue(struct task *t)
{
    if (list_empty(&t->link))
        list_append(&queue, &t->link);
}

void task_cancel(struct task *t)
{
    list_remove(&t->link);
}

/* Gives one turn to each task that is queued now; those queued meanwhile wait for the
 * next. */
static void run_round(void)
{
    struct list round = LIST_INIT(round);

    if (list_empty(&queue))
        return;
    list_append(&queue, &round);
    list_remove(&queue);
    while (!list_empty(&round)) {
        struct task *t = list_of(round.next, struct task, link);

        list_remove(&t->link);
        if (t->turn(t))
            task_queue(t);
    }
}

void loop_want_lull(void)
{
    lull_wanted = true;
}

static int timeout(bool more)
{
    if (more || !list_empty(&queue))
        return 0;
    return lull_wanted ? LULL_MS : -1;
}

void loop_run(bool (*idle)(void), void (*lull)(void))
{
    struct epoll_event events[128];
    bool more = false;

    while (!stopping) {
        int ms = timeout(more);
        int n = epoll_wait(ep, events, 128, ms);

        for (int i = 0; i < n; i++) {
            struct source *s = events[i].data.ptr;

            s->ready(s, events[i].events);
        }
        if (n == 0 && ms == LULL_MS) {
            lull_wanted = false;
            lull();
        }
        run_round();
        more = idle();
    }
}

void loop_stop(void)
{
    stopping = true;
}
