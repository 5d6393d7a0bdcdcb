/* SPDX-License-Identifier: MIT */
/* See consfront.h. */
#include <errno.h>

#include "abi/io/xenbus.h"
#include "consfront.h"

static void take_page(struct consfront *c, struct hv_console_interface *page, int port)
{
    c->page = page;
    c->port = port;
    c->out_prod = __atomic_load_n(&page->out_prod, __ATOMIC_RELAXED);
    c->in_cons = __atomic_load_n(&page->in_cons, __ATOMIC_RELAXED);
}

void consfront_boot(struct consfront *c, struct hv_console_interface *page, uint32_t port)
{
    take_page(c, page, (int)port);
    c->state = CONSFRONT_RUNNING;
}

static void close_down(struct consfront *c)
{
    if (c->port >= 0)
        front_event_close((uint32_t)c->port);
    c->port = -1;
    /* A page that the back end still has mapped stays granted, and is not used again. */
    if (c->page && !front_revoke(c->ref))
        front_pages_free(c->page, 1);
    c->page = NULL;
}

static int open_up(struct consfront *c, void (*woken)(void *arg), void *arg)
{
    struct hv_console_interface *page = front_pages(1);
    int ref = page ? front_grant(c->bus.dom, page, false) : -ENOMEM;
    int port;

    if (ref < 0) {
        if (page)
            front_pages_free(page, 1);
        return ref;
    }
    c->ref = (uint32_t)ref;
    port = front_event_open(c->bus.dom, woken, arg);
    take_page(c, page, port < 0 ? -1 : port);
    return port < 0 ? port : 0;
}

int consfront_start(struct consfront *c, const char *front, void (*woken)(void *arg),
                    void *arg)
{
    int rc = bus_find(&c->bus, front);

    c->port = -1;
    rc = rc ? rc : open_up(c, woken, arg);
    rc = rc ? rc : bus_write(&c->bus, "ring-ref", c->ref);
    rc = rc ? rc : bus_write(&c->bus, "port", (uint64_t)c->port);
    rc = rc ? rc : bus_say(&c->bus, HV_XENBUS_STATE_INITIALISED);
    if (rc) {
        close_down(c);
        c->state = CONSFRONT_GONE;
        return rc;
    }
    consfront_look(c);
    return 0;
}

void consfront_look(struct consfront *c)
{
    uint64_t back = bus_back(&c->bus, "state", HV_XENBUS_STATE_UNKNOWN);

    if (c->state == CONSFRONT_GONE)
        return;
    if (back == HV_XENBUS_STATE_CONNECTED) {
        c->state = CONSFRONT_RUNNING;
        bus_say(&c->bus, HV_XENBUS_STATE_CONNECTED);
    } else if (back == HV_XENBUS_STATE_CLOSING || back == HV_XENBUS_STATE_CLOSED) {
        c->state = CONSFRONT_GONE;
        close_down(c);
        bus_say(&c->bus, HV_XENBUS_STATE_CLOSED);
    }
}

/* How far their index is behind or before ours; more than the ring holds cannot be. */
static bool is_possible(struct consfront *c, uint32_t distance, uint32_t size)
{
    if (distance <= size)
        return true;
    c->state = CONSFRONT_GONE;
    return false;
}

size_t consfront_write(struct consfront *c, const char *data, size_t size)
{
    uint32_t used;
    size_t n = 0;

    if (c->state != CONSFRONT_RUNNING)
        return 0;
    used = c->out_prod - __atomic_load_n(&c->page->out_cons, __ATOMIC_ACQUIRE);
    if (!is_possible(c, used, HV_CONSOLE_OUT_SIZE))
        return 0;
    for (; n < size && used < HV_CONSOLE_OUT_SIZE; n++, used++)
        c->page->out[c->out_prod++ % HV_CONSOLE_OUT_SIZE] = data[n];
    __atomic_store_n(&c->page->out_prod, c->out_prod, __ATOMIC_RELEASE);
    c->moved |= n;
    return n;
}

size_t consfront_read(struct consfront *c, char *data, size_t size)
{
    uint32_t left;
    size_t n = 0;

    if (c->state != CONSFRONT_RUNNING)
        return 0;
    left = __atomic_load_n(&c->page->in_prod, __ATOMIC_ACQUIRE) - c->in_cons;
    if (!is_possible(c, left, HV_CONSOLE_IN_SIZE))
        return 0;
    for (; n < size && left; n++, left--)
        data[n] = c->page->in[c->in_cons++ % HV_CONSOLE_IN_SIZE];
    __atomic_store_n(&c->page->in_cons, c->in_cons, __ATOMIC_RELEASE);
    c->moved |= n;
    return n;
}

void consfront_kick(struct consfront *c)
{
    if (c->moved && c->port >= 0)
        front_event_send((uint32_t)c->port);
    c->moved = false;
}
