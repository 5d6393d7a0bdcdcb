/* SPDX-License-Identifier: MIT */
/*
 * Measures a XenStore daemon over its socket, one row a question, as tab separated
 * "name value unit". The daemon's CPU time is taken from the kernel, so the client's own
 * cost does not count.
 *
 *   bench DIR PID GROUP [BINARY]
 *
 * BINARY is what the daemon is updated to, for the group `update`.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "peer.h"

#define PATIENCE_MS 20000

static char socket_path[256];
static pid_t daemon_pid;
static clockid_t daemon_clock;
static const char *daemon_binary = "";

static double now_us(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double cpu_us(void)
{
    return now_us(daemon_clock);
}

static struct peer *connect_client(void)
{
    struct peer *p = peer_socket(socket_path);

    if (!p) {
        fprintf(stderr, "bench: cannot connect to %s\n", socket_path);
        exit(1);
    }
    return p;
}

static void row(const char *name, double value, const char *unit)
{
    printf("%s\t%.3f\t%s\n", name, value, unit);
    fflush(stdout);
}

static struct message reply;

/* Sends and waits; 0, or 1 for an error reply. */
static int ask(struct peer *p, uint32_t type, uint32_t tx, const char *data, size_t len)
{
    if (!peer_send(p, type, 1, tx, data, len))
        exit(1);
    do {
        if (!peer_receive(p, &reply, PATIENCE_MS)) {
            fprintf(stderr, "bench: no answer\n");
            exit(1);
        }
    } while (reply.h.type == HV_XS_WATCH_EVENT);
    return reply.h.type == HV_XS_ERROR;
}

static int read_node(struct peer *p, uint32_t tx, const char *path)
{
    return ask(p, HV_XS_READ, tx, path, strlen(path) + 1);
}

static int write_node(struct peer *p, uint32_t tx, const char *path, const char *value)
{
    char data[512];
    size_t len = (size_t)sprintf(data, "%s", path) + 1;

    len += (size_t)sprintf(data + len, "%s", value);
    return ask(p, HV_XS_WRITE, tx, data, len);
}

static int remove_node(struct peer *p, const char *path)
{
    return ask(p, HV_XS_RM, 0, path, strlen(path) + 1);
}

/* --- single requests --- */

#define OPS     20000
#define BATCHES 10
#define TURNS   3

static void one_read(struct peer *p, int i)
{
    read_node(p, 0, "/bench/a/b");
}

static void one_write(struct peer *p, int i)
{
    write_node(p, 0, "/bench/a/b", i & 1 ? "value one" : "value two");
}

/* The lesser one, of what is known so far: what disturbs only adds. */
static double least(double a, double b)
{
    return a == 0 || b < a ? b : a;
}

/* What one takes by this clock: the best of several batches, since others disturb. */
static double time_of(struct peer *p, clockid_t clock, void (*one)(struct peer *, int),
                      int n)
{
    double best = 0;

    for (int b = 0; b < BATCHES; b++) {
        double start = now_us(clock), t;

        for (int i = 0; i < n / BATCHES; i++)
            one(p, i);
        t = (now_us(clock) - start) / (n / BATCHES);
        best = least(best, t);
    }
    return best;
}

/*
 * How fast the machine is just now: our own CPU time of one message through a socket and
 * back. Times that are taken far apart are compared in this unit.
 */
static double pace(void)
{
    double best = 0;
    char text[32] = "";
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
        exit(1);
    for (int b = 0; b < BATCHES; b++) {
        double start = now_us(CLOCK_PROCESS_CPUTIME_ID), t;

        for (int i = 0; i < 2000; i++) {
            if (write(fds[0], text, sizeof(text)) != sizeof(text) ||
                read(fds[1], text, sizeof(text)) != sizeof(text))
                exit(1);
        }
        t = (now_us(CLOCK_PROCESS_CPUTIME_ID) - start) / 2000;
        best = least(best, t);
    }
    close(fds[0]);
    close(fds[1]);
    return best;
}

static double cpu_of_reads(struct peer *p, int n)
{
    return time_of(p, daemon_clock, one_read, n);
}

