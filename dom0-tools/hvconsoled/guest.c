/* SPDX-License-Identifier: MIT */
/*
 * Connecting to a guest's console and moving bytes. A console is ready when XenStore
 * has its ring and port; we then publish the pseudo-terminal in console/tty, where
 * `hvtool console` and xl's client look for it.
 *
 * Reference: Xen docs, misc/console.txt.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <xenstore.h>

#include "abi/grant_table.h"
#include "daemon/clock.h"
#include "guest.h"

#define DEFAULT_LIMIT (1UL << 20)
#define MAX_LIMIT     (16UL << 20)
/* How long a guest's terminal outlives it for somebody to read it, and how often we look.
 */
#define LINGER_MS      2000
#define LINGER_STEP_MS 20

struct guest *guest_find(struct daemon *d, hv_domid_t domid)
{
    for (struct guest *g = d->guests; g; g = g->next)
        if (g->domid == domid)
            return g;
    return NULL;
}

struct guest *guest_by_port(struct daemon *d, int port)
{
    for (struct guest *g = d->guests; g; g = g->next)
        if (g->connected && g->port == port)
            return g;
    return NULL;
}

static void console_path(const struct guest *g, const char *name, char out[64])
{
    snprintf(out, 64, "/local/domain/%u/%s%s", g->domid, *name ? "console/" : "console",
             name);
}

static char *read_node(struct daemon *d, const struct guest *g, const char *name)
{
    char path[64];

    console_path(g, name, path);
    return xs_read(d->xs, XBT_NULL, path, NULL);
}

static bool read_number(struct daemon *d, const struct guest *g, const char *name,
                        unsigned long long *out)
{
    char *text = read_node(d, g, name), *rest;
    bool ok;

    if (!text)
        return false;
    errno = 0;
    *out = strtoull(text, &rest, 10);
    ok = *text && !*rest && !errno;
    free(text);
    return ok;
}

/* Ours are the consoles that nobody else (a device model) serves. */
static bool is_ours(struct daemon *d, const struct guest *g)
{
    char *type = read_node(d, g, "type");
    bool ours = !type || !strcmp(type, "xenconsoled");

    free(type);
    return ours;
}

static int map_ring(struct daemon *d, struct guest *g, hv_pfn_t frame)
{
    const uint32_t ref = HV_GNTTAB_RESERVED_CONSOLE;
    void *ring;
    int rc = -ENOSYS;

    if (d->grants)
        rc = door_grant_map(d->grants, g->domid, &ref, 1, &ring, &g->grant_index);
    g->granted = !rc;
    if (rc)
        rc = door_map(d->door, g->domid, &frame, 1, &ring);
    if (!rc)
        g->ring = ring;
    return rc;
}

static void unmap_ring(struct daemon *d, struct guest *g)
{
    if (g->granted)
        door_grant_unmap(d->grants, g->ring, 1, g->grant_index);
    else
        door_unmap(g->ring, 1);
}

static void poll_for(struct daemon *d, struct guest *g, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data.ptr = g};

    if (g->polled != events)
        epoll_ctl(d->epoll, EPOLL_CTL_MOD, g->pty.master, &ev);
    g->polled = events;
}

static void open_log(struct daemon *d, struct guest *g)
{
    char path[64], *name;

    snprintf(path, sizeof(path), "/local/domain/%u/name", g->domid);
    name = xs_read(d->xs, XBT_NULL, path, NULL);
    g->log = name ? log_guest_open(name) : -1;
    free(name);
}

static int publish(struct daemon *d, struct guest *g)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = g};
    char path[64];

    if (epoll_ctl(d->epoll, EPOLL_CTL_ADD, g->pty.master, &ev))
        return -errno;
    g->polled = EPOLLIN;
    console_path(g, "tty", path);
    if (!xs_write(d->xs, XBT_NULL, path, g->pty.name, (unsigned int)strlen(g->pty.name)))
        return -errno;
    return 0;
}

static int connect(struct daemon *d, struct guest *g, hv_pfn_t frame)
{
    unsigned long long limit = DEFAULT_LIMIT;
    int rc = map_ring(d, g, frame);

    if (rc)
        return rc;
    rc = door_events_bind(d->events, g->domid, g->remote_port);
    if (rc < 0)
        goto unmap;
    g->port = rc;
    rc = pty_open(&g->pty);
    if (rc)
        goto unbind;
    rc = publish(d, g);
    if (rc)
        goto close_pty;
    if (read_number(d, g, "limit", &limit) && limit > MAX_LIMIT)
        limit = MAX_LIMIT;
    g->out = (struct buffer){.limit = limit};
    open_log(d, g);
    g->connected = true;
    return 0;

close_pty:
    pty_close(&g->pty);
unbind:
    door_events_unbind(d->events, (uint32_t)g->port);
unmap:
    unmap_ring(d, g);
    return rc;
}

