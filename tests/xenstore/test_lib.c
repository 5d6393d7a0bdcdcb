/* SPDX-License-Identifier: MIT */
/* The client library against our daemon: threads, events, long lists, and a daemon that
 * dies. */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/xenstore.h"
#include "peer.h"
#include "wire/xs_msg.h"

static char dir[] = "/tmp/xs-lib-XXXXXX", daemon_path[4096];
static char *const args[] = {daemon_path, "-N", "--no-domains", "--rundir", dir, NULL};
static pid_t pid;
static int number;

static void check(bool ok, const char *name)
{
    printf("%sok %d - %s%s%s\n", ok ? "" : "not ", ++number, name, ok ? "" : ": ",
           ok ? "" : strerror(errno));
}

static bool put(struct xs_handle *h, xs_transaction_t t, const char *path,
                const char *value)
{
    return xs_write(h, t, path, value, (unsigned int)strlen(value));
}

static bool holds(struct xs_handle *h, const char *path, const char *value)
{
    unsigned int len;
    char *v = xs_read(h, XBT_NULL, path, &len);
    bool same = v && len == strlen(value) && strcmp(v, value) == 0;

    free(v);
    return same;
}

/* Waits for an event on path; other events are dropped. */
static bool hears(struct xs_handle *h, const char *path, int ms)
{
    struct pollfd p = {.fd = xs_fileno(h), .events = POLLIN};
    time_t end = time(NULL) + ms / 1000 + 1;

    while (time(NULL) <= end) {
        char **e = xs_check_watch(h);
        bool same = e && strcmp(e[0], path) == 0;

        if (!e && errno != EAGAIN)
            return false;
        free(e);
        if (same)
            return true;
        if (!e && poll(&p, 1, ms) <= 0)
            return false;
    }
    return false;
}

static int threads(void)
{
    DIR *d = opendir("/proc/self/task");
    int n = -2;

    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static void basics(struct xs_handle *h)
{
    char **names, path[64];
    unsigned int num = 0, len = 7;
    struct xs_permissions perms[2] = {{0, XS_PERM_NONE},
                                      {5, XS_PERM_READ | XS_PERM_WRITE}},
                          *p;
    void *value;

    check(put(h, 0, "/lib/a", "value") && holds(h, "/lib/a", "value"),
          "a value is read back");
    value = xs_read(h, 0, "/tool", &len);
    check(value && len == 0, "an empty value is not a failure");
    free(value);
    check(!xs_read(h, 0, "/none", &len) && errno == ENOENT, "errors come as errno");
    check(xs_set_permissions(h, 0, "/lib/a", perms, 2), "permissions are set");
    p = xs_get_permissions(h, 0, "/lib/a", &num);
    check(p && num == 2 && p[1].id == 5 && p[1].perms == 3, "permissions are read back");
    free(p);
    for (int i = 0; i < 2000; i++) {
        sprintf(path, "/lib/long/child-number-%d", i);
        put(h, 0, path, "x");
    }
    names = xs_directory(h, 0, "/lib/long", &num);
    check(names && num == 2000, "a list longer than a message is whole");
    free(names);
    xs_rm(h, 0, "/lib/long");
    check(xs_path_is_subpath("/a", "/a/b") && !xs_path_is_subpath("/a", "/ab"),
          "subpaths");
    check(!xs_write(h, 0, "/lib/a", "", 5000) && errno == E2BIG &&
              holds(h, "/lib/a", "value"),
          "too long a value is refused, and the connection lives");
}

static void events(struct xs_handle *h)
{
    char **e;
    unsigned int num = 0;
    int before = threads();

    check(xs_watch(h, "/lib/w", "token") && hears(h, "/lib/w", 20000),
          "a watch fires at once");
    put(h, 0, "/lib/w/x", "1");
    e = xs_read_watch(h, &num);
    check(e && num == 2 && strcmp(e[0], "/lib/w/x") == 0 && strcmp(e[1], "token") == 0,
          "an event has its path and token");
    free(e);
    put(h, 0, "/lib/w/y", "1");
    holds(h, "/lib/w/y", "1");
    check(hears(h, "/lib/w/y", 20000), "an event that came before a reply is not lost");
    check(threads() == before, "no thread is made behind the program's back");
    check(xs_unwatch(h, "/lib/w", "token"), "a watch is taken back");
}

/* --- threads --- */

#define THREADS 4
#define WRITES  500

static void *worker(void *arg)
{
    struct xs_handle *h = arg;
    static int next;
    int me = __atomic_add_fetch(&next, 1, __ATOMIC_RELAXED);
    char path[64], value[16];
    long bad = 0;

    for (int i = 0; i < WRITES; i++) {
        sprintf(path, "/lib/t/%d", me);
        sprintf(value, "%d", i);
        bad += !put(h, 0, path, value) || !holds(h, path, value);
    }
    return (void *)bad;
}

static void *listener(void *arg)
{
    struct xs_handle *h = arg;
    unsigned int num;
    long n = 0;

    for (;;) {
        char **e = xs_read_watch(h, &num);
        bool last = e && strcmp(e[0], "/lib/t/end") == 0;

        free(e);
        if (!e || last)
            return (void *)n;
        n++;
    }
}

static void many_threads(struct xs_handle *h)
{
    pthread_t t[THREADS], l;
    void *bad, *heard;
    long sum = 0;

    xs_watch(h, "/lib/t", "t");
    pthread_create(&l, NULL, listener, h);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&t[i], NULL, worker, h);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(t[i], &bad);
        sum += (long)bad;
    }
    put(h, 0, "/lib/t/end", "");
    pthread_join(l, &heard);
    check(sum == 0, "four threads share a handle");
    check((long)heard == THREADS * WRITES + 1, "a fifth hears of every change they make");
    xs_unwatch(h, "/lib/t", "t");
}