static double cpu_of_writes(struct peer *p, int n)
{
    return time_of(p, daemon_clock, one_write, n);
}

static void single(struct peer *p)
{
    row("read, daemon CPU", cpu_of_reads(p, OPS), "us");
    row("write, daemon CPU", cpu_of_writes(p, OPS), "us");
}

static void pipelined(struct peer *p)
{
    char batch[16 * 64];
    size_t len = 0;
    struct hv_xsd_sockmsg h = {HV_XS_READ, 1, 0, 11};
    double start;

    for (int i = 0; i < 16; i++) {
        memcpy(batch + len, &h, sizeof(h));
        memcpy(batch + len + sizeof(h), "/bench/a/b", 11);
        len += sizeof(h) + 11;
    }
    start = now_us(CLOCK_MONOTONIC);
    for (int n = 0; n < OPS / 4; n++) {
        peer_send_raw(p, batch, len);
        for (int i = 0; i < 16; i++)
            peer_receive(p, &reply, PATIENCE_MS);
    }
    row("reads, 16 in flight", OPS / 4 * 16 / ((now_us(CLOCK_MONOTONIC) - start) / 1e3),
        "k/s");
}

/* --- transactions --- */

static int transaction(struct peer *p, int n)
{
    char path[64];
    uint32_t tx;

    ask(p, HV_XS_TRANSACTION_START, 0, "", 1);
    tx = (uint32_t)strtoul(reply.data, NULL, 10);
    for (int i = 0; i < 5; i++) {
        sprintf(path, "/bench/t/%d", i);
        read_node(p, tx, path);
    }
    for (int i = 0; i < 3; i++) {
        sprintf(path, "/bench/t/%d", i);
        write_node(p, tx, path, n & 1 ? "one" : "two");
    }
    return ask(p, HV_XS_TRANSACTION_END, tx, "T", 2);
}

static void one_transaction(struct peer *p, int i)
{
    transaction(p, i);
}

static double cpu_of_transactions(struct peer *p, int n)
{
    return time_of(p, daemon_clock, one_transaction, n);
}

/* Makes nodes /big/I/J, a thousand in each folder, from node number from on. */
static void grow(struct peer *p, int from, int to)
{
    char path[64];

    for (int i = from; i < to; i++) {
        sprintf(path, "/big/%d/%d", i / 1000, i % 1000);
        write_node(p, 0, path, "some value");
    }
}

/* The daemon's CPU time for each of them, in paces: the best of eight batches. */
static double paces_to_grow(struct peer *p, int from, int to)
{
    int step = (to - from) / 8;
    double best = 0;

    for (; from + step <= to; from += step) {
        double start = cpu_us();

        grow(p, from, from + step);
        best = least(best, (cpu_us() - start) / step);
    }
    return best / pace();
}

static void nodes(struct peer *p)
{
    double first, last, start;
    long before, after;

    for (int i = 0; i < 5; i++) {
        char path[64];

        sprintf(path, "/bench/t/%d", i);
        write_node(p, 0, path, "x");
    }
    row("transaction, daemon CPU", cpu_of_transactions(p, 2000), "us");
    before = daemon_resident_kb(daemon_pid);
    first = paces_to_grow(p, 0, 2000);
    grow(p, 2000, 98000);
    last = paces_to_grow(p, 98000, 100000);
    after = daemon_resident_kb(daemon_pid);
    row("memory of a node at 100,000", (double)(after - before) * 1024 / 100000, "bytes");
    row("creating the 100,000th node against the 1,000th", last / first, "times");
    row("transaction at 100,000 nodes, daemon CPU", cpu_of_transactions(p, 500), "us");
    start = now_us(CLOCK_MONOTONIC);
    remove_node(p, "/big");
    row("removing 100,000 nodes", (now_us(CLOCK_MONOTONIC) - start) / 1e3, "ms");
}

