/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "blkback/blk_worker.h"
#include "blkback/queue.h"
#include "common/sandbox.h"
#include "common/worker.h"
#include "common/worker_doors.h"

#define MAX_DEPTH 1024U

struct worker {
    const struct worker_config *cfg;
    struct door_events *events;
    struct journal *journal;
    struct queue_device dev;
    struct queue queue[JOURNAL_MAX_QUEUES];
    uint32_t port[JOURNAL_MAX_QUEUES]; /* ours */
    time_t looked;                     /* for space: the last time */
};

/*
 * Opens the image anew, so that a lock of our own goes with it: the kernel keeps a file
 * open until the last operation on it has ended, even for a killed process. Who gets the
 * lock knows that nothing of an earlier worker is still to come.
 */
static int open_image(const struct worker_config *cfg)
{
    struct flock lock = {.l_type = F_WRLCK, .l_start = WORKER_LOCK_BYTE, .l_len = 1};
    int flags = O_CLOEXEC | (cfg->limits.readonly ? O_RDONLY : O_RDWR);
    char path[40];
    int fd;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", cfg->layer[0].fd);
    fd = open(path, flags | (cfg->way == DISK_DIRECT ? O_DIRECT : 0));
    if (fd < 0)
        worker_die("cannot open the image again: %s", strerror(errno));
    if (!cfg->limits.readonly && fcntl(fd, F_OFD_SETLKW, &lock))
        worker_die("cannot lock the image: %s", strerror(errno));
    close(cfg->layer[0].fd);
    return fd;
}

/* The rings have one server: an earlier worker must have ended, if only just. */
static void open_journal(struct worker *w)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    if (fcntl(w->cfg->journal, F_OFD_SETLKW, &lock))
        worker_die("cannot lock the journal: %s", strerror(errno));
    w->journal = journal_map(w->cfg->journal, w->cfg->recover);
    if (!w->journal)
        worker_die("cannot map the journal: %s", strerror(errno));
    w->dev.counts = &w->journal->counts;
}

static void open_doors(struct worker *w)
{
    int rc;

    worker_doors(&w->events, &w->dev.grants, w->cfg->domid);
    rc = pages_open(&w->dev.pages, w->dev.grants, w->cfg->domid, w->cfg->persistent);
    if (rc)
        worker_die("cannot map pages: %s", strerror(-rc));
}

static struct door_events *waited_for; /* of the handler */
static volatile sig_atomic_t told;

/* The daemon has something to say: a wait for events ends, and no other begins. */
static void stop_waiting(int sig)
{
    told = 1;
    door_events_set_wait(waited_for, false);
}

/* All that was the image's is read by now: a worker that was killed has ended. */
static void open_image_files(struct worker *w)
{
    struct volume_file layer[VOLUME_MAX_LAYERS];
    const struct worker_config *cfg = w->cfg;
    const char *why;

    memcpy(layer, cfg->layer, sizeof(layer));
    layer[0].fd = open_image(cfg);
    if (volume_open(&w->dev.volume, layer, cfg->nr_layers, cfg->limits.readonly, &why))
        worker_die("cannot go on with the image: %s", why);
}

static void open_disk(struct worker *w)
{
    const struct worker_config *cfg = w->cfg;
    unsigned int depth =
        cfg->nr_queues * ring_entries(cfg->ring_pages * PAGE_SIZE, QUEUE_SLOT);
    int rc = pool_open(&w->dev.pool);

    if (!cfg->refuse)
        open_image_files(w);
    if (!rc)
        rc = disk_open(&w->dev.disk, &w->dev.volume, cfg->way,
                       depth < MAX_DEPTH ? depth : MAX_DEPTH, w->dev.pool.base,
                       POOL_PAGES * POOL_PAGE);
    if (rc)
        worker_die("no io_uring: %s", strerror(-rc));
    if (cfg->way == DISK_MEMORY && !cfg->refuse && !cfg->layer[0].qcow2)
        window_open(&w->dev.disk.window, w->dev.volume.fd, cfg->limits.readonly);
    disk_poll(&w->dev.disk, door_events_fd(w->events));
    disk_poll(&w->dev.disk, worker_control());
    waited_for = w->events;
    rc = door_events_set_wait(w->events, true);
    if (rc)
        worker_die("cannot wait for events: %s", strerror(-rc));
    worker_on_control(stop_waiting);
}

static void open_queue(struct worker *w, unsigned int i)
{
    const struct worker_config *cfg = w->cfg;
    uint64_t index;
    void *shared;
    int rc = door_grant_map(w->dev.grants, cfg->domid, cfg->queue[i].refs,
                            cfg->ring_pages, &shared, &index);

    if (rc)
        worker_die("cannot map ring %u: %s", i, strerror(-rc));
    w->port[i] = worker_bind(w->events, cfg->domid, cfg->queue[i].port, cfg->recover);
    rc = queue_open(&w->queue[i], &w->dev, shared, cfg->ring_pages * PAGE_SIZE,
                    &w->journal->queue[i], cfg->recover);
    if (rc)
        worker_die("ring %u cannot be taken up: %s", i, strerror(-rc));
}