static void cancelled(struct xs_handle *h)
{
    pthread_t l;

    pthread_create(&l, NULL, listener, h);
    usleep(50000);
    pthread_cancel(l);
    pthread_join(l, NULL);
    check(holds(h, "/lib/a", "value"),
          "a cancelled reader does not leave the handle locked");
}

static void forked(struct xs_handle *h)
{
    pthread_t reader, waiting;
    int status;
    pid_t child;

    /* One of them reads for both, the other one waits for it. */
    pthread_create(&reader, NULL, listener, h);
    pthread_create(&waiting, NULL, listener, h);
    usleep(100000);
    child = fork();
    if (child == 0) {
        alarm(60);
        xs_daemon_destroy_postfork(h);
        h = xs_open(0);
        _exit(h && holds(h, "/lib/a", "value") ? 0 : 1);
    }
    waitpid(child, &status, 0);
    check(status == 0 && holds(h, "/lib/a", "value"),
          "parent and child go on after fork, whatever other threads were at");
    pthread_cancel(reader);
    pthread_join(reader, NULL);
    pthread_cancel(waiting);
    pthread_join(waiting, NULL);
}

/* --- a daemon that goes with its answer --- */

#define LIVES 100

struct fleeting {
    int listener;
    int missed; /* watches that it had accepted and was not told of again */
    sem_t accepted, may_read;
};

/* A daemon of ours, at a path where handles find it. */
static bool fleeting_open(struct fleeting *f, void *(*life)(void *), pthread_t *thread)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};

    *f = (struct fleeting){.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sem_init(&f->accepted, 0, 0);
    sem_init(&f->may_read, 0, 0);
    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/fleeting", dir);
    unlink(addr.sun_path);
    if (bind(f->listener, (struct sockaddr *)&addr, sizeof(addr)) ||
        listen(f->listener, 5))
        return false;
    setenv("XENSTORED_PATH", addr.sun_path, 1);
    return !pthread_create(thread, NULL, life, f);
}

static void fleeting_close(struct fleeting *f)
{
    close(f->listener);
    unsetenv("XENSTORED_PATH");
}

static bool get(int fd, void *data, size_t len)
{
    return recv(fd, data, len, MSG_WAITALL) == (ssize_t)len;
}

/* Accepts one watch in each of its lives, and is gone. */
static void *live_and_die(void *arg)
{
    struct fleeting *f = arg;

    for (int life = 0; life < LIVES; life++) {
        int fd = accept(f->listener, NULL, NULL), again = 0;
        struct hv_xsd_sockmsg h;
        char data[64];

        while (get(fd, &h, sizeof(h)) && get(fd, data, h.len) && h.req_id == 0)
            again++;
        f->missed += life - again;
        h.len = 3;
        if (send(fd, &h, sizeof(h), MSG_MORE) < 0 || send(fd, "OK", 3, 0) < 0)
            f->missed++;
        close(fd);
    }
    return NULL;
}