/* One folder with very many children: makes those from number from on, as grow. */
static double paces_to_widen(struct peer *p, int from, int to)
{
    double best = 0, start = cpu_us();
    char path[64];

    for (int i = from; i < to; i++) {
        sprintf(path, "/wide/child-%d", i);
        if (write_node(p, 0, path, "v"))
            break;
        if ((i - from) % 50 == 49) {
            best = least(best, (cpu_us() - start) / 50);
            start = cpu_us();
        }
    }
    return best / pace();
}

static void wide(struct peer *p)
{
    double first, last;

    paces_to_widen(p, 0, 500);
    first = paces_to_widen(p, 500, 1000);
    paces_to_widen(p, 1000, 19500);
    last = paces_to_widen(p, 19500, 20000);
    row("creating the 20,000th child of a node against the 1,000th", last / first,
        "times");
    remove_node(p, "/wide");
}

/* --- many connections and watches --- */

/* Alone and beside others in turn, so that both meet the same noise. */
static void idle_clients(struct peer *p, int count, const char *name)
{
    struct peer **idle = calloc((size_t)count, sizeof(*idle));
    double alone = 0, beside = 0;

    for (int turn = 0; turn < TURNS; turn++) {
        alone = least(alone, cpu_of_reads(p, 5000));
        for (int i = 0; i < count; i++)
            idle[i] = connect_client();
        beside = least(beside, cpu_of_reads(p, 5000));
        for (int i = 0; i < count; i++)
            peer_close(idle[i]);
    }
    row(name, beside / alone, "times");
    free(idle);
}

static void idle(struct peer *p)
{
    idle_clients(p, 999, "read beside 999 idle clients against alone");
}

static void idle10k(struct peer *p)
{
    idle_clients(p, 10000, "read beside 10,000 idle clients against alone");
}

static void set_watches(struct peer *w)
{
    char data[128];

    for (int i = 0; i < 10000; i++) {
        size_t len = (size_t)sprintf(data, "/watched/%d/%d", i / 100, i % 100) + 1;

        len += (size_t)sprintf(data + len, "token%d", i) + 1;
        ask(w, HV_XS_WATCH, 0, data, len);
    }
}

static void watches(struct peer *p)
{
    double alone = 0, beside = 0;
    long before, more = 0;

    for (int turn = 0; turn < TURNS; turn++) {
        struct peer *w = connect_client();

        alone = least(alone, cpu_of_writes(p, 5000));
        before = daemon_resident_kb(daemon_pid);
        set_watches(w);
        more = turn ? more : daemon_resident_kb(daemon_pid) - before;
        beside = least(beside, cpu_of_writes(p, 5000));
        peer_close(w);
    }
    row("memory of a watch", (double)more * 1024 / 10000, "bytes");
    row("write beside 10,000 watches, daemon CPU", beside, "us");
    row("write beside 10,000 watches against none", beside / alone, "times");
}

/* --- fairness --- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/*
 * What a client that reads now and then waits: by the wall clock, and by the daemon's CPU
 * time, which is what the daemon has done in between and does not depend on when the
 * system lets either of them run. The middle one of several batches each; bench.sh asks
 * each daemon in turn, again and again.
 */
#define WAIT_BATCHES 3

struct waits {
    double wall[WAIT_BATCHES], cpu[WAIT_BATCHES];
};

static void measure_waits(struct peer *p, int n, struct waits *w)
{
    double *wall = calloc((size_t)n, sizeof(*wall)),
           *cpu = calloc((size_t)n, sizeof(*cpu));

    for (int b = 0; b < WAIT_BATCHES; b++) {
        for (int i = 0; i < n; i++) {
            double busy = cpu_us(), start = now_us(CLOCK_MONOTONIC);

            read_node(p, 0, "/bench/a/b");
            wall[i] = now_us(CLOCK_MONOTONIC) - start;
            cpu[i] = cpu_us() - busy;
            usleep(200);
        }
        qsort(wall, (size_t)n, sizeof(*wall), by_value);
        qsort(cpu, (size_t)n, sizeof(*cpu), by_value);
        w->wall[b] = wall[n * 99 / 100] / 1e3;
        w->cpu[b] = cpu[n * 99 / 100] / 1e3;
    }
    free(wall);
    free(cpu);
    qsort(w->wall, WAIT_BATCHES, sizeof(w->wall[0]), by_value);
    qsort(w->cpu, WAIT_BATCHES, sizeof(w->cpu[0]), by_value);
}

