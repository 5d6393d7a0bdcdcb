/* SPDX-License-Identifier: MIT */
/*
 * Connections over shared pages. See conn_ring.h, and docs/misc/xenstore-ring.txt of Xen.
 *
 * Ordering: a producer index is loaded with acquire before the bytes it covers are copied
 * (pairs with the guest's barrier before it stores the index); our indices are stored
 * with release after the bytes were copied in or out.
 *
 * Guests spare notifications: of a request only if we had read all before it, of a reply
 * taken only if the ring was full. So before we wait, all that was read is marked as
 * read, replies that wait have filled the ring to its last byte, and the guest's indices
 * are looked at once more.
 *
 * So that nothing is lost when we die, requests stay in the ring until their replies are
 * in it. Parts of messages, which cannot wait there, are put into the journal before they
 * move.
 */
#include "daemon/conn_ring.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/alloc.h"
#include "daemon/domain.h"
#include "daemon/hv.h"
#include "daemon/journal.h"
#include "daemon/log.h"

struct ring_conn {
    struct conn c;
    struct ring_conn *next; /* in by_port */
    struct hv_store_domain_interface *page;
    uint32_t port;
    bool moved;        /* an index has changed since the last notification */
    uint32_t cons;     /* how far we have read; the ring's own index follows in settle */
    uint32_t out_left; /* of a reply that goes in in parts */
    bool out_event;    /* ... which is not one but an event */
    char *held; /* of a request that was taken in part, up to held_cons: see hold */
    uint32_t held_len, held_cons;
};

/* A ring that is not served. */
struct broken {
    struct broken *next;
    struct domain *d;
    struct hv_store_domain_interface *page;
    uint32_t port;
};
static struct broken *broken;

#define PORT_BUCKETS 256u
static struct ring_conn *by_port[PORT_BUCKETS];

static struct ring_conn *of(struct conn *c)
{
    return list_of(c, struct ring_conn, c);
}

static uint32_t load(const uint32_t *index)
{
    return __atomic_load_n(index, __ATOMIC_ACQUIRE);
}

static void store_index(uint32_t *index, uint32_t v)
{
    __atomic_store_n(index, v, __ATOMIC_RELEASE);
}

static ssize_t ring_read(struct conn *c, void *buf, size_t len)
{
    struct ring_conn *r = of(c);
    struct hv_store_domain_interface *p = r->page;
    uint32_t avail = load(&p->req_prod) - r->cons;
    uint32_t at = r->cons % HV_STORE_RING_SIZE, first = HV_STORE_RING_SIZE - at;

    if (avail > HV_STORE_RING_SIZE) {
        conn_kill(c, HV_STORE_ERROR_RINGIDX);
        return 0;
    }
    if (avail > len)
        avail = (uint32_t)len;
    if (first > avail)
        first = avail;
    memcpy(buf, p->req + at, first);
    memcpy((char *)buf + first, p->req, avail - first);
    r->cons += avail;
    return avail;
}

static void put(struct ring_conn *r, uint32_t prod, const char *buf, uint32_t len)
{
    struct hv_store_domain_interface *p = r->page;
    uint32_t at = prod % HV_STORE_RING_SIZE, first = HV_STORE_RING_SIZE - at;

    if (first > len)
        first = len;
    memcpy(p->rsp + at, buf, first);
    memcpy(p->rsp, buf + first, len - first);
    store_index(&p->rsp_prod, prod + len);
    r->moved = true;
}

/* One message, or what fits of it: then the ring is full. */
static ssize_t ring_write(struct conn *c, const void *buf, size_t len)
{
    struct ring_conn *r = of(c);
    uint32_t prod = load(&r->page->rsp_prod), full = prod - load(&r->page->rsp_cons);
    uint32_t room = HV_STORE_RING_SIZE - full;
    struct hv_xsd_sockmsg h;

    if (full > HV_STORE_RING_SIZE) {
        conn_kill(c, HV_STORE_ERROR_RINGIDX);
        return 0;
    }
    if (room == 0)
        return 0;
    if (r->out_left == 0) {
        memcpy(&h, buf, sizeof(h));
        r->out_left = (uint32_t)sizeof(h) + h.len;
        r->out_event = h.type == HV_XS_WATCH_EVENT;
        if (r->out_left > room) {
            journal_output(c->id, prod, buf, r->out_left);
            journal_commit();
        }
    }
    if (room > r->out_left)
        room = r->out_left;
    put(r, prod, buf, room);
    r->out_left -= room;
    if (r->out_left == 0 && !r->out_event && c->owed)
        c->owed--;
    return room;
}

