/* SPDX-License-Identifier: MIT */
/*
 * Kills the daemon at random instants and starts it again. What it has acknowledged must
 * be there; a guest whose ring was in use goes on as if nothing had happened: every
 * request is answered, its watch stands, its open transaction fails with EAGAIN and
 * nothing else. In the end the journal is damaged in several ways, which must cost no
 * more than what it says.
 *
 *   test_kill [ROUNDS [SEED [NODES]]]
 *
 * NODES are made beforehand: they make a restart longer.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "peer.h"

#define KEYS 12

static char dir[32], path[64], daemon_path[4096], pid_file[64];
static char *const args[] = {daemon_path, "-N", "--rundir", dir, "-F", pid_file, NULL};
static pid_t pid;
static double restart_ms[100000], restart_cpu[100000];
static int restarts;
static unsigned int number;

static void check(bool ok, const char *name, const char *why)
{
    printf("%sok %u - %s%s%s\n", ok ? "" : "not ", ++number, name, ok ? "" : ": ",
           ok ? "" : why);
    if (!ok) {
        kill(pid, SIGKILL);
        exit(1);
    }
}

static void fail(const char *why)
{
    check(false, "a killed daemon comes back with everything it has acknowledged", why);
}

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* That the daemon has used so far. */
static double cpu_ms(void)
{
    struct timespec t = {0};
    clockid_t clock;

    if (clock_getcpuclockid(pid, &clock) == 0)
        clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void start(void)
{
    double begin = now_ms();

    pid = daemon_start(args, dir);
    if (pid < 0)
        fail("it does not start");
    if (number == 0 && restarts < 100000) {
        restart_ms[restarts] = now_ms() - begin;
        restart_cpu[restarts++] = cpu_ms();
    }
}

static void kill_daemon(void)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static size_t put_write(char *data, const char *prefix, int key, int value)
{
    size_t len = (size_t)sprintf(data, "%s%d", prefix, key) + 1;

    return len + (size_t)sprintf(data + len, "%d", value);
}

static bool ask(struct peer *p, uint32_t type, uint32_t tx, const char *data, size_t len,
                struct message *m)
{
    if (!peer_send(p, type, 1, tx, data, len))
        return false;
    do {
        if (!peer_receive(p, m, 30000))
            return false;
    } while (m->h.type == HV_XS_WATCH_EVENT || m->h.req_id != 1);
    return true;
}

static int read_number(struct peer *p, const char *prefix, int key)
{
    struct message m;
    char name[64];
    size_t len = (size_t)sprintf(name, "%s%d", prefix, key) + 1;

    if (!ask(p, HV_XS_READ, 0, name, len, &m))
        fail("a read is not answered");
    return m.h.type == HV_XS_ERROR ? -1 : atoi(m.data);
}

/*
 * A socket client: sends all keys at once, is told of some, and then the connection ends.
 */
struct local {
    struct peer *p;
    int acked;
};

static void local_send(struct local *l, int round)
{
    char data[64];

    l->p = peer_socket(path);
    l->acked = 0;
    for (int i = 0; i < KEYS; i++)
        peer_send(l->p, HV_XS_WRITE, (uint32_t)i, 0, data,
                  put_write(data, "/l/", i, round));
}

static void local_collect(struct local *l)
{
    struct message m;

    while (l->acked < KEYS && peer_receive(l->p, &m, 0))
        l->acked++;
    peer_close(l->p);
}

static void local_verify(const struct local *l, int round)
{
    struct peer *p = peer_socket(path);

    for (int i = 0; i < KEYS; i++) {
        int v = read_number(p, "/l/", i);

        if (i < l->acked && v != round)
            fail("an acknowledged write of a socket client is lost");
    }
    peer_close(p);
}

/* The guest: the same over its ring, but all of it must be answered, sooner or later. */
static void guest_send(struct peer *g, int round)
{
    char data[2100];
    size_t len;

    for (int i = 0; i < KEYS; i++)
        peer_send(g, HV_XS_WRITE, 100 + (uint32_t)i, 0, data,
                  put_write(data, "k", i, round));
    /* Larger than the ring, so it is on its way in parts. */
    len = (size_t)sprintf(data, "large") + 1;
    memset(data + len, 'a' + round % 26, 1800);
    peer_send(g, HV_XS_WRITE, 100 + KEYS, 0, data, len + 1800);
    peer_send(g, HV_XS_READ, 101 + KEYS, 0, "large", 6);
}

static void guest_collect(struct peer *g, int round)
{
    bool answered[KEYS + 2] = {false};
    struct message m;
    int missing = KEYS + 2;

    while (missing) {
        if (!peer_receive(g, &m, 30000))
            fail("a guest's request is not answered");
        if (m.h.type == HV_XS_WATCH_EVENT)
            continue;
        if (m.h.type == HV_XS_ERROR)
            fail("a guest's request fails");
        if (m.h.req_id < 100 || m.h.req_id > 101 + KEYS)
            continue; /* answered twice, in an earlier round */
        if (m.h.type == HV_XS_READ &&
            (m.h.len != 1800 || m.data[1799] != 'a' + round % 26))
            fail("a guest reads something else than it wrote");
        missing -= !answered[m.h.req_id - 100];
        answered[m.h.req_id - 100] = true;
    }
    for (int i = 0; i < KEYS; i++) {
        if (read_number(g, "k", i) != round)
            fail("a guest's write is lost");
    }
}

static uint32_t guest_begin(struct peer *g, int round)
{
    struct message m;
    char data[64];
    uint32_t tx;

    if (!ask(g, HV_XS_TRANSACTION_START, 0, "", 1, &m))
        fail("no transaction");
    tx = (uint32_t)strtoul(m.data, NULL, 10);
    ask(g, HV_XS_WRITE, tx, data, put_write(data, "in-transaction", 0, round), &m);
    return tx;
}

static void guest_end(struct peer *g, uint32_t tx, int round)
{
    int before = read_number(g, "in-transaction", 0);
    struct message m;

    if (!ask(g, HV_XS_TRANSACTION_END, tx, "T", 2, &m))
        fail("the end of a transaction is not answered");
    if (m.h.type != HV_XS_ERROR || strcmp(m.data, "EAGAIN") != 0)
        fail("a transaction over the daemon's death does not end with EAGAIN");
    if (before == round)
        fail("what was in an open transaction has become visible");
}

static void guest_watch_stands(struct peer *g, struct peer *local)
{
    struct message m;
    char data[64];
    size_t len = (size_t)sprintf(data, "/local/domain/1/watched") + 1;

    ask(local, HV_XS_WRITE, 0, data, len, &m);
    do {
        if (!peer_receive(g, &m, 30000))
            fail("a guest's watch is gone");
    } while (m.h.type != HV_XS_WATCH_EVENT || strcmp(m.data, "watched") != 0);
}

static struct peer *set_up(void)
{
    struct peer *local, *g;
    struct message m;

    start();
    g = peer_ring(dir, 1);
    local = peer_socket(path);
    ask(local, HV_XS_INTRODUCE, 0, "1\0001\0001", 6, &m);
    ask(local, HV_XS_WRITE, 0, "/local/domain/1/x\0v", 19, &m);
    ask(local, HV_XS_SET_PERMS, 0, "/local/domain/1\0n1", 19, &m);
    ask(g, HV_XS_WATCH, 0, "watched\0token", 14, &m);
    peer_close(local);
    return g;
}

static void one_round(struct peer *g, int round)
{
    struct local l;
    struct peer *local;
    uint32_t tx = guest_begin(g, round);

    local_send(&l, round);
    guest_send(g, round);
    usleep((useconds_t)(rand() % 1500));
    kill_daemon();
    local_collect(&l);
    start();
    local_verify(&l, round);
    guest_collect(g, round);
    guest_end(g, tx, round);
    local = peer_socket(path);
    guest_watch_stands(g, local);
    if (round % 50 == 0) {
        /* Make the journal large, so that it is written anew under fire as well. */
        char data[4100] = "/bulk/";
        struct message m;

        for (int i = 0; i < 400; i++) {
            size_t len = (size_t)sprintf(data, "/bulk/%d", i) + 1;

            ask(local, HV_XS_WRITE, 0, data, len + 3000, &m);
        }
    }
    peer_close(local);
}

/* --- while the journal is written anew --- */

static ino_t journal_number(void)
{
    char name[64];
    struct stat st;

    snprintf(name, sizeof(name), "%s/journal", dir);
    return stat(name, &st) ? 0 : st.st_ino;
}

/* Until another journal is in the place of this one. */
static void make_renew(struct peer *local, ino_t old)
{
    struct message m;
    char data[64];

    for (int i = 0; i < 1000 && journal_number() == old; i++) {
        for (int j = 0; j < 100; j++)
            peer_send(local, HV_XS_WRITE, 1, 0, data, put_write(data, "/renew", 0, j));
        for (int j = 0; j < 100; j++)
            peer_receive(local, &m, 30000);
    }
    if (journal_number() == old)
        fail("the journal is not written anew");
}

static void renewed(void)
{
    struct peer *local = peer_socket(path);

    make_renew(local, journal_number());
    peer_close(local);
    kill_daemon();
    start();
}

/* A request and a reply that were in the ring in part when the journal was replaced. */
static void parts(struct peer *g)
{
    char data[2100] = "large", raw[2200];
    struct hv_xsd_sockmsg h = {HV_XS_WRITE, 55, 0, 6 + 1800};
    struct message m;

    memset(data + 6, 'P', 1800);
    memcpy(raw, &h, sizeof(h));
    memcpy(raw + sizeof(h), data, h.len);
    peer_send_raw(g, raw, 900);
    renewed();
    peer_send_raw(g, raw + 900, sizeof(h) + h.len - 900);
    do {
        if (!peer_receive(g, &m, 30000))
            break;
    } while (m.h.req_id != 55);
    check(m.h.req_id == 55 && m.h.type == HV_XS_WRITE,
          "half a request outlives a new journal and the daemon", "it is not answered");
    peer_send(g, HV_XS_READ, 56, 0, "large", 6);
    renewed();
    do {
        if (!peer_receive(g, &m, 30000))
            break;
    } while (m.h.req_id != 56);
    check(m.h.req_id == 56 && m.h.type == HV_XS_READ && m.h.len == 1800 &&
              m.data[0] == 'P' && m.data[1799] == 'P',
          "so does half a reply", "it is not whole");
}

/* What a restart costs is cut while nobody waits: then it reads a tree and little else.
 */
static void idle_renews(void)
{
    struct peer *local = peer_socket(path);
    ino_t old = journal_number();
    struct message m;
    char data[64];
    int waited;

    for (int j = 0; j < 5000; j++)
        ask(local, HV_XS_WRITE, 0, data, put_write(data, "/renew", 0, j), &m);
    for (waited = 0; waited < 300 && journal_number() == old; waited++)
        usleep(50000);
    check(journal_number() != old, "an idle daemon writes its journal anew",
          "it does not");
    peer_close(local);
}

static void fill(int nodes)
{
    struct peer *local = peer_socket(path);
    struct message m;
    char data[64];

    for (int i = 0; i < nodes; i++) {
        size_t len = (size_t)sprintf(data, "/fill/%d/%d", i / 1000, i % 1000) + 1;

        peer_send(local, HV_XS_WRITE, 1, 0, data, len + (size_t)sprintf(data + len, "v"));
        if (i % 100 == 99)
            for (int j = 0; j < 100; j++)
                peer_receive(local, &m, 30000);
    }
    peer_close(local);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/* --- damage --- */

static void damage(const char *how)
{
    char name[64];
    struct stat st;
    FILE *f;

    snprintf(name, sizeof(name), "%s/journal", dir);
    f = fopen(name, "r+");
    if (!f || fstat(fileno(f), &st))
        fail("there is no journal");
    if (strcmp(how, "half of it gone") == 0) {
        if (ftruncate(fileno(f), st.st_size / 2))
            fail("ftruncate");
    } else {
        for (int i = 0; i < 20; i++) {
            long at = strcmp(how, "flipped bytes") == 0
                          ? 4096 + rand() % (st.st_size - 4096)
                          : rand() % 4096;

            fseek(f, at, SEEK_SET);
            fputc(rand(), f);
        }
    }
    fclose(f);
}

static void survive(const char *how)
{
    char name[96];
    struct message m;
    struct peer *p;

    kill_daemon();
    damage(how);
    start();
    p = peer_socket(path);
    snprintf(name, sizeof(name), "a daemon starts on a journal with %s", how);
    check(p && ask(p, HV_XS_WRITE, 0, "/after\0damage", 13, &m) &&
              m.h.type == HV_XS_WRITE,
          name, "it does not serve");
    peer_close(p);
}

/* In memory if there is such a place, as /run is: a disk may keep a write waiting. */
static bool make_dir(void)
{
    snprintf(dir, sizeof(dir), "/dev/shm/xs-kill-XXXXXX");
    if (mkdtemp(dir))
        return true;
    snprintf(dir, sizeof(dir), "/tmp/xs-kill-XXXXXX");
    return mkdtemp(dir) != NULL;
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 300;
    unsigned int seed = argc > 2 ? (unsigned int)atoi(argv[2]) : (unsigned int)getpid();
    char command[64], name[120];
    struct peer *g;

    if (!make_dir())
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    snprintf(path, sizeof(path), "%s/socket", dir);
    snprintf(pid_file, sizeof(pid_file), "%s/pid", dir);
    beside(daemon_path, sizeof(daemon_path), argv[0], "xenstored-fake");
    setenv("XS_FAKE_DIR", dir, 1);
    srand(seed);
    puts("1..7");
    g = set_up();
    if (argc > 3)
        fill(atoi(argv[3]));
    for (int i = 1; i <= rounds; i++)
        one_round(g, i);
    snprintf(
        name, sizeof(name),
        "killed %d times (seed %u), the daemon comes back with all it has acknowledged",
        rounds, seed);
    check(true, name, "");
    qsort(restart_ms, (size_t)restarts, sizeof(restart_ms[0]), by_value);
    qsort(restart_cpu, (size_t)restarts, sizeof(restart_cpu[0]), by_value);
    printf("# it is back after: median %.0f ms, %.0f of CPU; slowest %.0f ms\n",
           restart_ms[restarts / 2], restart_cpu[restarts / 2], restart_ms[restarts - 1]);
    parts(g);
    idle_renews();
    survive("flipped bytes");
    survive("half of it gone");
    survive("a torn head");
    kill_daemon();
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command) ? 1 : 0;
}
