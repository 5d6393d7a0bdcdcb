/* SPDX-License-Identifier: MIT */
/*
 * Nobody is starved by others: a quiet client's transaction gets through beside busy
 * loops of transactions on the same nodes, and clients that stop in the middle, or do not
 * read, are no concern of anybody else.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "peer.h"

#define LOOPS 8

static char dir[] = "/tmp/xs-fair-XXXXXX", path[64], daemon_path[4096], pid_file[64];
static char *const args[] = {daemon_path, "-N", "--rundir", dir, "-F", pid_file, NULL};
static unsigned int number;
static pid_t pid;

static void check(bool ok, const char *name)
{
    printf("%sok %u - %s%s\n", ok ? "" : "not ", ++number, name,
           ok ? "" : ": it is not so");
}

static struct message m;

static bool ask(struct peer *p, uint32_t type, uint32_t tx, const char *data, size_t len)
{
    if (!peer_send(p, type, 5, tx, data, len))
        return false;
    do {
        if (!peer_receive(p, &m, 30000))
            return false;
    } while (m.h.type == HV_XS_WATCH_EVENT);
    return m.h.type == type;
}

static bool transaction(struct peer *p)
{
    uint32_t tx;

    ask(p, HV_XS_TRANSACTION_START, 0, "", 1);
    tx = (uint32_t)strtoul(m.data, NULL, 10);
    for (int i = 0; i < 5; i++)
        ask(p, HV_XS_READ, tx, "/fair", 6);
    ask(p, HV_XS_WRITE, tx, "/fair\0v", 7);
    return ask(p, HV_XS_TRANSACTION_END, tx, "T", 2);
}

static void loops(struct peer *quiet)
{
    pid_t loop[LOOPS];
    int worst = 0;

    for (int i = 0; i < LOOPS; i++) {
        loop[i] = fork();
        if (loop[i] == 0) {
            struct peer *p = peer_socket(path);

            while (p)
                transaction(p);
            _exit(0);
        }
    }
    usleep(500000); /* busy they are */
    for (int i = 0; i < 20; i++) {
        int tries = 1;

        while (!transaction(quiet) && tries < 100)
            tries++;
        worst = tries > worst ? tries : worst;
        usleep(50000); /* quiet it is */
    }
    for (int i = 0; i < LOOPS; i++) {
        kill(loop[i], SIGKILL);
        waitpid(loop[i], NULL, 0);
    }
    check(worst <= 3,
          "a quiet client's transaction needs at most three tries beside loops");
}

static void stalled(struct peer *quiet)
{
    struct hv_xsd_sockmsg h = {HV_XS_READ, 1, 0, 11};
    struct peer *half = peer_socket(path), *deaf = peer_socket(path);
    long before;
    bool ok = true;

    peer_send_raw(half, &h, sizeof(h));
    ok = ask(quiet, HV_XS_WRITE, 0, "/fair\0v", 7);
    check(ok, "others are served beside a client that has sent half a request");
    peer_send(deaf, HV_XS_WATCH, 1, 0, "/fair\0t", 8);
    for (int i = 0; i < 1000; i++)
        ask(quiet, HV_XS_WRITE, 0, "/fair\0v", 7);
    before = daemon_resident_kb(pid);
    for (int i = 0; i < 50000 && ok; i++)
        ok = ask(quiet, HV_XS_WRITE, 0, "/fair\0v", 7);
    check(ok && daemon_resident_kb(pid) - before < 2048,
          "a watcher that never reads costs bounded memory");
    peer_close(half);
    peer_close(deaf);
}

static struct peer *make_guest(struct peer *admin)
{
    struct peer *guest = peer_ring(dir, 1);

    ask(admin, HV_XS_INTRODUCE, 0, "1\0001\0001", 6);
    ask(admin, HV_XS_WRITE, 0, "/local/domain/1\0v", 17);
    ask(admin, HV_XS_SET_PERMS, 0, "/local/domain/1\0n1", 19);
    return guest;
}

static bool reports(struct peer *admin, const char *text)
{
    for (int i = 0; i < 300; i++) {
        ask(admin, HV_XS_CONTROL, 0, "quota\0001", 8);
        if (strstr(m.data, text))
            return true;
        usleep(10000);
    }
    return false;
}

/* A guest that asks and does not fetch the replies: its requests wait in its ring. */
static void outstanding(struct peer *admin, struct peer *guest)
{
    struct hv_store_domain_interface *page = peer_page(guest);
    char value[1900] = "large", batch[40 * (sizeof(m.h) + 6)];
    bool ok = true;

    ask(admin, HV_XS_CONTROL, 0, "quota\0set\0outstanding\0003", 24);
    ask(guest, HV_XS_WRITE, 0, value, sizeof(value));
    for (uint32_t i = 0; i < 40; i++) {
        struct hv_xsd_sockmsg h = {HV_XS_READ, 100 + i, 0, 6};

        memcpy(batch + i * sizeof(batch) / 40, &h, sizeof(h));
        memcpy(batch + i * sizeof(batch) / 40 + sizeof(h), "large", 6);
    }
    peer_send_raw(guest, batch, sizeof(batch));
    check(reports(admin, "outstanding     :        3\n") &&
              page->req_prod - page->req_cons >= 37 * (sizeof(m.h) + 6),
          "a guest that does not fetch its replies is not served beyond its quota");
    for (uint32_t i = 0; i < 40; i++)
        ok &= peer_receive(guest, &m, 30000) && m.h.req_id == 100 + i;
    check(ok && reports(admin, "outstanding     :        0\n"),
          "... and gets all of them when it does");
}