/* The journal must not lose these bytes while the guest's ring says that we have them. */
static void hold(struct ring_conn *r, uint32_t cons, const void *data, uint32_t len)
{
    free(r->held);
    r->held = len ? xmemdup(data, len) : NULL;
    r->held_len = len;
    r->held_cons = cons;
}

/* Tells the guest how far its requests have been read. */
static void publish(struct ring_conn *r, uint32_t cons)
{
    if (cons == load(&r->page->req_cons))
        return;
    if (r->held && r->held_cons != cons)
        hold(r, cons, NULL, 0);
    store_index(&r->page->req_cons, cons);
    r->moved = true;
}

/*
 * What the guest has done without a notification, because it saw an older index of ours.
 * Linux has no barrier between storing its own index and loading ours: that store may
 * still be on its way for some nanoseconds. The call that notifies takes longer, so this
 * comes after it.
 */
static bool guest_has_moved(struct ring_conn *r, bool want_read, bool want_write)
{
    struct hv_store_domain_interface *p = r->page;

    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (want_write)
        return load(&p->rsp_prod) - load(&p->rsp_cons) != HV_STORE_RING_SIZE;
    return want_read && load(&p->req_prod) != r->cons;
}

static void ring_settle(struct conn *c, bool want_read, bool want_write)
{
    struct ring_conn *r = of(c);
    uint32_t left = c->in.end - c->in.start;

    if (!want_write && !want_read) {
        publish(r, r->cons - left); /* whole requests wait for our next turn */
    } else if (!want_write) {
        if (left) {
            hold(r, r->cons, c->in.data + c->in.start, left);
            journal_input(c->id, r->cons, r->held, left);
            journal_commit();
        }
        publish(r, r->cons);
    }
    if (r->moved)
        hv_notify(r->port);
    r->moved = false;
    if (guest_has_moved(r, want_read, want_write))
        conn_wake(c);
}

void ring_restore(struct conn *c, bool output, uint32_t index, const void *data,
                  size_t len)
{
    struct ring_conn *r = of(c);
    uint32_t written = load(&r->page->rsp_prod) - index;

    if (!output) {
        if (r->cons != index)
            return;
        hold(r, index, data, (uint32_t)len);
        conn_restore(c, false, data, len);
        c->resumed += (uint32_t)len;
        return;
    }
    if (written == 0 || written >= len)
        return; /* not begun: the request is served again; or done */
    r->out_left = (uint32_t)len - written;
    conn_restore(c, true, (const char *)data + written, r->out_left);
}

void ring_hold(struct conn *c, uint32_t index, const void *data, size_t len)
{
    struct ring_conn *r = of(c);

    if (load(&r->page->req_cons) == index)
        hold(r, index, data, (uint32_t)len);
}

void ring_under_way(struct conn *c, struct ring_part *in, struct ring_part *out)
{
    const struct ring_conn *r = of(c);

    *in = (struct ring_part){r->held_cons, r->held, r->held_len};
    *out = (struct ring_part){load(&r->page->rsp_prod), c->out.data + c->out.start,
                              r->out_left};
}

void ring_place(struct conn *c, struct ring_place *out)
{
    const struct ring_conn *r = of(c);

    *out = (struct ring_place){r->cons, r->out_left, r->out_event};
}

void ring_take_place(struct conn *c, const struct ring_place *place)
{
    struct ring_conn *r = of(c);

    r->cons = place->cons;
    r->out_left = place->out_left;
    r->out_event = place->out_event != 0;
}

static void forget_port(struct ring_conn *r)
{
    struct ring_conn **at = &by_port[r->port % PORT_BUCKETS];

    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
}

static void give_up(struct ring_conn *r, uint32_t ring_error)
{
    struct broken *b = xzalloc(sizeof(*b));

    if (log_may_say(&r->c.domain->said_broken))
        log_say("domain %u: its ring is broken (error %u); it is not served any more",
                r->c.id, ring_error);
    *b = (struct broken){broken, r->c.domain, r->page, r->port};
    broken = b;
    journal_reset(r->c.id);
    store_index(&r->page->error, ring_error);
    hv_notify(r->port);
}

