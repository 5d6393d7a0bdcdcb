/* SPDX-License-Identifier: MIT */
/* What all connections have in common. See conn.h. */
#include "daemon/conn.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/alloc.h"
#include "daemon/domain.h"
#include "daemon/journal.h"
#include "daemon/ops.h"
#include "daemon/txn.h"
#include "daemon/update.h"
#include "daemon/watch.h"

#define TURN_WORK   64 /* work units a turn may use: 1 a message, more for heavy ones */
#define READ_CHUNK  (16u << 10)
#define REPLY_LIMIT (64u << 10)  /* unread output at which we stop taking requests */
#define EVENT_LIMIT (256u << 10) /* ... at which events fold */
#define KEEP_BYTES  512u         /* an empty buffer of this size is kept */

struct list conns = LIST_INIT(conns);

static struct list graves = LIST_INIT(graves);
static uint32_t next_serial;

void conn_end_turn(struct conn *c)
{
    c->work = TURN_WORK;
}

static size_t bytes_used(const struct bytes *b)
{
    return b->end - b->start;
}

static void bytes_add(struct bytes *b, const void *data, size_t len)
{
    if (b->cap - b->end < len) {
        size_t used = bytes_used(b), cap = b->cap ? b->cap : 128;

        if (b->start)
            memmove(b->data, b->data + b->start, used);
        b->start = 0;
        b->end = (uint32_t)used;
        while (cap < used + len)
            cap *= 2;
        if (cap != b->cap)
            b->data = xrealloc(b->data, cap);
        b->cap = (uint32_t)cap;
    }
    memcpy(b->data + b->end, data, len);
    b->end += (uint32_t)len;
}

static void bytes_take(struct bytes *b, size_t len)
{
    b->start += (uint32_t)len;
    if (b->start != b->end)
        return;
    b->start = b->end = 0;
    if (b->cap > KEEP_BYTES) {
        free(b->data);
        b->data = NULL;
        b->cap = 0;
    }
}

static void bytes_free(struct bytes *b)
{
    free(b->data);
    memset(b, 0, sizeof(*b));
}

/* --- output --- */

static void put_header(struct conn *c, uint32_t type, const struct hv_xsd_sockmsg *to,
                       size_t len)
{
    struct hv_xsd_sockmsg h = {.type = type, .len = (uint32_t)len};

    if (to) {
        h.req_id = to->req_id;
        h.tx_id = to->tx_id;
    }
    bytes_add(&c->out, &h, sizeof(h));
}

void conn_reply(struct conn *c, uint32_t type, const struct hv_xsd_sockmsg *to,
                const void *data, size_t len)
{
    put_header(c, type, to, len);
    bytes_add(&c->out, data, len);
    c->owed += c->domain != NULL;
}

static void put_event(struct conn *c, struct watch *w, const char *path, size_t len)
{
    size_t token_len = strlen(w->token) + 1;

    put_header(c, HV_XS_WATCH_EVENT, NULL, len + 1 + token_len);
    bytes_add(&c->out, path, len);
    bytes_add(&c->out, "", 1);
    bytes_add(&c->out, w->token, token_len);
}

void conn_event(struct conn *c, struct watch *w, const char *path, size_t len)
{
    if (c->dead)
        return;
    if (bytes_used(&c->out) > EVENT_LIMIT) {
        if (list_empty(&w->folded))
            list_append(&c->folded, &w->folded);
        return;
    }
    put_event(c, w, path, len);
    task_queue(&c->task);
}

/* Sends the events that were folded, now that there is room: one for each watch, on its
 * path. */
static void unfold(struct conn *c)
{
    while (!list_empty(&c->folded) && bytes_used(&c->out) <= EVENT_LIMIT / 2) {
        struct watch *w = list_of(c->folded.next, struct watch, folded);
        char path[HV_STORE_ABS_PATH_MAX + 1];
        size_t len = watch_path(w, path);

        list_remove(&w->folded);
        put_event(c, w, path, len);
    }
}

static bool flush(struct conn *c)
{
    while (bytes_used(&c->out)) {
        ssize_t n = c->ops->write(c, c->out.data + c->out.start, bytes_used(&c->out));

        if (n < 0)
            return false;
        if (n == 0)
            break;
        bytes_take(&c->out, (size_t)n);
        if (!list_empty(&c->folded))
            unfold(c);
    }
    return true;
}

/* --- input --- */

/* It does not fetch what it has asked for: no more requests are taken for now. */
static bool owes_us(const struct conn *c)
{
    uint32_t limit = c->owed ? domain_limit(c, QUOTA_OUTSTANDING) : 0;

    return bytes_used(&c->out) > REPLY_LIMIT || (limit && c->owed >= limit);
}

