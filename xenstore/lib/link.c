/* SPDX-License-Identifier: MIT */
/* One connection to the daemon, shared by threads. See link.h. */
#include "lib/link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

struct call {
    struct call *next;
    uint32_t req_id;
    uint32_t type; /* of the reply */
    bool done;
    bool lost;             /* the daemon has gone without an answer */
    struct standing *note; /* of a WATCH or UNWATCH: what it is about */
    char *data;
    size_t len;
};

#define MAX_PARTS         4
#define RETURN_MS         5000 /* how long we wait for another daemon */
#define RETRY_US          10000
#define TX_GENERATION(tx) ((uint8_t)((tx) >> 24))
#define TX_NUMBER(tx)     ((tx)&0xffffffu)

/* --- opening --- */

static int open_socket(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd, saved;

    if (strlen(path) >= sizeof(addr.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(addr.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 &&
        fcntl(fd, F_SETFL, O_NONBLOCK) == 0)
        return fd;
    saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

int link_open(struct link *l, const char *path)
{
    struct stat st;

    memset(l, 0, sizeof(*l));
    l->poll_fd = l->event_fd = -1;
    l->last_event = &l->events;
    if (stat(path, &st))
        return errno;
    l->is_socket = S_ISSOCK(st.st_mode);
    l->fd =
        l->is_socket ? open_socket(path) : open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (l->fd < 0)
        return errno;
    l->path = strdup(path);
    pthread_mutex_init(&l->lock, NULL);
    pthread_mutex_init(&l->send_lock, NULL);
    pthread_cond_init(&l->changed, NULL);
    return 0;
}

void link_close(struct link *l)
{
    while (l->events) {
        struct event *e = l->events;

        l->events = e->next;
        free(e);
    }
    while (l->standing) {
        struct standing *s = l->standing;

        l->standing = s->next;
        free(s);
    }
    free(l->path);
    free(l->body);
    close(l->fd);
    if (l->poll_fd >= 0)
        close(l->poll_fd);
    if (l->event_fd >= 0)
        close(l->event_fd);
    /*
     * The locks are left as they are. In a child of fork a thread that waited here stands
     * in them for ever, and pthread_cond_destroy would wait for it.
     */
}

int link_cut(struct link *l)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int rc = null < 0 ? -1 : dup3(null, l->fd, O_CLOEXEC);

    if (null >= 0)
        close(null);
    l->broken = true;
    free(l->path);
    l->path = NULL;
    return rc < 0 ? -1 : 0;
}

/* --- events --- */

/* Keeps the descriptor that callers poll in step with the queue. Lock held. */
static void signal_events(struct link *l)
{
    uint64_t v = 1;
    ssize_t n;

    if (l->event_fd < 0)
        return;
    if (l->events)
        n = write(l->event_fd, &v, sizeof(v));
    else
        n = read(l->event_fd, &v, sizeof(v));
    (void)n;
}

static int queue_event(struct link *l, const char *data, size_t len)
{
    struct event *e = malloc(sizeof(*e) + len);

    if (!e)
        return ENOMEM;
    e->next = NULL;
    e->len = len;
    memcpy(e->data, data, len);
    *l->last_event = e;
    l->last_event = &e->next;
    if (l->events == e)
        signal_events(l);
    return 0;
}

static struct event *take_event(struct link *l)
{
    struct event *e = l->events;

    if (!e)
        return NULL;
    l->events = e->next;
    if (!l->events) {
        l->last_event = &l->events;
        signal_events(l);
    }
    return e;
}

void link_drop_events(struct link *l, bool (*match)(const struct event *e, void *arg),
                      void *arg)
{
    struct event **at = &l->events, *e;

    pthread_mutex_lock(&l->lock);
    while ((e = *at)) {
        if (match(e, arg)) {
            *at = e->next;
            free(e);
        } else {
            at = &e->next;
        }
    }
    l->last_event = at;
    if (!l->events)
        signal_events(l);
    pthread_mutex_unlock(&l->lock);
}

int link_fileno(struct link *l)
{
    struct epoll_event ev = {.events = EPOLLIN};

    pthread_mutex_lock(&l->lock);
    if (l->poll_fd < 0) {
        l->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        l->poll_fd = epoll_create1(EPOLL_CLOEXEC);
        epoll_ctl(l->poll_fd, EPOLL_CTL_ADD, l->event_fd, &ev);
        epoll_ctl(l->poll_fd, EPOLL_CTL_ADD, l->fd, &ev);
        if (l->events)
            signal_events(l);
    }
    pthread_mutex_unlock(&l->lock);
    return l->poll_fd;
}

/* --- sending --- */

static int send_all(struct link *l, struct iovec *v, unsigned int count)
{
    while (count) {
        ssize_t n;

        if (l->is_socket) {
            struct msghdr m = {.msg_iov = v, .msg_iovlen = count};

            n = sendmsg(l->fd, &m, MSG_NOSIGNAL);
        } else {
            n = write(l->fd, v->iov_base, v->iov_len);
        }
        if (n < 0 && errno == EAGAIN) {
            struct pollfd p = {.fd = l->fd, .events = POLLOUT};

            poll(&p, 1, -1);
            continue;
        }
        if (n < 0 && errno != EINTR)
            return errno;
        for (; count && n >= (ssize_t)v->iov_len; v++, count--)
            n -= (ssize_t)v->iov_len;
        if (count && n > 0) {
            v->iov_base = (char *)v->iov_base + n;
            v->iov_len -= (size_t)n;
        }
    }
    return 0;
}

static int send_request(struct link *l, const struct call *c, uint32_t type, uint32_t tx,
                        const struct iovec *parts, unsigned int count)
{
    struct hv_xsd_sockmsg head = {.type = type, .req_id = c->req_id, .tx_id = tx};
    struct iovec v[MAX_PARTS + 1] = {{&head, sizeof(head)}};
    size_t len = 0;
    int rc = 0;

    for (unsigned int i = 0; i < count; i++) {
        v[i + 1] = parts[i];
        len += parts[i].iov_len;
    }
    if (len > HV_STORE_PAYLOAD_MAX)
        return E2BIG;
    head.len = (uint32_t)len;
    pthread_mutex_lock(&l->send_lock);
    /* One that is lost already will be sent again: the new daemon must not do it twice.
     * It is marked by who holds this lock. */
    if (!c->lost)
        rc = send_all(l, v, count + 1);
    pthread_mutex_unlock(&l->send_lock);
    return rc;
}

/* --- watches that stand --- */

/* Notes what the daemon has said: the watch stands from now on, or not any more. */
static void note_watch(struct link *l, struct call *c, bool set)
{
    struct standing **at = &l->standing, *w = c->note;

    while (*at && ((*at)->len != w->len || memcmp((*at)->data, w->data, w->len) != 0))
        at = &(*at)->next;
    if (set && !*at) {
        *at = w;
        c->note = NULL;
    } else if (!set && *at) {
        w = *at;
        *at = w->next;
        free(w);
    }
}

/* --- reading: called by the reader, without the lock --- */

/* 0: the message is whole; EAGAIN: more has to come; else the connection is lost. */
static int read_some(struct link *l)
{
    for (;;) {
        size_t want = sizeof(l->head), at = l->got;
        char *to = (char *)&l->head;
        ssize_t n;

        if (l->got >= sizeof(l->head)) {
            if (!l->body) {
                if (l->head.len > HV_STORE_PAYLOAD_MAX)
                    return EIO;
                l->body = malloc(l->head.len + 1u);
                if (!l->body)
                    return ENOMEM;
            }
            to = l->body;
            want = l->head.len;
            at = l->got - sizeof(l->head);
            if (at == want)
                return 0;
        }
        n = read(l->fd, to + at, want - at);
        if (n == 0)
            return EPIPE;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        l->got += (size_t)n;
    }
}

/* Hands the message over. Lock held. */
static int deliver(struct link *l)
{
    char *body = l->body;
    struct call **at = &l->calls, *c;
    int rc = 0;

    l->body = NULL;
    l->got = 0;
    body[l->head.len] = '\0';
    if (l->head.type == HV_XS_WATCH_EVENT) {
        rc = queue_event(l, body, l->head.len);
        free(body);
        return rc;
    }
    while ((c = *at) && c->req_id != l->head.req_id)
        at = &c->next;
    if (!c) {
        free(body); /* an answer nobody waits for */
        return 0;
    }
    *at = c->next;
    c->type = l->head.type;
    c->data = body;
    c->len = l->head.len;
    c->done = true;
    if (c->note && (c->type == HV_XS_WATCH || c->type == HV_XS_UNWATCH))
        note_watch(l, c, c->type == HV_XS_WATCH);
    return 0;
}

static void wait_readable(struct link *l)
{
    struct pollfd p = {.fd = l->fd, .events = POLLIN};

    poll(&p, 1, -1);
}

/* --- another daemon --- */

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Puts the new socket in the old one's place and sets the watches again. */
static void replace_socket(struct link *l, int fd)
{
    struct epoll_event ev = {.events = EPOLLIN};

    pthread_mutex_lock(&l->send_lock);
    dup3(fd, l->fd, O_CLOEXEC);
    close(fd);
    free(l->body);
    l->body = NULL;
    l->got = 0;
    pthread_mutex_lock(&l->lock);
    l->generation++;
    l->lost_since = 0;
    if (l->poll_fd >= 0)
        epoll_ctl(l->poll_fd, EPOLL_CTL_ADD, l->fd, &ev);
    for (struct call *c = l->calls; c; c = c->next)
        c->lost = true;
    l->calls = NULL;
    for (struct standing *w = l->standing; w; w = w->next) {
        struct hv_xsd_sockmsg head = {.type = HV_XS_WATCH, .len = (uint32_t)w->len};
        struct iovec v[2] = {{&head, sizeof(head)}, {w->data, w->len}};

        send_all(l, v, 2); /* number 0: nobody waits for the answer */
    }
    pthread_mutex_unlock(&l->lock);
    pthread_mutex_unlock(&l->send_lock);
}

/* Connects, if somebody is there. A thread that is cancelled meanwhile goes when this is
 * done: nothing stays locked or open, and the watches stand. */
static bool connect_anew(struct link *l)
{
    int state, fd;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    fd = open_socket(l->path);
    if (fd >= 0)
        replace_socket(l, fd);
    pthread_setcancelstate(state, NULL);
    return fd >= 0;
}

/* As the reader, without the lock. EAGAIN: connected, or not yet and wait is false. */
static int reconnect(struct link *l, bool wait)
{
    if (!l->is_socket || !l->path)
        return EPIPE;
    if (!l->lost_since)
        l->lost_since = now_ms();
    do {
        if (connect_anew(l))
            return EAGAIN;
        usleep(RETRY_US);
    } while (wait && now_ms() - l->lost_since < RETURN_MS);
    return now_ms() - l->lost_since < RETURN_MS ? EAGAIN : EPIPE;
}

/* --- waiting --- */

/* A reader that is cancelled leaves the place to others. */
static void stop_reading(void *arg)
{
    struct link *l = arg;

    pthread_mutex_lock(&l->lock);
    l->reading = false;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
}

/* A waiting thread that is cancelled leaves the lock free. */
static void unlock(void *lock)
{
    pthread_mutex_unlock(lock);
}

static void read_message(struct link *l, bool wait, int *rc)
{
    pthread_cleanup_push(stop_reading, l);
    if (wait && !l->got) /* an answer takes its time: a read would be in vain */
        wait_readable(l);
    for (;;) {
        uint8_t generation = l->generation;

        *rc = read_some(l);
        if (*rc == EPIPE || *rc == ECONNRESET)
            *rc = reconnect(l, wait);
        if (*rc != EAGAIN || !wait || generation != l->generation)
            break;
        wait_readable(l);
    }
    pthread_cleanup_pop(0);
}

static void wait_change(struct link *l)
{
    pthread_cleanup_push(unlock, &l->lock);
    pthread_cond_wait(&l->changed, &l->lock);
    pthread_cleanup_pop(0);
}

/*
 * Reads one message, or tries to if wait is false, as the one reader. Lock held on entry
 * and exit. Returns EAGAIN if nothing whole has come; sets broken when the connection is
 * lost.
 */
static int read_one(struct link *l, bool wait)
{
    int rc;

    l->reading = true;
    pthread_mutex_unlock(&l->lock);
    read_message(l, wait, &rc);
    pthread_mutex_lock(&l->lock);
    l->reading = false;
    if (rc == 0)
        rc = deliver(l);
    if (rc && rc != EAGAIN)
        l->broken = true;
    pthread_cond_broadcast(&l->changed);
    return rc;
}

struct event *link_event(struct link *l, bool wait)
{
    struct event *e;
    int rc = 0;

    pthread_mutex_lock(&l->lock);
    while (!(e = take_event(l)) && !l->broken && rc == 0) {
        if (!l->reading) {
            rc = read_one(l, wait);
            rc = wait && rc == EAGAIN ? 0 : rc;
        } else if (wait) {
            wait_change(l);
        } else {
            rc = EAGAIN;
        }
    }
    if (!e)
        errno = rc ? rc : EPIPE;
    pthread_mutex_unlock(&l->lock);
    return e;
}

/* --- requests --- */

static void forget_call(struct link *l, struct call *c)
{
    struct call **at = &l->calls;

    while (*at && *at != c)
        at = &(*at)->next;
    if (*at)
        *at = c->next;
}

/* Waits for the answer. Lock held. */
static void await(struct link *l, struct call *c)
{
    while (!c->done && !c->lost && !l->broken) {
        if (l->reading)
            wait_change(l);
        else
            read_one(l, true);
    }
}

static char *result(struct call *c, uint32_t type, size_t *len)
{
    int error = EIO;

    if (c->done && c->type == type) {
        if (len)
            *len = c->len;
        errno = 0; /* some programs look at it without need */
        return c->data;
    }
    if (c->done && c->type == HV_XS_ERROR) {
        error = xs_error_number(c->data, strlen(c->data));
        if (!error)
            error = EINVAL;
    }
    free(c->data);
    errno = error;
    return NULL;
}

/* One try. EAGAIN with *lost: there is another daemon now. */
static int try_call(struct link *l, struct call *c, uint32_t type, uint32_t tx,
                    const struct iovec *parts, unsigned int count)
{
    int rc;

    *c = (struct call){.note = c->note};
    pthread_mutex_lock(&l->lock);
    if (tx && l->is_socket && TX_GENERATION(tx) != l->generation) {
        pthread_mutex_unlock(&l->lock);
        return EAGAIN; /* a transaction of a connection that is no more */
    }
    c->req_id = ++l->next_req;
    c->next = l->calls;
    l->calls = c;
    pthread_mutex_unlock(&l->lock);

    rc = send_request(l, c, type, l->is_socket ? TX_NUMBER(tx) : tx, parts, count);
    if (l->is_socket && (rc == EPIPE || rc == ECONNRESET))
        rc = 0; /* the reader finds out, and sees to it */

    pthread_mutex_lock(&l->lock);
    if (rc == 0)
        await(l, c);
    else if (rc != E2BIG)
        l->broken = true;
    if (!c->done)
        forget_call(l, c);
    pthread_mutex_unlock(&l->lock);
    return rc;
}

/* Transaction numbers carry the connection they belong to. */
static char *mark_transaction(struct link *l, char *reply, size_t *len)
{
    char *marked;
    int n;

    if (!reply || !l->is_socket || !l->generation)
        return reply;
    n = asprintf(&marked, "%lu",
                 strtoul(reply, NULL, 10) | (unsigned long)l->generation << 24);
    free(reply);
    if (n >= 0 && len)
        *len = (size_t)n + 1;
    return n < 0 ? NULL : marked;
}

/* The answer, or NULL with errno. */
static char *make_call(struct link *l, struct call *c, uint32_t type, uint32_t tx,
                       const struct iovec *parts, unsigned int count, size_t *len)
{
    int rc, state;

    /* c lies on a stack: a cancelled thread must not leave it behind in the list. */
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    do
        rc = try_call(l, c, type, tx, parts, count);
    while (rc == 0 && c->lost && !tx);
    pthread_setcancelstate(state, NULL);
    if (rc == 0 && c->lost)
        rc = EAGAIN;
    if (rc) {
        errno = rc;
        return NULL;
    }
    return result(c, type, len);
}

int link_watch(struct link *l, const char *path, const char *token, bool set)
{
    size_t path_len = strlen(path) + 1, len = path_len + strlen(token) + 1;
    struct call c = {.note = malloc(sizeof(*c.note) + len)};
    struct iovec v = {NULL, len};
    char *reply;
    int rc;

    if (!c.note)
        return ENOMEM;
    c.note->next = NULL;
    c.note->len = len;
    memcpy(c.note->data, path, path_len);
    strcpy(c.note->data + path_len, token);
    v.iov_base = c.note->data;
    reply = make_call(l, &c, set ? HV_XS_WATCH : HV_XS_UNWATCH, 0, &v, 1, NULL);
    rc = reply ? 0 : errno;
    free(reply);
    free(c.note);
    return rc;
}

char *link_call(struct link *l, uint32_t type, uint32_t tx, const struct iovec *parts,
                unsigned int count, size_t *len)
{
    struct call c = {0};
    char *reply = make_call(l, &c, type, tx, parts, count, len);

    return type == HV_XS_TRANSACTION_START ? mark_transaction(l, reply, len) : reply;
}
