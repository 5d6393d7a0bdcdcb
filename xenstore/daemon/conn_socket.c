/* SPDX-License-Identifier: MIT */
/* Connections over the Unix socket. See conn_socket.h. */
#include "daemon/conn_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/alloc.h"
#include "daemon/conn.h"
#include "daemon/log.h"

static void accept_ready(struct source *s, uint32_t events);

static int listener = -1;
static struct source listening = {.ready = accept_ready};
static bool full; /* no descriptor was left for a client: it waits for one */

struct socket_conn {
    struct conn c;
    struct source source;
    int fd;
    uint32_t interest;
};

static struct socket_conn *of(struct conn *c)
{
    return list_of(c, struct socket_conn, c);
}

static ssize_t sock_read(struct conn *c, void *buf, size_t len)
{
    ssize_t n = recv(of(c)->fd, buf, len, MSG_DONTWAIT);

    if (n > 0)
        return n;
    return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

static ssize_t sock_write(struct conn *c, const void *buf, size_t len)
{
    ssize_t n = send(of(c)->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n >= 0)
        return n;
    return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

static void sock_settle(struct conn *c, bool want_read, bool want_write)
{
    struct socket_conn *s = of(c);
    uint32_t interest = (want_read ? EPOLLIN : 0u) | (want_write ? EPOLLOUT : 0u);

    if (interest == s->interest)
        return;
    s->interest = interest;
    loop_change_fd(s->fd, interest, &s->source);
}

static void sock_close(struct conn *c, uint32_t ring_error)
{
    loop_forget_fd(of(c)->fd);
    close(of(c)->fd);
    socket_look_again();
}

static void sock_release(struct conn *c)
{
    free(of(c));
}

static const struct conn_ops socket_ops = {
    .read = sock_read,
    .write = sock_write,
    .settle = sock_settle,
    .close = sock_close,
    .release = sock_release,
};

static void sock_ready(struct source *s, uint32_t events)
{
    struct socket_conn *sc = list_of(s, struct socket_conn, source);

    if (events & (EPOLLHUP | EPOLLERR) && !(events & EPOLLIN)) {
        conn_kill(&sc->c, 0);
        return;
    }
    conn_wake(&sc->c);
}

/* --- listening --- */

struct conn *socket_adopt(int fd)
{
    struct socket_conn *sc = xzalloc(sizeof(*sc));

    sc->fd = fd;
    sc->source.ready = sock_ready;
    sc->interest = EPOLLIN;
    if (loop_watch_fd(fd, EPOLLIN, &sc->source)) {
        free(sc);
        return NULL;
    }
    conn_setup(&sc->c, &socket_ops, 0);
    return &sc->c;
}

int socket_fd(struct conn *c)
{
    return of(c)->fd;
}

void socket_look_again(void)
{
    if (full)
        loop_change_fd(listener, EPOLLIN, &listening);
    full = false;
}

static void accept_ready(struct source *s, uint32_t events)
{
    static int64_t said;
    int fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (!socket_adopt(fd))
            close(fd);
    }
    if (errno != EMFILE && errno != ENFILE)
        return;
    if (log_may_say(&said))
        log_say("too many open files: a client has to wait");
    full = true;
    loop_change_fd(listener, 0, &listening);
    loop_want_lull();
}

static bool somebody_listens(const struct sockaddr_un *addr)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc = connect(fd, (const struct sockaddr *)addr, sizeof(*addr));

    close(fd);
    return rc == 0;
}

int socket_listener(void)
{
    return listener;
}

int socket_adopt_listener(int fd)
{
    listener = fd;
    return loop_watch_fd(listener, EPOLLIN, &listening);
}

int socket_listen(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    mode_t mask;
    int rc;

    if (strlen(path) >= sizeof(addr.sun_path))
        return -ENAMETOOLONG;
    strcpy(addr.sun_path, path);
    if (somebody_listens(&addr))
        return -EADDRINUSE;
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0)
        return -errno;
    unlink(path);
    mask = umask(0177);
    rc = bind(listener, (struct sockaddr *)&addr, sizeof(addr)) || listen(listener, 1024);
    rc = rc ? -errno : 0;
    umask(mask);
    return rc ? rc : socket_adopt_listener(listener);
}
