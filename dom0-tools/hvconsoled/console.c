/* SPDX-License-Identifier: MIT */
/*
 * Connecting a console and moving its bytes. Of the guest's first console XenStore has
 * the ring and port before it runs; a further one is a device, whose driver in the guest
 * says where they are, by XenBus's states. A pseudo-terminal is published in the node
 * `tty`, where `hvtool console` and xl's client look for it.
 *
 * Bytes leave the ring when they are in the backlog and in the log, in this order, so
 * that a daemon may be killed anywhere: the next one finds them in the ring or there.
 *
 * Reference: Xen docs, misc/console.txt.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <xenstore.h>

#include "abi/grant_table.h"
#include "abi/io/xenbus.h"
#include "daemon/clock.h"
#include "guest.h"

#define DEFAULT_LIMIT (1UL << 20)
#define MAX_LIMIT     (16UL << 20)
/* How long a guest's terminal outlives it for somebody to read it, and how often we look.
 */
#define LINGER_MS      2000
#define LINGER_STEP_MS 20
/* When to see whether what was written to a terminal has been read: then, and after twice
 * that, and so on, until it is not worth it. */
#define FIRST_LOOK_MS  20
#define LAST_LOOK_MS   1280

#define MAX_COMPLAINTS 10

struct console *console_new(hv_domid_t domid, unsigned int devid)
{
    struct console *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    c->domid = domid;
    c->devid = devid;
    c->polled_fd = -1;
    return c;
}

/* --- XenStore --- */

/* The guest's folder, which it may write if the console is a device. */
static void front_path(const struct console *c, const char *name, char out[96])
{
    if (c->devid)
        snprintf(out, 96, "/local/domain/%u/device/console/%u/%s", c->domid, c->devid,
                 name);
    else
        snprintf(out, 96, "/local/domain/%u/console/%s", c->domid, name);
}

/* Ours, where the guest cannot write. */
static void back_path(const struct console *c, const char *name, char out[96])
{
    snprintf(out, 96, "/local/domain/0/backend/console/%u/%u/%s", c->domid, c->devid,
             name);
}

static char *read_front(struct daemon *d, const struct console *c, const char *name)
{
    char path[96];

    front_path(c, name, path);
    return xs_read(d->xs, XBT_NULL, path, NULL);
}

static char *read_back(struct daemon *d, const struct console *c, const char *name)
{
    char path[96];

    back_path(c, name, path);
    return xs_read(d->xs, XBT_NULL, path, NULL);
}

/* Frees the text. */
static bool to_number(char *text, unsigned long long *out)
{
    char *rest;
    bool ok;

    if (!text)
        return false;
    errno = 0;
    *out = strtoull(text, &rest, 10);
    ok = *text && !*rest && !errno;
    free(text);
    return ok;
}

static unsigned int state_of(char *text)
{
    unsigned long long state;

    return to_number(text, &state) && state < 16 ? (unsigned int)state
                                                 : HV_XENBUS_STATE_UNKNOWN;
}

/* Writes a node if another one is there, so that nothing comes back of what the tools
 * have just removed. */
static void write_beside(struct daemon *d, const char *beside, const char *path,
                         const char *text)
{
    bool again = true;

    while (again) {
        xs_transaction_t t = xs_transaction_start(d->xs);
        char *there = t != XBT_NULL ? xs_read(d->xs, t, beside, NULL) : NULL;
        bool wrote = there && xs_write(d->xs, t, path, text, (unsigned int)strlen(text));

        free(there);
        again = t != XBT_NULL && !xs_transaction_end(d->xs, t, !wrote) && wrote &&
                errno == EAGAIN;
    }
}

static void set_state(struct daemon *d, const struct console *c, unsigned int state)
{
    char path[96], text[4];

    if (state_of(read_back(d, c, "state")) == state)
        return;
    back_path(c, "state", path);
    snprintf(text, sizeof(text), "%u", state);
    write_beside(d, path, path, text);
}

static bool text_is(char *text, const char *want, bool if_none)
{
    bool is = text ? !strcmp(text, want) : if_none;

    free(text);
    return is;
}

/* Others serve those of device models. A device's type must stand where only dom0 writes
 * it. */
