/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/backend.h"
#include "common/worker.h"
#include "daemon/log.h"

#define MAX_TRIES   600 /* 30 s, as often as backend_tick() asks for */
#define MAX_CRASHES 5   /* of a device's workers, after which it is closed */

static void say(const struct device *dev, const char *what, const char *why)
{
    log_line("domain %u, %s %u: %s%s%s", dev->domid, dev->daemon->class->what, dev->devid,
             what, *why ? ": " : "", why);
}

static void switch_to(struct device *dev, unsigned int state)
{
    int rc = xenbus_switch(dev->daemon->xs, dev->back, state);

    if (rc && rc != -ENOENT)
        say(dev, "cannot write its state to XenStore", strerror(-rc));
}

/* The worker serves. If the device's end was asked for meanwhile that stands. */
static void connected(struct device *dev)
{
    struct xenbus_node node = {"state", ""};

    snprintf(node.value, sizeof(node.value), "%u", HV_XENBUS_STATE_CONNECTED);
    if (xenbus_state(dev->daemon->xs, dev->back) != HV_XENBUS_STATE_CLOSING)
        xenbus_write_on(dev->daemon->xs, dev->back, &node, 1);
}

static void worker_ready(struct loop_source *source);

static void let_go(struct device *dev)
{
    const struct backend_class *class = dev->daemon->class;

    if (dev->is_open)
        class->close(dev);
    dev->is_open = false;
    if (class->forget)
        class->forget(dev);
}

/* Requests that nobody will do any more are answered. */
static void refuse(struct device *dev)
{
    dev->owes = false;
    dev->control.ready = worker_ready;
    if (dev->daemon->class->refuse(dev)) {
        let_go(dev);
        return;
    }
    dev->refusing = true;
    dev->phase = DEVICE_STARTING;
    loop_add(&dev->daemon->loop, &dev->control);
}

/* Tells the guest and the tools that this does not go on. */
static void fail(struct device *dev, const char *what, const char *why)
{
    struct xenbus_node nodes[3] = {
        {"hotplug-status", "error"}, {"hotplug-error", ""}, {"state", ""}};

    say(dev, what, why);
    snprintf(nodes[1].value, sizeof(nodes[1].value), "%.90s%s%.90s", what,
             *why ? ": " : "", why);
    snprintf(nodes[2].value, sizeof(nodes[2].value), "%u", HV_XENBUS_STATE_CLOSING);
    dev->owes = dev->daemon->class->refuse && dev->connected;
    xenbus_write(dev->daemon->xs, dev->back, nodes, 3);
    dev->phase = DEVICE_FAILED;
    if (!dev->owes)
        let_go(dev);
    else if (!dev->worker)
        refuse(dev);
}

static void closed(struct device *dev)
{
    let_go(dev);
    dev->connected = dev->owes = dev->refusing = false;
    dev->phase = DEVICE_CLOSED;
    switch_to(dev, HV_XENBUS_STATE_CLOSED);
}

/* The worker's last words, or just words. */
static void hear(struct device *dev, char *line)
{
    for (char *at = line; *at; at++)
        if (*at < ' ' || *at > '~')
            *at = '?';
    if (*line == WORKER_SAYS) {
        say(dev, line + 1, "");
    } else if (*line == WORKER_BROKEN && dev->phase != DEVICE_STOPPING) {
        fail(dev, "closed", line + 1);
    } else if (*line == WORKER_CONNECTED && dev->phase == DEVICE_STARTING) {
        dev->phase = DEVICE_SERVING;
        dev->connected = true;
        if (!dev->refusing)
            connected(dev);
    }
}

static void start(struct device *dev, bool recover);

static void crashed(struct device *dev, int status)
{
    /* Who kills it from outside may do so as often as he likes. */
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        dev->crashes++;
    if (dev->crashes > MAX_CRASHES) {
        fail(dev, "closed", "its worker crashes again and again");
    } else {
        say(dev, "its worker has ended", "starting another");
        /* Before one was connected there was nothing to go on with. */
        start(dev, dev->connected);
    }
}

static void worker_ended(struct device *dev)
{
    int status = 0;

    loop_remove(&dev->daemon->loop, &dev->control);
    close(dev->control.fd);
    waitpid(dev->worker, &status, 0);
    dev->worker = 0;
    if (dev->phase == DEVICE_STOPPING) {
        dev->phase = DEVICE_DOWN;
        switch_to(dev, HV_XENBUS_STATE_CLOSING);
    } else if (dev->phase == DEVICE_FAILED && dev->owes) {
        refuse(dev);
    } else if (dev->phase != DEVICE_FAILED && dev->refusing) {
        let_go(dev);
        dev->phase = DEVICE_FAILED;
    } else if (dev->phase == DEVICE_STARTING || dev->phase == DEVICE_SERVING) {
        crashed(dev, status);
    }
    device_check(dev);
}

static void worker_ready(struct loop_source *source)
{
    struct device *dev =
        (struct device *)((char *)source - offsetof(struct device, control));
    char line[WORKER_MAX_LINE];
    ssize_t n = read(source->fd, line, sizeof(line) - 1);

    if (n > 0) {
        line[n] = 0;
        hear(dev, line);
    } else if (!n || (errno != EINTR && errno != EAGAIN)) {
        worker_ended(dev);
    }
}

static void start(struct device *dev, bool recover)
{
    const char *why;

    dev->control.ready = worker_ready;
    why = dev->daemon->class->start(dev, recover);
    if (why) {
        fail(dev, recover ? "cannot go on" : "the guest's driver cannot be served", why);
        return;
    }
    dev->phase = DEVICE_STARTING;
    loop_add(&dev->daemon->loop, &dev->control);
}