static bool turn_over(const struct conn *c)
{
    return c->dead || c->work >= TURN_WORK || owes_us(c);
}

/*
 * Serves whole messages at data until the turn is over; returns the bytes used up. A
 * message that claims too long a payload kills the connection, as the protocol says.
 */
static size_t serve(struct conn *c, const char *data, size_t len)
{
    size_t at = 0;
    struct hv_xsd_sockmsg h;

    while (len - at >= sizeof(h) && !turn_over(c)) {
        memcpy(&h, data + at, sizeof(h));
        if (h.len > HV_STORE_PAYLOAD_MAX) {
            conn_kill(c, HV_STORE_ERROR_PROTO);
            return len;
        }
        if (len - at - sizeof(h) < h.len)
            break;
        c->requests++;
        c->work++;
        ops_serve(c, &h, data + at + sizeof(h));
        if (c->resumed)
            c->resumed -= c->resumed < sizeof(h) + h.len ? c->resumed : sizeof(h) + h.len;
        at += sizeof(h) + h.len;
    }
    return at;
}

static bool whole_message(const struct conn *c)
{
    struct hv_xsd_sockmsg h;

    if (bytes_used(&c->in) < sizeof(h))
        return false;
    memcpy(&h, c->in.data + c->in.start, sizeof(h));
    return h.len > HV_STORE_PAYLOAD_MAX || bytes_used(&c->in) - sizeof(h) >= h.len;
}

/* Reads once and serves. Most often everything is served from the stack. */
static void take_input(struct conn *c)
{
    char chunk[READ_CHUNK];
    ssize_t n = c->ops->read(c, chunk, sizeof(chunk));
    size_t used = 0;

    if (n < 0) {
        conn_kill(c, HV_STORE_ERROR_COMM);
        return;
    }
    if (bytes_used(&c->in)) {
        bytes_add(&c->in, chunk, (size_t)n);
        used = serve(c, c->in.data + c->in.start, bytes_used(&c->in));
        if (!c->dead)
            bytes_take(&c->in, used);
        return;
    }
    used = serve(c, chunk, (size_t)n);
    if (!c->dead && used < (size_t)n)
        bytes_add(&c->in, chunk + used, (size_t)n - used);
}

static bool turn(struct task *t)
{
    struct conn *c = list_of(t, struct conn, task);
    bool full;

    if (c->dead)
        return false;
    c->work = 0;
    if (whole_message(c)) {
        size_t used = serve(c, c->in.data + c->in.start, bytes_used(&c->in));

        if (!c->dead)
            bytes_take(&c->in, used);
    }
    if (!turn_over(c) && !whole_message(c))
        take_input(c);
    journal_commit();
    if (!c->dead && !flush(c))
        conn_kill(c, HV_STORE_ERROR_COMM);
    if (c->dead)
        return false;
    full = owes_us(c);
    c->ops->settle(c, !full && !whole_message(c), bytes_used(&c->out) != 0);
    return !full && whole_message(c);
}

void conn_wake(struct conn *c)
{
    if (!c->dead)
        task_queue(&c->task);
}

/* --- life --- */

void conn_setup(struct conn *c, const struct conn_ops *ops, uint32_t id)
{
    c->ops = ops;
    c->id = id;
    c->privileged = id == 0;
    c->serial = ++next_serial;
    task_init(&c->task, turn);
    list_init(&c->watches);
    list_init(&c->folded);
    list_init(&c->txns);
    list_append(&conns, &c->all);
}

void conn_reset(struct conn *c)
{
    watch_drop_all(c);
    txn_drop_all(c);
    bytes_free(&c->in);
    bytes_free(&c->out);
    c->owed = 0;
    c->resumed = 0;
}

void conn_restore(struct conn *c, bool output, const void *data, size_t len)
{
    if (len)
        bytes_add(output ? &c->out : &c->in, data, len);
    conn_wake(c);
}

void conn_kill(struct conn *c, uint32_t ring_error)
{
    if (c->dead)
        return;
    c->dead = true;
    task_cancel(&c->task);
    watch_drop_all(c);
    txn_forget_conn(c);
    update_forget(c);
    c->ops->close(c, ring_error);
    list_remove(&c->all);
    list_append(&graves, &c->all);
}

void conn_bury(void)
{
    while (!list_empty(&graves)) {
        struct conn *c = list_of(graves.next, struct conn, all);

        list_remove(&c->all);
        bytes_free(&c->in);
        bytes_free(&c->out);
        c->ops->release(c);
    }
}