static bool is_ours(struct daemon *d, const struct console *c)
{
    return c->devid ? text_is(read_back(d, c, "type"), "xenconsoled", false)
                    : text_is(read_front(d, c, "type"), "xenconsoled", true);
}

/* --- what users see --- */

static int open_end(struct daemon *d, struct console *c)
{
    char *path = read_back(d, c, "path");
    int rc;

    if (c->devid && text_is(read_back(d, c, "connection"), "socket", false))
        rc = end_open_socket(&c->end, path ? path : "");
    else
        rc = end_open_pty(&c->end);
    free(path);
    return rc;
}

static int open_backlog(struct daemon *d, struct console *c)
{
    unsigned long long limit = DEFAULT_LIMIT;
    char path[256], *vm;
    int rc;

    if (!c->devid && to_number(read_front(d, c, "limit"), &limit) && limit > MAX_LIMIT)
        limit = MAX_LIMIT;
    snprintf(path, sizeof(path), "/local/domain/%u/vm", c->domid);
    vm = xs_read(d->xs, XBT_NULL, path, NULL);
    snprintf(path, sizeof(path), "%.200s/%u-%u", d->run_dir, c->domid, c->devid);
    rc = backlog_open(&c->backlog, path, vm ? vm : "", (uint32_t)limit);
    free(vm);
    return rc;
}

/* The guest's first console is logged; what goes through channels are no lines. */
static void open_log(struct daemon *d, struct console *c)
{
    char path[64], *name = NULL;

    snprintf(path, sizeof(path), "/local/domain/%u/name", c->domid);
    if (!c->devid)
        name = xs_read(d->xs, XBT_NULL, path, NULL);
    log_guest_open(&c->log, name, &c->backlog);
    free(name);
}

/* For xl where it looks, and for us where the guest cannot write. */
static void publish(struct daemon *d, struct console *c)
{
    char path[96], beside[96];

    if (c->end.is_socket)
        return;
    front_path(c, "tty", path);
    front_path(c, c->devid ? "state" : "ring-ref", beside);
    write_beside(d, beside, path, c->end.name);
    back_path(c, "tty", path);
    back_path(c, "state", beside);
    if (c->devid)
        write_beside(d, beside, path, c->end.name);
}

static int open_console(struct daemon *d, struct console *c)
{
    int rc = open_end(d, c);

    if (rc)
        return rc;
    rc = open_backlog(d, c);
    if (rc) {
        end_close(&c->end);
        return rc;
    }
    open_log(d, c);
    publish(d, c);
    c->opened = true;
    return 0;
}

static void close_console(struct daemon *d, struct console *c)
{
    char path[256];

    snprintf(path, sizeof(path), "%.200s/%u-%u", d->run_dir, c->domid, c->devid);
    unlink(path);
    log_guest_close(&c->log);
    backlog_close(&c->backlog);
    end_close(&c->end);
    c->opened = false;
}

/* --- the guest's end --- */

static int map_ring(struct daemon *d, struct console *c, unsigned long long frame)
{
    const uint32_t ref = c->devid ? (uint32_t)frame : HV_GNTTAB_RESERVED_CONSOLE;
    void *ring;
    int rc = -ENOSYS;

    if (d->grants && frame <= UINT32_MAX)
        rc = door_grant_map(d->grants, c->domid, &ref, 1, &ring, &c->grant_index);
    c->granted = !rc;
    /* A device's is always granted. */
    if (rc && !c->devid)
        rc = door_map(d->door, c->domid, &(hv_pfn_t){frame}, 1, &ring);
    if (!rc)
        c->ring = ring;
    return rc;
}

static void unmap_ring(struct daemon *d, struct console *c)
{
    if (c->granted)
        door_grant_unmap(d->grants, c->ring, 1, c->grant_index);
    else
        door_unmap(c->ring, 1);
}

static int connect_ring(struct daemon *d, struct console *c, unsigned long long frame)
{
    const struct backlog_head *h = c->backlog.head;
    int rc = map_ring(d, c, frame);

    if (rc)
        return rc;
    rc = door_events_bind(d->events, c->domid, c->remote_port);
    if (rc < 0) {
        unmap_ring(d, c);
        return rc;
    }
    c->port = rc;
    c->connected = true;
    if (h->end)
        ring_free_again(c->ring, h->base + (uint32_t)h->end);
    return 0;
}

