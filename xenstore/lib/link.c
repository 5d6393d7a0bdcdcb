/* SPDX-License-Identifier: MIT */
/* One connection to the daemon, shared by threads. See link.h. */
#include "lib/link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct call {
    struct call *next;
    uint32_t req_id;
    uint32_t type; /* of the reply */
    bool done;
    char *data;
    size_t len;
};

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
    l->fd = l->is_socket ? open_socket(path) : open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (l->fd < 0)
        return errno;
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
    free(l->body);
    close(l->fd);
    if (l->poll_fd >= 0)
        close(l->poll_fd);
    if (l->event_fd >= 0)
        close(l->event_fd);
    pthread_mutex_destroy(&l->lock);
    pthread_mutex_destroy(&l->send_lock);
    pthread_cond_destroy(&l->changed);
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

void link_drop_events(struct link *l, bool (*match)(const struct event *e, void *arg), void *arg)
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
    return 0;
}

static void wait_readable(struct link *l)
{
    struct pollfd p = {.fd = l->fd, .events = POLLIN};

    poll(&p, 1, -1);
}

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
    while ((*rc = read_some(l)) == EAGAIN && wait)
        wait_readable(l);
    pthread_cleanup_pop(0);
}

static void wait_change(struct link *l)
{
    pthread_cleanup_push(unlock, &l->lock);
    pthread_cond_wait(&l->changed, &l->lock);
    pthread_cleanup_pop(0);
}

/*
 * Reads one message, or tries to if wait is false, as the one reader. Lock held on entry and
 * exit. Returns EAGAIN if nothing whole has come; sets broken when the connection is lost.
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

#define MAX_PARTS 4

static int send_request(struct link *l, uint32_t type, uint32_t tx, uint32_t req,
                        const struct iovec *parts, unsigned int count)
{
    struct hv_xsd_sockmsg head = {.type = type, .req_id = req, .tx_id = tx};
    struct iovec v[MAX_PARTS + 1] = {{&head, sizeof(head)}};
    size_t len = 0;
    int rc;

    for (unsigned int i = 0; i < count; i++) {
        v[i + 1] = parts[i];
        len += parts[i].iov_len;
    }
    if (len > HV_STORE_PAYLOAD_MAX)
        return E2BIG;
    head.len = (uint32_t)len;
    pthread_mutex_lock(&l->send_lock);
    rc = send_all(l, v, count + 1);
    pthread_mutex_unlock(&l->send_lock);
    if (rc && rc != E2BIG) {
        pthread_mutex_lock(&l->lock);
        l->broken = true;
        pthread_mutex_unlock(&l->lock);
    }
    return rc;
}

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
    while (!c->done && !l->broken) {
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

char *link_call(struct link *l, uint32_t type, uint32_t tx, const struct iovec *parts,
                unsigned int count, size_t *len)
{
    struct call c = {0};
    int rc, state;

    /* c lies on this stack: a cancelled thread must not leave it behind in the list. */
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    pthread_mutex_lock(&l->lock);
    c.req_id = ++l->next_req;
    c.next = l->calls;
    l->calls = &c;
    pthread_mutex_unlock(&l->lock);

    rc = send_request(l, type, tx, c.req_id, parts, count);

    pthread_mutex_lock(&l->lock);
    if (rc == 0)
        await(l, &c);
    if (!c.done)
        forget_call(l, &c);
    pthread_mutex_unlock(&l->lock);
    pthread_setcancelstate(state, NULL);
    if (rc) {
        errno = rc;
        return NULL;
    }
    return result(&c, type, len);
}