static void writer(int which)
{
    struct peer *p = connect_client();
    char path[64];

    sprintf(path, "/bench/w/%d", which);
    for (int i = 0;; i++)
        write_node(p, 0, path, i & 1 ? "one" : "two");
}

static void contender(int which)
{
    struct peer *p = connect_client();

    for (int i = which;; i++)
        transaction(p, i);
}

static void among(struct peer *p, void (*noise)(int), const char *others)
{
    struct waits w;
    char name[96];
    pid_t pid[8];
    int tries, worst = 0;

    for (int i = 0; i < 8; i++) {
        pid[i] = fork();
        if (pid[i] == 0)
            noise(i);
    }
    usleep(200000);
    measure_waits(p, 500, &w);
    snprintf(name, sizeof(name), "quiet client's p99 beside 8 %s", others);
    row(name, w.wall[WAIT_BATCHES / 2], "ms");
    snprintf(name, sizeof(name), "quiet client's p99 beside 8 %s, daemon CPU", others);
    row(name, w.cpu[WAIT_BATCHES / 2], "ms");
    if (noise == contender) {
        usleep(1000000); /* it has just been busy, measuring */
        for (int i = 0; i < 20; i++) {
            for (tries = 1; transaction(p, i) && tries < 1000; tries++)
                ;
            usleep(50000); /* quiet */
            if (tries > worst)
                worst = tries;
        }
        row("tries of a quiet client's transaction beside 8 conflicting loops", worst,
            "");
    }
    for (int i = 0; i < 8; i++) {
        kill(pid[i], SIGKILL);
        waitpid(pid[i], NULL, 0);
    }
}

static void writers(struct peer *p)
{
    among(p, writer, "writers");
}

static void loops(struct peer *p)
{
    among(p, contender, "conflicting loops");
}

/* What others feel while a tree of a million nodes goes. */
static void million(struct peer *p)
{
    static double t[2000];
    struct peer *other = connect_client();
    double few;
    long before;

    for (int i = 0; i < 5; i++) {
        char path[64];

        sprintf(path, "/bench/t/%d", i);
        write_node(p, 0, path, "x");
    }
    few = cpu_of_transactions(p, 2000) / pace();
    before = daemon_resident_kb(daemon_pid);
    grow(p, 0, 1000000);
    row("memory of a node at 1,000,000",
        (double)(daemon_resident_kb(daemon_pid) - before) * 1024 / 1e6, "bytes");
    row("transaction at 1,000,000 nodes against few",
        cpu_of_transactions(p, 500) / pace() / few, "times");
    peer_send(p, HV_XS_RM, 1, 0, "/big", 5);
    for (int i = 0; i < 2000; i++) {
        t[i] = now_us(CLOCK_MONOTONIC);
        read_node(other, 0, "/bench/a/b");
        t[i] = (now_us(CLOCK_MONOTONIC) - t[i]) / 1e3;
    }
    qsort(t, 2000, sizeof(t[0]), by_value);
    row("p99 of others while 1,000,000 nodes are removed", t[1979], "ms");
    row("slowest read while 1,000,000 nodes are removed", t[1999], "ms");
    peer_receive(p, &reply, PATIENCE_MS);
    usleep(1500000);
    row("memory left of them a second later",
        (double)(daemon_resident_kb(daemon_pid) - before), "KiB");
    peer_close(other);
}