static void disconnect_ring(struct daemon *d, struct console *c)
{
    if (!c->connected)
        return;
    c->connected = false;
    door_events_unbind(d->events, (uint32_t)c->port);
    unmap_ring(d, c);
}

/* --- moving bytes --- */

/* What there is to wait for of users. Nothing must not be waited for: a peer that has
 * gone is an event that does not end. */
static void poll_for_users(struct daemon *d, struct console *c)
{
    bool room = c->connected && ring_room(c->ring);
    bool more = c->backlog.given < c->backlog.head->end;
    struct epoll_event ev = {.data.ptr = c};
    int fd = c->end.fd >= 0 ? c->end.fd : c->end.listener;

    ev.events = (room || fd == c->end.listener ? EPOLLIN : 0U) |
                (more && fd == c->end.fd ? EPOLLOUT : 0U);
    fd = ev.events ? fd : -1;
    /* A peer that was hung up on took its place with it. */
    if (fd != c->polled_fd && c->polled_fd >= 0)
        epoll_ctl(d->epoll, EPOLL_CTL_DEL, c->polled_fd, NULL);
    if (fd != c->polled_fd && fd >= 0)
        epoll_ctl(d->epoll, EPOLL_CTL_ADD, fd, &ev);
    else if (fd >= 0 && c->polled != ev.events)
        epoll_ctl(d->epoll, EPOLL_CTL_MOD, fd, &ev);
    c->polled_fd = fd;
    c->polled = ev.events;
}

/* From users to the guest, as much as the ring takes. */
static bool move_input(struct console *c)
{
    char data[HV_CONSOLE_IN_SIZE];
    size_t room = c->connected ? ring_room(c->ring) : 0;
    ssize_t n = room && c->end.fd >= 0 ? read(c->end.fd, data, room) : -1;

    if (!n && c->end.is_socket)
        end_hang_up(&c->end);
    if (n <= 0)
        return false;
    ring_give(c->ring, data, (size_t)n);
    return true;
}

/* From the guest to what is kept of it. */
static bool take_output(struct console *c)
{
    char data[HV_CONSOLE_OUT_SIZE];
    uint32_t at;
    size_t len = c->connected ? ring_peek(c->ring, data, &at) : 0;

    if (!len)
        return false;
    backlog_add(&c->backlog, data, len, at);
    log_guest_write(&c->log, &c->backlog, data, len);
    ring_free(c->ring, at + (uint32_t)len);
    return true;
}

/* Forgets what has been read. */
static void look(struct console *c)
{
    struct backlog *b = &c->backlog;

    if (b->given > b->head->seen && !end_unread(&c->end))
        __atomic_store_n(&b->head->seen, b->given, __ATOMIC_RELEASE);
}

static void look_later(struct console *c, int ms)
{
    c->look_after = ms;
    c->look_at = ms <= LAST_LOOK_MS ? clock_ms() + ms : 0;
}

/* From there to users. */
static void give_output(struct console *c)
{
    struct backlog *b = &c->backlog;
    char data[4096];
    ssize_t done = 1;
    bool any = false;

    look(c);
    while (c->end.fd >= 0 && done > 0 && b->given < b->head->end) {
        size_t len = backlog_copy(b, b->given, data, sizeof(data));

        if (!len)
            b->given = b->head->end;
        done = len ? write(c->end.fd, data, len) : 0;
        if (done < 0 && errno != EAGAIN && c->end.is_socket)
            end_hang_up(&c->end);
        if (done > 0)
            b->given += (uint64_t)done;
        any |= done > 0;
    }
    if (any)
        look_later(c, FIRST_LOOK_MS);
}

void console_work(struct daemon *d, struct console *c)
{
    bool out, in;

    if (!c->opened)
        return;
    end_accept(&c->end);
    out = take_output(c);
    give_output(c);
    in = move_input(c);
    if (out || in)
        door_events_notify(d->events, (uint32_t)c->port);
    poll_for_users(d, c);
}