static void write_out(struct guest *g)
{
    ssize_t n;

    if (!g->out.len)
        return;
    n = write(g->pty.master, g->out.data + g->out.start, g->out.len);
    if (n > 0)
        buffer_drop(&g->out, (size_t)n);
}

/* All but the terminal. */
static void leave(struct daemon *d, struct guest *g)
{
    g->connected = false;
    if (g->log >= 0)
        close(g->log);
    door_events_unbind(d->events, (uint32_t)g->port);
    unmap_ring(d, g);
}

static void close_terminal(struct guest *g)
{
    buffer_free(&g->out);
    pty_close(&g->pty);
}

static void disconnect(struct daemon *d, struct guest *g)
{
    if (!g->connected)
        return;
    leave(d, g);
    close_terminal(g);
}

void guest_check(struct daemon *d, struct guest *g)
{
    unsigned long long frame, port;
    int rc;

    if (!read_number(d, g, "ring-ref", &frame) || !read_number(d, g, "port", &port) ||
        !is_ours(d, g))
        return;
    if (g->connected && g->remote_port == port)
        return;
    disconnect(d, g);
    g->remote_port = (uint32_t)port;
    rc = connect(d, g, frame);
    if (rc)
        log_line("domain %u: cannot connect its console: %s", g->domid, strerror(-rc));
    else
        guest_work(d, g);
}

void guest_add(struct daemon *d, hv_domid_t domid)
{
    struct guest *g = calloc(1, sizeof(*g));
    char path[64], token[16];

    if (!g)
        return;
    g->domid = domid;
    g->log = -1;
    g->seen = true;
    g->next = d->guests;
    d->guests = g;
    console_path(g, "", path);
    snprintf(token, sizeof(token), "%u", domid);
    /* The watch fires at once, which is when we look for the first time. */
    xs_watch(d->xs, path, token);
}

/* Closing our end of the terminal throws away what its reader has not taken. */
static void linger(struct daemon *d, struct guest *g)
{
    epoll_ctl(d->epoll, EPOLL_CTL_DEL, g->pty.master, NULL);
    leave(d, g);
    g->until = clock_ms() + LINGER_MS;
    g->next = d->leaving;
    d->leaving = g;
}

int guest_leaving(struct daemon *d)
{
    struct guest **at = &d->leaving, *g;
    long long now = clock_ms();

    while ((g = *at)) {
        /* What was written a moment ago may be on its way to where FIONREAD sees it. */
        bool late = now >= g->until, fresh = now + LINGER_MS - LINGER_STEP_MS < g->until;
        int unread = 0;

        write_out(g);
        ioctl(g->pty.slave, FIONREAD, &unread);
        if (!late && (fresh || g->out.len || unread)) {
            at = &g->next;
            continue;
        }
        *at = g->next;
        close_terminal(g);
        free(g);
    }
    return d->leaving ? LINGER_STEP_MS : -1;
}

void guest_remove(struct daemon *d, struct guest *g)
{
    struct guest **at = &d->guests;
    char path[64], token[16];

    console_path(g, "", path);
    snprintf(token, sizeof(token), "%u", g->domid);
    xs_unwatch(d->xs, path, token);
    while (*at != g)
        at = &(*at)->next;
    *at = g->next;
    if (!g->connected) {
        free(g);
        return;
    }
    guest_work(d, g);
    linger(d, g);
}

/* From the terminal to the guest, as much as the ring takes. */
static bool move_input(struct guest *g)
{
    char data[HV_CONSOLE_IN_SIZE];
    size_t room = ring_room(g->ring);
    ssize_t n = room ? read(g->pty.master, data, room) : 0;

    if (n <= 0)
        return false;
    ring_give(g->ring, data, (size_t)n);
    return true;
}

/* From the guest to the terminal. */
static bool move_output(struct guest *g)
{
    char data[HV_CONSOLE_OUT_SIZE];
    size_t len = ring_take(g->ring, data);

    if (len) {
        log_guest_write(g->log, data, len);
        buffer_add(&g->out, data, len);
    }
    write_out(g);
    return len > 0;
}

void guest_work(struct daemon *d, struct guest *g)
{
    bool out = move_output(g), in = move_input(g);

    if (out || in)
        door_events_notify(d->events, (uint32_t)g->port);
    poll_for(d, g, (ring_room(g->ring) ? EPOLLIN : 0) | (g->out.len ? EPOLLOUT : 0));
}