/* A client that sends a header and stops, and one that watches and never reads. */
static void stalled(struct peer *p)
{
    struct hv_xsd_sockmsg h = {HV_XS_READ, 1, 0, 11};
    struct peer *deaf = connect_client();
    double alone = 0, beside = 0, start;
    long memory;

    for (int turn = 0; turn < TURNS; turn++) {
        struct peer *half = connect_client();

        alone = least(alone, cpu_of_reads(p, 3000));
        peer_send_raw(half, &h, sizeof(h));
        beside = least(beside, cpu_of_reads(p, 3000));
        peer_close(half);
    }
    row("read beside half a request against alone", beside / alone, "times");
    peer_send(deaf, HV_XS_WATCH, 1, 0, "/bench\0t", 9);
    memory = daemon_resident_kb(daemon_pid);
    start = now_us(CLOCK_MONOTONIC);
    for (int i = 0; i < 100000; i++)
        write_node(p, 0, "/bench/a/b", i & 1 ? "one" : "two");
    row("100,000 writes beside a watcher that never reads",
        (now_us(CLOCK_MONOTONIC) - start) / 1e3, "ms");
    row("memory that takes", (double)(daemon_resident_kb(daemon_pid) - memory), "KiB");
    peer_close(deaf);
}

/* --- update of the running daemon --- */

static bool control(struct peer *p, const char *args, size_t len)
{
    return ask(p, HV_XS_CONTROL, 0, args, len) == 0 && strcmp(reply.data, "OK") == 0;
}

/* As xenstore-control does it; true if it was done. */
static bool update(struct peer *p, bool force)
{
    static const char begin[] = "live-update\0-s\0-t\0"
                                "5\0-F";
    char data[512] = "live-update\0-f";
    size_t len = 15 + (size_t)sprintf(data + 15, "%s", daemon_binary) + 1;

    if (!control(p, data, len))
        return false;
    while (!control(p, begin, sizeof(begin) - (force ? 0 : 3))) {
        if (strcmp(reply.data, "BUSY") != 0)
            return false;
    }
    return true;
}

/* Reads until told to stop; says how long the longest took. */
static void gap_reader(int in, int out)
{
    struct peer *p = connect_client();
    double worst = 0;
    char byte;

    while (recv(in, &byte, 1, MSG_DONTWAIT) < 0) {
        double start = now_us(CLOCK_MONOTONIC), t;

        read_node(p, 0, "/bench/a/b");
        t = now_us(CLOCK_MONOTONIC) - start;
        worst = t > worst ? t : worst;
    }
    if (write(out, &worst, sizeof(worst)) != sizeof(worst))
        _exit(1);
    _exit(0);
}

static void updates(struct peer *p)
{
    struct peer *open = connect_client();
    double gap = 0;
    uint32_t tx;
    int fds[2];
    bool done;

    grow(p, 0, 10000);
    socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
    if (fork() == 0)
        gap_reader(fds[1], fds[1]);
    usleep(100000);
    done = update(p, false);
    usleep(300000);
    if (write(fds[0], "", 1) != 1 || read(fds[0], &gap, sizeof(gap)) != sizeof(gap) ||
        !done)
        return;
    row("longest gap of an update at 10,000 nodes", gap / 1e3, "ms");
    ask(open, HV_XS_TRANSACTION_START, 0, "", 1);
    tx = (uint32_t)strtoul(reply.data, NULL, 10);
    write_node(open, tx, "/bench/kept", "yes");
    done = update(p, true);
    row("transactions kept open over an update",
        done && ask(open, HV_XS_TRANSACTION_END, tx, "T", 2) == 0, "");
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(struct peer *p);
    } groups[] = {
        {"single", single},   {"pipelined", pipelined}, {"watches", watches},
        {"idle", idle},       {"idle10k", idle10k},     {"nodes", nodes},
        {"wide", wide},       {"writers", writers},     {"loops", loops},
        {"million", million}, {"stalled", stalled},     {"update", updates},
    };
    struct rlimit files = {65536, 65536};
    struct peer *p;

    if (argc < 4)
        return 2;
    setrlimit(RLIMIT_NOFILE, &files);
    snprintf(socket_path, sizeof(socket_path), "%s/socket", argv[1]);
    daemon_pid = atoi(argv[2]);
    clock_getcpuclockid(daemon_pid, &daemon_clock);
    if (argc > 4)
        daemon_binary = argv[4];
    p = connect_client();
    write_node(p, 0, "/bench/a/b", "value");
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        if (strcmp(groups[i].name, argv[3]) == 0)
            groups[i].run(p);
    }
    return 0;
}
