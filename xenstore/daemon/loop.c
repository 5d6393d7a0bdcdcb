/* SPDX-License-Identifier: MIT */
/* epoll and the queue of tasks. One thread; state is file-local. */
#include "daemon/loop.h"

#include <errno.h>
#include <sys/epoll.h>

static int ep = -1;
static bool stopping;
static bool lull_wanted;

#define LULL_MS     1000
#define MAX_EVENTS  128
#define LOOK_TURNS  2  /* between this many turns ... */
#define LOOK_EVENTS 16 /* ... we look at no more than these */

static struct list queue = LIST_INIT(queue);
static struct list quick = LIST_INIT(quick); /* tasks that have had no turn this round */
static struct list rare = LIST_INIT(rare);   /* ... nor in the one before */
static uint64_t round_number;

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
    uint64_t rounds = round_number - t->served;

    if (list_empty(&t->link))
        list_append(rounds == 0 ? &queue : rounds == 1 ? &quick : &rare, &t->link);
}

void task_cancel(struct task *t)
{
    list_remove(&t->link);
}

static bool somebody_quick(void)
{
    return !list_empty(&quick) || !list_empty(&rare);
}

static void run_first(struct list *l)
{
    struct task *t = list_of(l->next, struct task, link);

    list_remove(&t->link);
    t->served = round_number;
    if (t->turn(t))
        task_queue(t);
}

/* Looks at some descriptors; returns how many were ready. */
static int look(int max, int ms)
{
    struct epoll_event events[MAX_EVENTS];
    int n = epoll_wait(ep, events, max, ms);

    for (int i = 0; i < n; i++) {
        struct source *s = events[i].data.ptr;

        s->ready(s, events[i].events);
    }
    return n;
}

/*
 * Gives one turn to each task that is queued now; those queued meanwhile wait for the
 * next round, unless they are quick. Quick ones alternate with others, should they be
 * many; of them those go first that have asked for nothing of late.
 */
static void run_round(void)
{
    struct list round = LIST_INIT(round);

    round_number++;
    if (!list_empty(&queue)) {
        list_append(&queue, &round);
        list_remove(&queue);
    }
    for (unsigned int turn = 1; !list_empty(&round) || somebody_quick(); turn++) {
        if (somebody_quick())
            run_first(list_empty(&rare) ? &quick : &rare);
        if (!list_empty(&round))
            run_first(&round);
        if (!list_empty(&round) && turn % LOOK_TURNS == 0)
            look(LOOK_EVENTS, 0);
    }
}

void loop_want_lull(void)
{
    lull_wanted = true;
}

static int timeout(bool more)
{
    if (more || !list_empty(&queue) || somebody_quick())
        return 0;
    return lull_wanted ? LULL_MS : -1;
}

void loop_run(bool (*idle)(void), void (*lull)(void))
{
    bool more = false;

    while (!stopping) {
        int ms = timeout(more);
        int n = look(MAX_EVENTS, ms);

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