/* Returns whether there were events. */
static bool take_events(struct worker *w)
{
    uint32_t ports[JOURNAL_MAX_QUEUES];
    int nr = door_events_take(w->events, ports, JOURNAL_MAX_QUEUES);

    /* Unmasked before the rings are looked at: what comes while we do is not lost. */
    if (nr > 0)
        door_events_unmask_all(w->events, ports, (unsigned int)nr);
    return nr > 0;
}

/*
 * As disk_wait(). What is waited for most of the time is an event while the disk has
 * nothing to do: then to take it is to wait for it, in one call instead of two.
 */
static int wait_for_work(struct worker *w, bool more)
{
    struct disk *d = &w->dev.disk;
    bool idle = !d->under_way && !d->patience_ms && !told;

    if (idle && (more || take_events(w)))
        return 0;
    return disk_wait(d, !more);
}

/* That events wait was said by the ring, and may no longer be so. */
static void take_events_if_any(struct worker *w)
{
    struct pollfd events = {.fd = door_events_fd(w->events), .events = POLLIN};

    if (poll(&events, 1, 0) == 1)
        take_events(w);
}

/* Starts what is in the rings; returns whether there is more. */
static bool serve(struct worker *w, bool notify_anyway)
{
    bool more = false;

    for (unsigned int i = 0; i < w->cfg->nr_queues; i++) {
        struct queue *q = &w->queue[i];
        int rc = queue_take(q);

        if (queue_show(q) || notify_anyway)
            door_events_notify(w->events, w->port[i]);
        if (!rc)
            rc = queue_arm(q);
        if (rc < 0)
            worker_die("ring %u: %s", i,
                       rc == -EPROTO ? "the front end's index is out of range"
                                     : strerror(-rc));
        more |= rc > 0;
    }
    return more;
}

/* Goes on with what was taken, takes nothing more. */
static void drain(struct worker *w)
{
    for (unsigned int i = 0; i < w->cfg->nr_queues; i++) {
        queue_retry(&w->queue[i]);
        if (queue_show(&w->queue[i]))
            door_events_notify(w->events, w->port[i]);
    }
}

/* Once a second, for writes that wait for space. */
static void look_for_space(struct worker *w, bool give_up)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (w->dev.full && (give_up || now.tv_sec != w->looked)) {
        w->looked = now.tv_sec;
        for (unsigned int i = 0; i < w->cfg->nr_queues; i++)
            queue_retry_full(&w->queue[i], give_up);
    }
}

static void loop(struct worker *w)
{
    bool stopping = false;

    while (!stopping || w->dev.started) {
        bool more;
        int fired;

        /* Before the rings are served, which shows what is answered by this. */
        if (w->dev.full)
            look_for_space(w, stopping);
        more = !stopping && serve(w, false);
        w->dev.disk.patience_ms = w->dev.full ? 1000 : 0;
        fired = wait_for_work(w, more);
        if (fired < 0)
            worker_die("io_uring: %s", strerror(-fired));
        if (fired & 1)
            take_events_if_any(w);
        if ((fired & 2) && !stopping) {
            /* What is in the rings by now is still done. */
            serve(w, false);
            stopping = true;
            w->dev.wait_when_full = false;
        }
        if (stopping) {
            look_for_space(w, true);
            drain(w);
        }
    }
}

void blk_worker(const void *config)
{
    const struct worker_config *cfg = config;
    int keep[VOLUME_MAX_LAYERS + 1] = {cfg->journal};
    struct worker *w = calloc(1, sizeof(*w));
    int rc;

    for (unsigned int i = 0; i < cfg->nr_layers; i++)
        keep[i + 1] = cfg->layer[i].fd;
    worker_alone(keep, cfg->nr_layers + 1);
    if (!w)
        worker_die("out of memory");
    w->cfg = cfg;
    w->dev.domid = cfg->domid;
    w->dev.limits = cfg->limits;
    w->dev.complain = worker_complain;
    w->dev.wait_when_full = cfg->wait_when_full;
    w->dev.refuse = cfg->refuse;
    open_journal(w);
    open_doors(w);
    open_disk(w);
    for (unsigned int i = 0; i < cfg->nr_queues; i++)
        open_queue(w, i);
    rc = disk_restrict(&w->dev.disk);
    if (!rc)
        rc = sandbox_enter(cfg->user);
    if (rc)
        worker_die("cannot give up rights: %s", strerror(-rc));
    worker_tell(WORKER_CONNECTED, "");
    serve(w, true);
    loop(w);
    volume_close(&w->dev.volume);
    /* The kernel takes back what is mapped and bound. */
}
