/* SPDX-License-Identifier: MIT */
/* See peer.h. */
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct peer {
    int fd; /* the socket, or the fake hypervisor's queue of events */
    struct hv_store_domain_interface *page;
    uint32_t domid;
    size_t got;
    char buf[sizeof(struct hv_xsd_sockmsg) + HV_STORE_PAYLOAD_MAX];
};

struct peer *peer_socket(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct peer *p = calloc(1, sizeof(*p));

    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
    p->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(p->fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
        return p;
    close(p->fd);
    free(p);
    return NULL;
}

struct peer *peer_ring(const char *dir, unsigned int domid)
{
    struct peer *p = calloc(1, sizeof(*p));
    char name[256];
    int fd;

    snprintf(name, sizeof(name), "%s/ring.%u", dir, domid);
    fd = open(name, O_RDWR | O_CREAT, 0600);
    if (fd < 0 || ftruncate(fd, 4096))
        abort();
    p->page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    snprintf(name, sizeof(name), "%s/events", dir);
    p->fd = open(name, O_RDWR | O_CLOEXEC);
    p->domid = domid;
    return p;
}

void peer_close(struct peer *p)
{
    if (p->page)
        munmap(p->page, 4096);
    close(p->fd);
    free(p);
}

int peer_fd(struct peer *p)
{
    return p->fd;
}

struct hv_store_domain_interface *peer_page(struct peer *p)
{
    return p->page;
}

void peer_kick(struct peer *p)
{
    uint32_t port = 100 + p->domid;

    if (write(p->fd, &port, sizeof(port)) != sizeof(port))
        abort();
}

static size_t ring_put(struct peer *p, const char *data, size_t len)
{
    struct hv_store_domain_interface *r = p->page;
    uint32_t cons = __atomic_load_n(&r->req_cons, __ATOMIC_ACQUIRE);
    uint32_t before = r->req_prod;
    size_t n = 0;

    while (n < len && r->req_prod + n - cons < HV_STORE_RING_SIZE) {
        r->req[(r->req_prod + n) % HV_STORE_RING_SIZE] = data[n];
        n++;
    }
    __atomic_store_n(&r->req_prod, r->req_prod + (uint32_t)n, __ATOMIC_SEQ_CST);
    /* As Linux does: who has not read what was there before will look again by itself. */
    if (n && __atomic_load_n(&r->req_cons, __ATOMIC_SEQ_CST) == before)
        peer_kick(p);
    return n;
}

static size_t ring_get(struct peer *p, char *data, size_t len)
{
    struct hv_store_domain_interface *r = p->page;
    uint32_t prod = __atomic_load_n(&r->rsp_prod, __ATOMIC_ACQUIRE);
    uint32_t before = r->rsp_cons;
    size_t n = 0;

    while (n < len && r->rsp_cons + n != prod) {
        data[n] = r->rsp[(r->rsp_cons + n) % HV_STORE_RING_SIZE];
        n++;
    }
    __atomic_store_n(&r->rsp_cons, r->rsp_cons + (uint32_t)n, __ATOMIC_SEQ_CST);
    /* As Linux does: only a full ring has kept the other side from writing. */
    if (n &&
        __atomic_load_n(&r->rsp_prod, __ATOMIC_SEQ_CST) - before >= HV_STORE_RING_SIZE)
        peer_kick(p);
    return n;
}

bool peer_send_raw(struct peer *p, const void *data, size_t len)
{
    const char *from = data;

    for (int tries = 0; len && tries < 20000; tries++) {
        ssize_t n = p->page ? (ssize_t)ring_put(p, from, len)
                            : send(p->fd, from, len, MSG_NOSIGNAL);

        if (n < 0)
            return false;
        if (p->page && n == 0)
            usleep(100);
        from += n;
        len -= (size_t)n;
    }
    return len == 0;
}

bool peer_send(struct peer *p, uint32_t type, uint32_t req, uint32_t tx, const void *data,
               size_t len)
{
    char buf[sizeof(struct hv_xsd_sockmsg) + 65536];
    struct hv_xsd_sockmsg h = {type, req, tx, (uint32_t)len};

    memcpy(buf, &h, sizeof(h));
    memcpy(buf + sizeof(h), data, len);
    if (p->page) /* as Linux does */
        return peer_send_raw(p, buf, sizeof(h)) && peer_send_raw(p, data, len);
    return peer_send_raw(p, buf, sizeof(h) + len);
}

static bool take(struct peer *p, struct message *m)
{
    if (p->got < sizeof(m->h))
        return false;
    memcpy(&m->h, p->buf, sizeof(m->h));
    if (m->h.len > HV_STORE_PAYLOAD_MAX || p->got - sizeof(m->h) < m->h.len)
        return false;
    memcpy(m->data, p->buf + sizeof(m->h), m->h.len);
    m->data[m->h.len] = '\0';
    p->got -= sizeof(m->h) + m->h.len;
    memmove(p->buf, p->buf + sizeof(m->h) + m->h.len, p->got);
    return true;
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool peer_receive(struct peer *p, struct message *m, int ms)
{
    int64_t end = now_ms() + ms;

    while (!take(p, m)) {
        int64_t left = end - now_ms();
        ssize_t n;

        if (p->page) {
            /* Given up by the daemon: what is not there by now does not come. */
            bool over = __atomic_load_n(&p->page->error, __ATOMIC_ACQUIRE);

            n = (ssize_t)ring_get(p, p->buf + p->got, sizeof(p->buf) - p->got);
            if (n == 0 && (over || left <= 0))
                return false;
            if (n == 0)
                usleep(50);
        } else {
            struct pollfd pfd = {.fd = p->fd, .events = POLLIN};

            if (poll(&pfd, 1, left > 0 ? (int)left : 0) <= 0)
                return false;
            n = recv(p->fd, p->buf + p->got, sizeof(p->buf) - p->got, MSG_DONTWAIT);
            if (n <= 0)
                return false;
        }
        p->got += (size_t)n;
    }
    return true;
}

/* --- daemons --- */

void beside(char *out, size_t size, const char *argv0, const char *name)
{
    const char *slash = strrchr(argv0, '/');

    snprintf(out, size, "%.*s%s", slash ? (int)(slash - argv0 + 1) : 0, argv0, name);
}

pid_t daemon_start(char *const argv[], const char *dir)
{
    char path[256];
    pid_t pid;

    snprintf(path, sizeof(path), "%s/socket", dir);
    unlink(path);
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setenv("XENSTORED_RUNDIR", dir, 1);
        execv(argv[0], argv);
        perror(argv[0]);
        _exit(127);
    }
    for (int i = 0; i < 3000; i++) {
        struct peer *p = peer_socket(path);

        if (p) {
            peer_close(p);
            return pid;
        }
        usleep(10000);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return -1;
}

void daemon_stop(pid_t pid)
{
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
}

long daemon_resident_kb(pid_t pid)
{
    char name[64];
    long total, pages = 0;
    FILE *f;

    snprintf(name, sizeof(name), "/proc/%d/statm", pid);
    f = fopen(name, "r");
    if (f && fscanf(f, "%ld %ld", &total, &pages) != 2)
        pages = 0;
    if (f)
        fclose(f);
    return pages * 4;
}