/* --- coming and going --- */

/* A guest may fail as often as it likes, but not fill the system's log. */
static void fail(struct console *c, const char *what, int rc)
{
    c->failed = true;
    if (c->failures++ < MAX_COMPLAINTS)
        log_line("domain %u, console %u: cannot %s: %s", c->domid, c->devid, what,
                 strerror(-rc));
}

/* The ring and port that XenStore has, if they are not those that are connected. */
static void connect_to(struct daemon *d, struct console *c)
{
    unsigned long long frame, port;
    int rc = 0;

    if (!to_number(read_front(d, c, "ring-ref"), &frame) ||
        !to_number(read_front(d, c, "port"), &port) || port > UINT32_MAX)
        return;
    if (c->connected && c->remote_port == port)
        return;
    disconnect_ring(d, c);
    c->remote_port = (uint32_t)port;
    if (!c->opened)
        rc = open_console(d, c);
    if (rc) {
        fail(c, "open it", rc);
        return;
    }
    rc = connect_ring(d, c, frame);
    if (rc)
        fail(c, "map its ring and bind its event channel", rc);
}

/* By the states of XenBus: the guest's driver goes first. */
static void follow_driver(struct daemon *d, struct console *c, unsigned int front)
{
    switch (front) {
    case HV_XENBUS_STATE_INITIALISING:
        c->failed = false;
        disconnect_ring(d, c);
        set_state(d, c, HV_XENBUS_STATE_INIT_WAIT);
        break;
    case HV_XENBUS_STATE_INITIALISED:
    case HV_XENBUS_STATE_CONNECTED:
        if (!c->failed)
            connect_to(d, c);
        set_state(d, c, c->failed ? HV_XENBUS_STATE_CLOSED : HV_XENBUS_STATE_CONNECTED);
        break;
    case HV_XENBUS_STATE_CLOSING:
    case HV_XENBUS_STATE_CLOSED:
        console_work(d, c);
        disconnect_ring(d, c);
        set_state(d, c, HV_XENBUS_STATE_CLOSED);
        break;
    default:
        break;
    }
}

static void check_device(struct daemon *d, struct console *c)
{
    int rc = c->opened ? 0 : open_console(d, c);

    if (rc)
        fail(c, "open it", rc);
    if (c->opened)
        follow_driver(d, c, state_of(read_front(d, c, "state")));
}

void console_check(struct daemon *d, struct console *c)
{
    if (!is_ours(d, c))
        return;
    if (c->devid)
        check_device(d, c);
    else
        connect_to(d, c);
    console_work(d, c);
}

void console_leave(struct daemon *d, struct console *c)
{
    if (!c->opened) {
        free(c);
        return;
    }
    console_work(d, c);
    if (c->polled_fd >= 0)
        epoll_ctl(d->epoll, EPOLL_CTL_DEL, c->polled_fd, NULL);
    /* The guest's next life may want the same socket. */
    end_stop_listening(&c->end);
    disconnect_ring(d, c);
    c->until = clock_ms() + LINGER_MS;
    c->next = d->leaving;
    d->leaving = c;
}

/* Closing our end of a terminal throws away what its reader has not taken. */
static int leaving_due(struct daemon *d, long long now)
{
    struct console **at = &d->leaving, *c;

    while ((c = *at)) {
        give_output(c);
        if (now < c->until && (c->backlog.head->seen < c->backlog.head->end)) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        close_console(d, c);
        free(c);
    }
    return d->leaving ? LINGER_STEP_MS : -1;
}

int consoles_due(struct daemon *d)
{
    long long now = clock_ms();
    int wait = leaving_due(d, now);

    for (struct guest *g = d->guests; g; g = g->next) {
        for (struct console *c = g->consoles; c; c = c->next) {
            if (c->look_at && now >= c->look_at) {
                look(c);
                look_later(c, c->backlog.given > c->backlog.head->seen
                                  ? 2 * c->look_after
                                  : LAST_LOOK_MS + 1);
            }
            if (c->look_at && (wait < 0 || c->look_at - now < wait))
                wait = c->look_at > now ? (int)(c->look_at - now) : 0;
        }
    }
    return wait;
}