/*
 * The events that a guest's writes cause are not its own to fetch: whoever watches and
 * does not read is no concern of the writer. Debian's daemon holds it responsible, until
 * the watcher reads or a time is over.
 */
static void beside_a_deaf_watcher(struct peer *guest)
{
    struct peer *deaf = peer_socket(path);
    bool ok = true;

    ask(deaf, HV_XS_WATCH, 0, "/local/domain/1\0t", 18);
    for (int i = 0; i < 5000 && ok; i++)
        ok = ask(guest, HV_XS_WRITE, 0, "heard\0v", 7);
    check(ok, "a guest's writes are answered whoever does not read their events");
    peer_close(deaf);
}

/* What a guest's open transaction keeps of the tree as it was is given back in time. */
static void old_transaction(struct peer *admin, struct peer *guest)
{
    uint32_t tx;

    ask(admin, HV_XS_CONTROL, 0, "quota\0set\0transaction-age\0001", 28);
    ask(guest, HV_XS_TRANSACTION_START, 0, "", 1);
    tx = (uint32_t)strtoul(m.data, NULL, 10);
    ask(guest, HV_XS_WRITE, tx, "mine\0v", 6);
    for (int i = 0; i < 300; i++) {
        ask(admin, HV_XS_WRITE, 0, "/other\0v", 8);
        usleep(10000);
    }
    ask(guest, HV_XS_TRANSACTION_END, tx, "T", 2);
    check(strcmp(m.data, "EAGAIN") == 0,
          "a guest's transaction does not keep an old tree");
    ask(guest, HV_XS_TRANSACTION_START, 0, "", 1);
    tx = (uint32_t)strtoul(m.data, NULL, 10);
    ask(guest, HV_XS_WRITE, tx, "mine\0v", 6);
    check(ask(guest, HV_XS_TRANSACTION_END, tx, "T", 2),
          "... and its next one is committed");
}

/* How many lines of the daemon's log have these words. */
static unsigned int lines_with(const char *words)
{
    char name[64], line[256];
    unsigned int n = 0;
    FILE *f;

    snprintf(name, sizeof(name), "%s/messages", dir);
    f = fopen(name, "r");
    while (f && fgets(line, sizeof(line), f))
        n += strstr(line, words) != NULL;
    if (f)
        fclose(f);
    return n;
}

/* The log gets one line when a domain passes its soft limit, however often it does. */
static void soft_limit(struct peer *admin, struct peer *guest)
{
    char data[2000] = "soft\0", limit[64] = "quota-soft\0set\0memory";
    unsigned int memory = 0;

    ask(guest, HV_XS_WRITE, 0, data, 6);
    ask(admin, HV_XS_CONTROL, 0, "quota\0001", 8);
    sscanf(strstr(m.data, "memory"), "memory : %u", &memory);
    ask(admin, HV_XS_CONTROL, 0, limit,
        23 + (size_t)sprintf(limit + 22, "%u", memory + 1000));
    for (int i = 0; i < 20; i++)
        ask(guest, HV_XS_WRITE, 0, data, i % 3 ? 6 + i % 3 : 1900);
    check(lines_with("domain 1 uses more memory than the soft limit") == 1,
          "a domain that passes its soft limit again and again is named in the log once");
}

/* The number behind the daemon's highest descriptor. */
static unsigned int first_free(void)
{
    unsigned int n = 64;
    char name[64];

    do
        snprintf(name, sizeof(name), "/proc/%d/fd/%u", pid, --n);
    while (n && access(name, F_OK));
    return n + 1;
}

static double busy_ms(void)
{
    struct timespec t;
    clockid_t clock;

    clock_getcpuclockid(pid, &clock);
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* A client for which the daemon has no descriptor waits, and costs nobody anything. */
static void no_descriptor(struct peer *admin)
{
    struct peer *waiting[8];
    struct rlimit old, few;
    double busy;

    prlimit(pid, RLIMIT_NOFILE, NULL, &old);
    few = (struct rlimit){first_free() + 2, old.rlim_max};
    prlimit(pid, RLIMIT_NOFILE, &few, NULL);
    for (int i = 0; i < 8; i++)
        waiting[i] = peer_socket(path);
    busy = busy_ms();
    usleep(400000);
    check(busy_ms() - busy < 100 && lines_with("too many open files") == 1,
          "the daemon rests while clients wait for descriptors");
    check(ask(admin, HV_XS_READ, 0, "/fair", 6), "... and serves others");
    for (int i = 0; i < 7; i++)
        peer_close(waiting[i]);
    check(ask(waiting[7], HV_XS_READ, 0, "/fair", 6),
          "... and them when others have gone");
    peer_close(waiting[7]);
    prlimit(pid, RLIMIT_NOFILE, &old, NULL);
}

int main(int argc, char **argv)
{
    struct peer *admin, *guest;
    char command[128];

    if (!mkdtemp(dir))
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    snprintf(path, sizeof(path), "%s/socket", dir);
    snprintf(pid_file, sizeof(pid_file), "%s/pid", dir);
    snprintf(command, sizeof(command), "%s/messages", dir);
    setenv("XS_FAKE_DIR", dir, 1);
    beside(daemon_path, sizeof(daemon_path), argv[0], "xenstored-fake");
    if (!freopen(command, "w", stderr))
        return 2;
    puts("1..12");
    pid = daemon_start(args, dir);
    admin = peer_socket(path);
    ask(admin, HV_XS_WRITE, 0, "/fair\0v", 7);
    loops(admin);
    stalled(admin);
    guest = make_guest(admin);
    outstanding(admin, guest);
    beside_a_deaf_watcher(guest);
    old_transaction(admin, guest);
    soft_limit(admin, guest);
    no_descriptor(admin);
    daemon_stop(pid);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command) ? 1 : 0;
}
