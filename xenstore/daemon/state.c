/* SPDX-License-Identifier: MIT */
/* Clients on their way to a new daemon. See state.h. */
#include "daemon/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/alloc.h"
#include "daemon/conn.h"
#include "daemon/conn_ring.h"
#include "daemon/conn_socket.h"
#include "daemon/domain.h"
#include "daemon/txn.h"
#include "daemon/watch.h"

#define STATE_MAGIC 0x6574617473736f78u

struct saved_head {
    uint64_t magic;
    uint32_t version, conns;
    int32_t listener;
    uint32_t pad;
};

struct saved_conn {
    int32_t fd; /* negative: the ring of domid */
    uint32_t domid, watches, txns, last_txn, in, out, owed, resumed, asker;
    struct ring_place place;
    struct hv_xsd_sockmsg request; /* of the asker */
};

struct saved_watch {
    uint16_t path_len, base, token_len;
    int16_t depth;
    uint32_t folded;
};

/* --- bytes --- */

void state_put(struct state *s, const void *data, size_t len)
{
    if (s->cap - s->len < len) {
        s->cap = (s->len + len) * 2;
        s->data = xrealloc(s->data, s->cap);
    }
    if (len)
        memcpy(s->data + s->len, data, len);
    s->len += len;
}

const char *state_take(struct state *s, size_t len)
{
    const char *at = s->data + s->at;

    s->bad |= len > s->len - s->at;
    if (s->bad)
        return NULL;
    s->at += len;
    return at;
}

void state_get(struct state *s, void *out, size_t len)
{
    const char *from = state_take(s, len);

    if (from && len)
        memcpy(out, from, len);
    else
        memset(out, 0, len);
}

/* --- saving --- */

static void save_watch(struct state *s, const struct watch *w)
{
    char path[HV_STORE_ABS_PATH_MAX + 1];
    struct saved_watch saved = {
        .path_len = (uint16_t)watch_absolute(w, path),
        .base = w->base,
        .token_len = (uint16_t)(strlen(w->token) + 1),
        .depth = w->depth,
        .folded = !list_empty(&w->folded),
    };

    state_put(s, &saved, sizeof(saved));
    state_put(s, path, saved.path_len);
    state_put(s, w->token, saved.token_len);
}

static void save_conn(struct state *s, struct conn *c, const struct conn *asker,
                      const struct hv_xsd_sockmsg *h)
{
    struct saved_conn saved = {
        .fd = c->domain ? -1 : socket_fd(c),
        .domid = c->id,
        .watches = c->watch_count,
        .txns = c->txn_count,
        .last_txn = c->last_txn,
        .in = c->in.end - c->in.start,
        .out = c->out.end - c->out.start,
        .owed = c->owed,
        .resumed = c->resumed,
        .asker = c == asker,
    };

    if (c->domain)
        ring_place(c, &saved.place);
    else
        fcntl(saved.fd, F_SETFD, 0);
    if (c == asker)
        saved.request = *h;
    state_put(s, &saved, sizeof(saved));
    state_put(s, c->in.data + c->in.start, saved.in);
    state_put(s, c->out.data + c->out.start, saved.out);
    for (struct list *l = c->watches.next; l != &c->watches; l = l->next)
        save_watch(s, list_of(l, struct watch, by_conn));
    for (struct list *l = c->txns.next; l != &c->txns; l = l->next)
        txn_save(s, l);
}

static int write_file(const struct state *s)
{
    int fd = memfd_create("xenstored", 0);
    size_t at = 0;

    while (fd >= 0 && at < s->len) {
        ssize_t n = write(fd, s->data + at, s->len - at);

        if (n <= 0) {
            close(fd);
            return -ENOSPC;
        }
        at += (size_t)n;
    }
    return fd >= 0 ? fd : -errno;
}

