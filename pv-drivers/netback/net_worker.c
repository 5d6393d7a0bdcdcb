/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/sandbox.h"
#include "common/worker.h"
#include "common/worker_doors.h"
#include "daemon/clock.h"
#include "netback/net_queue.h"
#include "netback/net_worker.h"
#include "netback/net_write.h"

#define MAX_PORTS (2 * NET_MAX_QUEUES + 1)
#define MAX_FILES (2 + NET_MAX_QUEUES)
#define LOOK_MS   30 /* at a full ring of a front end that sends no events */

/* What epoll's events are about: a tap's queue, or one of these. */
#define EVENT_CHANNELS (NET_MAX_QUEUES + 0)
#define CONTROL        (NET_MAX_QUEUES + 1)

struct worker {
    const struct net_config *cfg;
    struct door_events *events;
    struct net_device dev;
    struct net_queue queue[NET_MAX_QUEUES];
    struct {
        uint32_t tx, rx; /* ours */
    } port[NET_MAX_QUEUES];
    struct net_ctrl ctrl;
    uint32_t ctrl_port;
    struct io_uring ring; /* for the kernel; without one it takes more calls */
    int epoll;
    bool stopping;
};

static void *map_ring(const struct worker *w, uint32_t ref)
{
    uint64_t index;
    void *shared;
    int rc = door_grant_map(w->dev.grants, w->cfg->domid, &ref, 1, &shared, &index);

    if (rc)
        worker_die("cannot map ring %u: %s", ref, strerror(-rc));
    return shared;
}

static void open_queue(struct worker *w, unsigned int i)
{
    const struct net_config *cfg = w->cfg;
    int rc;

    w->port[i].tx = w->port[i].rx =
        worker_bind(w->events, cfg->domid, cfg->queue[i].tx_port, cfg->recover);
    if (cfg->queue[i].rx_port != cfg->queue[i].tx_port)
        w->port[i].rx =
            worker_bind(w->events, cfg->domid, cfg->queue[i].rx_port, cfg->recover);
    rc = net_queue_open(&w->queue[i], &w->dev, map_ring(w, cfg->queue[i].tx_ref),
                        map_ring(w, cfg->queue[i].rx_ref), cfg->queue[i].tap,
                        &cfg->state->queue[i], cfg->recover);
    if (rc)
        worker_die("queue %u: %s", i, strerror(-rc));
}

static void open_ctrl(struct worker *w)
{
    const struct net_config *cfg = w->cfg;

    w->ctrl = (struct net_ctrl){.journal = &cfg->state->ctrl,
                                .grants = w->dev.grants,
                                .domid = cfg->domid,
                                .queues = cfg->nr_queues,
                                .page = w->queue[0].tx_pages};
    w->ctrl_port = worker_bind(w->events, cfg->domid, cfg->ctrl_port, cfg->recover);
    net_ctrl_open(&w->ctrl, map_ring(w, cfg->ctrl_ref), cfg->recover);
    w->dev.hash = &cfg->state->ctrl.hash;
}

static void watch(struct worker *w, int fd, unsigned int what, unsigned int how)
{
    struct epoll_event ev = {.events = EPOLLIN | how, .data.u32 = what};

    if (epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &ev))
        worker_die("cannot wait for events: %s", strerror(errno));
}

static void open_loop(struct worker *w)
{
    w->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (w->epoll < 0)
        worker_die("cannot wait for events: %s", strerror(errno));
    watch(w, door_events_fd(w->events), EVENT_CHANNELS, 0);
    watch(w, worker_control(), CONTROL, 0);
    /* A tap is read until it is empty, so it need not be asked about each time. */
    for (unsigned int i = 0; i < w->cfg->nr_queues; i++)
        watch(w, w->cfg->queue[i].tap, i, EPOLLET);
}

static void take_events(struct worker *w)
{
    uint32_t ports[MAX_PORTS];
    int nr = door_events_take(w->events, ports, MAX_PORTS);

    /* Unmasked before the rings are looked at: what comes while we do is not lost. */
    if (nr > 0)
        door_events_unmask_all(w->events, ports, (unsigned int)nr);
}

static void check(int rc, unsigned int queue, const char *why)
{
    if (rc < 0)
        worker_die("queue %u: %s", queue,
                   why ? why : "the front end's index is out of range");
}

/* Shows both ways' answers, and tells the guest if it wants to be told. */
static void show(struct worker *w, unsigned int i, bool notify_anyway)
{
    struct net_queue *q = &w->queue[i];
    bool rx_notify = net_rx_show(q) || notify_anyway, tx_notify = net_tx_show(q);
    bool one = w->port[i].tx == w->port[i].rx;

    if (tx_notify || (rx_notify && one))
        door_events_notify(w->events, w->port[i].tx);
    if (rx_notify && !one)
        door_events_notify(w->events, w->port[i].rx);
}