static void ring_close(struct conn *c, uint32_t ring_error)
{
    struct ring_conn *r = of(c);

    forget_port(r);
    if (ring_error) {
        give_up(r, ring_error);
    } else {
        hv_unbind(r->port);
        hv_unmap_ring(r->page);
    }
    c->domain->conn = NULL;
}

void ring_forget_broken(const struct domain *d)
{
    struct broken **at = &broken;

    while (*at) {
        struct broken *b = *at;

        if (b->d != d) {
            at = &b->next;
            continue;
        }
        *at = b->next;
        hv_unbind(b->port);
        hv_unmap_ring(b->page);
        free(b);
    }
}

static void ring_release(struct conn *c)
{
    free(of(c)->held);
    free(of(c));
}

static const struct conn_ops ring_ops = {
    .read = ring_read,
    .write = ring_write,
    .settle = ring_settle,
    .close = ring_close,
    .release = ring_release,
};

struct conn *ring_connect(struct domain *d, struct hv_store_domain_interface *page,
                          uint32_t local_port)
{
    struct ring_conn *r = xzalloc(sizeof(*r));

    r->page = page;
    r->port = local_port;
    r->cons = load(&page->req_cons);
    r->next = by_port[local_port % PORT_BUCKETS];
    by_port[local_port % PORT_BUCKETS] = r;
    conn_setup(&r->c, &ring_ops, d->domid);
    r->c.domain = d;
    page->error = HV_STORE_ERROR_NONE;
    page->server_features = d->features;
    store_index(&page->connection, HV_STORE_CONNECTED);
    hv_notify(local_port);
    conn_wake(&r->c);
    return &r->c;
}

void ring_rebind(struct conn *c, uint32_t local_port)
{
    struct ring_conn *r = of(c);

    forget_port(r);
    hv_unbind(r->port);
    r->port = local_port;
    r->next = by_port[local_port % PORT_BUCKETS];
    by_port[local_port % PORT_BUCKETS] = r;
    store_index(&r->page->connection, HV_STORE_CONNECTED);
    hv_notify(local_port);
    conn_wake(c);
}

static void empty_ring(struct hv_store_domain_interface *p)
{
    p->req_cons = p->req_prod = p->rsp_cons = p->rsp_prod = 0;
}

/* The guest asks for an empty ring and a clean slate. */
static void reconnect(struct ring_conn *r)
{
    struct hv_store_domain_interface *p = r->page;

    conn_reset(&r->c);
    journal_reset(r->c.id);
    r->cons = r->out_left = 0;
    hold(r, 0, NULL, 0);
    empty_ring(p);
    p->error = HV_STORE_ERROR_NONE;
    store_index(&p->connection, HV_STORE_CONNECTED);
    hv_notify(r->port);
}

uint32_t ring_waiting(struct conn *c)
{
    return load(&of(c)->page->req_prod) - of(c)->cons;
}

void ring_describe(struct conn *c, char *out, size_t size)
{
    const struct hv_store_domain_interface *p = of(c)->page;

    snprintf(
        out, size,
        "port %u, requests %u to %u (read to %u), replies %u to %u, held %u in %u out",
        of(c)->port, load(&p->req_cons), load(&p->req_prod), of(c)->cons,
        load(&p->rsp_cons), load(&p->rsp_prod), c->in.end - c->in.start,
        c->out.end - c->out.start);
}

/* The guest may want to begin anew on a ring that was given up. */
static bool repair(struct broken **at)
{
    struct broken *b = *at;

    if (load(&b->page->connection) != HV_STORE_RECONNECT)
        return false;
    *at = b->next;
    empty_ring(b->page);
    b->d->conn = ring_connect(b->d, b->page, b->port);
    free(b);
    return true;
}

bool ring_event(uint32_t local_port)
{
    for (struct ring_conn *r = by_port[local_port % PORT_BUCKETS]; r; r = r->next) {
        if (r->port != local_port)
            continue;
        if (load(&r->page->connection) == HV_STORE_RECONNECT)
            reconnect(r);
        conn_wake(&r->c);
        return true;
    }
    for (struct broken **at = &broken; *at; at = &(*at)->next) {
        if ((*at)->port == local_port)
            return repair(at);
    }
    return false;
}