int state_save(const struct conn *asker, const struct hv_xsd_sockmsg *h)
{
    struct saved_head head = {
        .magic = STATE_MAGIC, .version = STATE_VERSION, .listener = socket_listener()};
    struct state s = {0};
    int fd;

    for (struct list *l = conns.next; l != &conns; l = l->next)
        head.conns++;
    fcntl(head.listener, F_SETFD, 0);
    state_put(&s, &head, sizeof(head));
    for (struct list *l = conns.next; l != &conns; l = l->next)
        save_conn(&s, list_of(l, struct conn, all), asker, h);
    fd = write_file(&s);
    free(s.data);
    return fd;
}

/* --- loading --- */

static void load_watch(struct state *s, struct conn *c)
{
    struct saved_watch saved;
    const char *path, *token;
    struct watch *w;
    struct xs_path p;

    state_get(s, &saved, sizeof(saved));
    path = state_take(s, saved.path_len);
    token = state_take(s, saved.token_len);
    if (s->bad || saved.path_len > HV_STORE_ABS_PATH_MAX || saved.token_len == 0 ||
        token[saved.token_len - 1])
        return;
    memcpy(p.s, path, saved.path_len);
    p.s[saved.path_len] = '\0';
    p.len = saved.path_len;
    p.base = saved.base;
    if (watch_add(c, &p, token, saved.depth, &w) == 0 && saved.folded)
        list_append(&c->folded, &w->folded);
}

/* NULL if there is none: a domain that has died meanwhile; its state is skipped. */
static struct conn *find_conn(const struct saved_conn *saved)
{
    struct domain *d = saved->fd < 0 ? domain_find(saved->domid) : NULL;

    if (saved->fd >= 0) {
        fcntl(saved->fd, F_SETFD, FD_CLOEXEC);
        return socket_adopt(saved->fd);
    }
    return d ? d->conn : NULL;
}

/* What belongs to nobody is read into a client that is thrown away. */
static struct conn *nobody(void)
{
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
        return NULL;
    close(fds[1]);
    return socket_adopt(fds[0]);
}

static void load_conn(struct state *s)
{
    struct saved_conn saved;
    const char *in, *out;
    struct conn *c, *found;

    state_get(s, &saved, sizeof(saved));
    in = state_take(s, saved.in);
    out = state_take(s, saved.out);
    if (s->bad)
        return;
    found = find_conn(&saved);
    c = found ? found : nobody();
    if (!c) {
        s->bad = true;
        return;
    }
    c->last_txn = saved.last_txn;
    c->owed = saved.owed;
    c->resumed = saved.resumed;
    if (found && saved.fd < 0)
        ring_take_place(c, &saved.place);
    conn_restore(c, false, in, saved.in);
    conn_restore(c, true, out, saved.out);
    for (uint32_t i = 0; i < saved.watches && !s->bad; i++)
        load_watch(s, c);
    for (uint32_t i = 0; i < saved.txns && !s->bad; i++)
        txn_load(s, c);
    if (saved.asker)
        conn_reply(c, HV_XS_CONTROL, &saved.request, "OK", 3);
    if (!found)
        conn_kill(c, 0);
}

static bool read_all(struct state *s)
{
    struct saved_head head;

    state_get(s, &head, sizeof(head));
    if (s->bad || head.magic != STATE_MAGIC || head.version != STATE_VERSION)
        return false;
    fcntl(head.listener, F_SETFD, FD_CLOEXEC);
    if (socket_adopt_listener(head.listener))
        return false;
    for (uint32_t i = 0; i < head.conns && !s->bad; i++)
        load_conn(s);
    return true;
}

bool state_load(int fd)
{
    off_t len = lseek(fd, 0, SEEK_END);
    struct state s = {.len = len > 0 ? (size_t)len : 0};
    bool ok = false;

    s.data = s.len ? mmap(NULL, s.len, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (s.data != MAP_FAILED) {
        ok = read_all(&s);
        munmap(s.data, s.len);
    }
    close(fd);
    return ok;
}