/* Both ways of a queue, a batch each; bits 0 and 1: which of them has more. */
static unsigned int run_queue(struct worker *w, unsigned int i)
{
    struct net_queue *q = &w->queue[i];
    const char *why;
    int tx, rx;

    tx = net_tx_run(q, &why);
    check(tx, i, why);
    rx = net_rx_run(q, &why);
    check(rx, i, why);
    return (tx ? 1 : 0) | (rx ? 2 : 0);
}

/* Shows answers, and asks for an event of what has no more; whether there is more. */
static bool end_queue(struct worker *w, unsigned int i, unsigned int more,
                      bool notify_anyway)
{
    int tx = more & 1, rx = more & 2;

    show(w, i, notify_anyway);
    if (!tx)
        tx = net_tx_arm(&w->queue[i]);
    check(tx, i, NULL);
    if (!rx)
        rx = net_rx_arm(&w->queue[i]);
    check(rx, i, NULL);
    return tx || rx;
}

static bool serve_ctrl(struct worker *w, bool notify)
{
    bool answered;
    int more = net_ctrl_run(&w->ctrl, &answered);

    if (answered || notify)
        door_events_notify(w->events, w->ctrl_port);
    if (!more)
        more = net_ctrl_arm(&w->ctrl);
    if (more < 0)
        worker_die("control ring: the front end's index is out of range");
    return more;
}

static bool serve(struct worker *w, bool notify_anyway)
{
    bool more = w->cfg->has_ctrl && serve_ctrl(w, notify_anyway);
    unsigned int left[NET_MAX_QUEUES];

    /* One queue's packets may go by another's ring: none is done before all are. */
    for (unsigned int i = 0; i < w->cfg->nr_queues; i++)
        left[i] = run_queue(w, i);
    for (unsigned int i = 0; i < w->cfg->nr_queues; i++)
        more |= end_queue(w, i, left[i], notify_anyway);
    return more;
}

/* Milliseconds until something is due that sends no event; -1: nothing. */
static int due(const struct worker *w)
{
    uint64_t wait;
    int ms = -1;

    for (unsigned int i = 0; i < w->cfg->nr_queues; i++) {
        const struct net_queue *q = &w->queue[i];

        if (q->held.size && !w->cfg->rx_notify)
            ms = LOOK_MS;
        if (!q->out_of_credit)
            continue;
        wait = net_credit_wait(q, clock_ns()) / 1000000 + 1;
        if (ms < 0 || wait < (uint64_t)ms)
            ms = (int)wait;
    }
    return ms;
}

static void wait_for_events(struct worker *w, int timeout_ms)
{
    struct epoll_event ready[MAX_FILES];
    int n = epoll_wait(w->epoll, ready, MAX_FILES, timeout_ms);

    if (n < 0 && errno != EINTR)
        worker_die("cannot wait for events: %s", strerror(errno));
    for (int i = 0; i < n; i++) {
        if (ready[i].data.u32 == EVENT_CHANNELS)
            take_events(w);
        else if (ready[i].data.u32 == CONTROL)
            w->stopping = true;
        else
            w->queue[ready[i].data.u32].tap_ready = true;
    }
}

void net_worker(const void *config)
{
    const struct net_config *cfg = config;
    struct worker *w = calloc(1, sizeof(*w));
    int taps[NET_MAX_QUEUES], rc;
    bool more;

    for (unsigned int i = 0; i < cfg->nr_queues; i++)
        taps[i] = cfg->queue[i].tap;
    worker_alone(taps, cfg->nr_queues);
    if (!w)
        worker_die("out of memory");
    w->cfg = cfg;
    w->dev = (struct net_device){.domid = cfg->domid,
                                 .can_sg = cfg->can_sg,
                                 .groups = &cfg->state->groups,
                                 .credit_bytes = cfg->credit_bytes,
                                 .credit_ns = cfg->credit_us * 1000,
                                 .queues = w->queue,
                                 .nr_queues = cfg->nr_queues,
                                 .complain = worker_complain};
    worker_doors(&w->events, &w->dev.grants, cfg->domid);
    if (!net_write_ring(&w->ring, NET_BATCH))
        w->dev.ring = &w->ring;
    for (unsigned int i = 0; i < cfg->nr_queues; i++)
        open_queue(w, i);
    if (cfg->has_ctrl)
        open_ctrl(w);
    open_loop(w);
    rc = sandbox_enter(cfg->user);
    if (rc)
        worker_die("cannot give up rights: %s", strerror(-rc));
    worker_tell(WORKER_CONNECTED, "");
    more = serve(w, true);
    /* When it is over the kernel takes back what is mapped and bound. */
    while (!w->stopping) {
        wait_for_events(w, more ? 0 : due(w));
        more = serve(w, false);
    }
}