static void stop_worker(struct device *dev)
{
    dev->phase = DEVICE_STOPPING;
    shutdown(dev->control.fd, SHUT_WR);
}

void offer_number(struct offer *o, const char *name, uint64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, value);
    offer_text(o, name, text);
}

void offer_text(struct offer *o, const char *name, const char *value)
{
    struct xenbus_node *node = &o->node[o->nr++];

    node->name = name;
    snprintf(node->value, sizeof(node->value), "%s", value);
}

static void offer(struct device *dev)
{
    struct offer o = {.nr = 0};
    int rc;

    dev->daemon->class->offer(dev, &o);
    offer_text(&o, "hotplug-status", "connected");
    offer_number(&o, "state", HV_XENBUS_STATE_INIT_WAIT);
    rc = xenbus_write_on(dev->daemon->xs, dev->back, o.node, o.nr);
    dev->phase = DEVICE_READY;
    /* The watch that tells of its end is still to fire. */
    if (rc && rc != -ECANCELED)
        fail(dev, "cannot write to XenStore", strerror(-rc));
}

/* offered: a daemon before us had it. */
static void begin(struct device *dev, bool offered)
{
    const char *why = "";
    char what[200];
    int rc = dev->daemon->class->open(dev, what, &why);

    dev->is_open = !rc;
    if (rc == -EBUSY && (offered || dev->connected) && dev->tries++ < MAX_TRIES)
        /* A worker has still to end, and the kernel what it began. */
        dev->phase = DEVICE_WAITING;
    else if (rc)
        fail(dev, what, why);
    else if (dev->connected)
        start(dev, true);
    else
        offer(dev);
}

/* Of a daemon before us. That the device is to close the front end may not have heard
 * yet. */
static bool was_connected(unsigned int front, unsigned int back)
{
    return front == HV_XENBUS_STATE_CONNECTED &&
           (back == HV_XENBUS_STATE_CONNECTED || back == HV_XENBUS_STATE_CLOSING);
}

static void check_idle(struct device *dev, unsigned int front, unsigned int back,
                       bool unplug)
{
    bool front_down = front == HV_XENBUS_STATE_CLOSING || front == HV_XENBUS_STATE_CLOSED;
    bool fresh = dev->phase == DEVICE_NEW || dev->phase == DEVICE_WAITING;

    if (fresh)
        dev->connected = was_connected(front, back);
    if ((unplug && !dev->connected) || front_down)
        closed(dev);
    else if (fresh)
        begin(dev, back == HV_XENBUS_STATE_INIT_WAIT);
    else if (front == HV_XENBUS_STATE_INITIALISED || front == HV_XENBUS_STATE_CONNECTED)
        start(dev, false);
}

static void check_served(struct device *dev, unsigned int front)
{
    const struct backend_class *class = dev->daemon->class;

    if (front == HV_XENBUS_STATE_CLOSING || front == HV_XENBUS_STATE_CLOSED ||
        front == HV_XENBUS_STATE_INITIALISING || front == HV_XENBUS_STATE_UNKNOWN)
        stop_worker(dev);
    else if (class->changed)
        class->changed(dev);
}

static bool has_gone(struct device *dev)
{
    char *frontend = xenbus_read(dev->daemon->xs, dev->back, "frontend");

    free(frontend);
    return !frontend;
}

/* Its folder was removed. With a worker, this comes again when the worker has ended. */
static void forget(struct device *dev)
{
    if (dev->worker) {
        if (dev->phase != DEVICE_STOPPING)
            stop_worker(dev);
        return;
    }
    let_go(dev);
    dev->gone = true;
}

void device_check(struct device *dev)
{
    struct xs_handle *xs = dev->daemon->xs;
    unsigned int front = xenbus_state(xs, dev->front), back = xenbus_state(xs, dev->back);
    uint64_t online = 0;
    bool unplug;

    if (has_gone(dev)) {
        forget(dev);
        return;
    }
    xenbus_number(xs, dev->back, "online", 1, &online);
    unplug = !online && (back == HV_XENBUS_STATE_CLOSING || !front);
    switch (dev->phase) {
    case DEVICE_NEW:
    case DEVICE_WAITING:
    case DEVICE_READY:
        check_idle(dev, front, back, unplug);
        break;
    case DEVICE_STARTING:
    case DEVICE_SERVING:
        check_served(dev, front);
        break;
    case DEVICE_STOPPING:
        break;
    case DEVICE_DOWN:
        /* Initialising: another driver has come in the guest. */
        if (front == HV_XENBUS_STATE_CLOSED || front == HV_XENBUS_STATE_UNKNOWN ||
            front == HV_XENBUS_STATE_INITIALISING)
            closed(dev);
        break;
    case DEVICE_FAILED:
        if (!dev->worker && (unplug || front == HV_XENBUS_STATE_CLOSED ||
                             front == HV_XENBUS_STATE_UNKNOWN))
            closed(dev);
        break;
    case DEVICE_CLOSED:
        if (online && front == HV_XENBUS_STATE_INITIALISING) {
            dev->phase = DEVICE_NEW;
            dev->crashes = 0;
            check_idle(dev, front, back, false);
        } else if (unplug && back != HV_XENBUS_STATE_CLOSED) {
            switch_to(dev, HV_XENBUS_STATE_CLOSED);
        }
        break;
    }
}