static void fleeting_daemon(void)
{
    struct fleeting f;
    pthread_t daemon, l;
    struct xs_handle *h;
    char name[16];
    bool ok = true;

    if (!fleeting_open(&f, live_and_die, &daemon))
        return;
    h = xs_open(0);
    pthread_create(&l, NULL, listener, h);
    for (int i = 0; i < LIVES; i++) {
        sprintf(name, "/%d", i);
        ok &= xs_watch(h, name, "t");
    }
    pthread_join(daemon, NULL);
    pthread_cancel(l);
    pthread_join(l, NULL);
    xs_close(h);
    fleeting_close(&f);
    check(ok && f.missed == 0,
          "a watch is set again though its daemon died right after the answer");
}

#define MANY 2000 /* watches, of which a socket does not hold half */

/* Accepts them all, and is gone. In its next life it reads nothing until it may. */
static void *read_late(void *arg)
{
    struct fleeting *f = arg;
    int fd = accept(f->listener, NULL, NULL);
    struct hv_xsd_sockmsg h;
    char data[1024];

    for (int i = 0; i < MANY; i++) {
        if (!get(fd, &h, sizeof(h)) || !get(fd, data, h.len))
            break;
        h.len = 3;
        if (send(fd, &h, sizeof(h), MSG_MORE) < 0 || send(fd, "OK", 3, 0) < 0)
            break;
    }
    close(fd);
    fd = accept(f->listener, NULL, NULL);
    sem_post(&f->accepted);
    sem_wait(&f->may_read);
    while (recv(fd, data, sizeof(data), 0) > 0)
        ;
    close(fd);
    return NULL;
}

static void cancelled_while_watches_are_set_again(void)
{
    struct timespec until;
    struct fleeting f;
    pthread_t daemon, l;
    struct xs_handle *h;
    char name[16], token[512];

    if (!fleeting_open(&f, read_late, &daemon))
        return;
    memset(token, 't', sizeof(token) - 1);
    token[sizeof(token) - 1] = 0;
    h = xs_open(0);
    for (int i = 0; i < MANY; i++) {
        sprintf(name, "/%d", i);
        xs_watch(h, name, token);
    }
    pthread_create(&l, NULL, listener, h);
    sem_wait(&f.accepted);
    pthread_cancel(l);
    sem_post(&f.may_read);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    if (pthread_timedjoin_np(l, NULL, &until)) {
        check(false, "a reader that is cancelled while it sets watches again goes");
        return; /* the handle is locked for good */
    }
    check(true, "a reader that is cancelled while it sets watches again goes");
    xs_close(h);
    pthread_join(daemon, NULL);
    fleeting_close(&f);
}

static void restart(void)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    pid = daemon_start(args, dir);
}

static void another_daemon(struct xs_handle *h)
{
    xs_transaction_t t = xs_transaction_start(h), u;

    xs_watch(h, "/lib/again", "token");
    hears(h, "/lib/again", 20000);
    restart();
    check(hears(h, "/lib/again", 20000),
          "a watch fires again when the daemon was replaced");
    check(holds(h, "/lib/a", "value"), "requests go on with the new daemon");
    put(h, 0, "/lib/again/x", "1");
    check(hears(h, "/lib/again/x", 20000), "the watch stands in the new daemon");
    u = xs_transaction_start(h);
    check(!put(h, t, "/lib/a", "old") && errno == EAGAIN &&
              xs_transaction_end(h, t, true),
          "a transaction of the old daemon fails with EAGAIN");
    check(u && put(h, u, "/lib/a", "new") && xs_transaction_end(h, u, false) &&
              holds(h, "/lib/a", "new"),
          "a transaction of the new daemon commits");
    restart();
    check(put(h, 0, "/lib/a", "newer") && holds(h, "/lib/a", "newer"),
          "a request finds the new daemon by itself");
}

int main(int argc, char **argv)
{
    char command[64];
    struct xs_handle *h;

    if (!mkdtemp(dir))
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    beside(daemon_path, sizeof(daemon_path), argv[0], "xenstored-fake");
    pid = daemon_start(args, dir);
    unsetenv("XENSTORED_PATH");
    setenv("XENSTORED_RUNDIR", dir, 1);
    h = xs_open(0);
    if (!h) {
        puts("Bail out! cannot connect");
        return 1;
    }
    basics(h);
    events(h);
    many_threads(h);
    cancelled(h);
    forked(h);
    another_daemon(h);
    fleeting_daemon();
    cancelled_while_watches_are_set_again();
    xs_close(h);
    daemon_stop(pid);
    printf("1..%d\n", number);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command) ? 1 : 0;
}
