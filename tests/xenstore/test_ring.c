/* SPDX-License-Identifier: MIT */
/* The features that a ring's page offers: reconnection, and the error indicator. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "peer.h"

static char dir[] = "/tmp/xs-ring-XXXXXX", path[64], daemon_path[4096], pid_file[64],
            messages[64];
static char *const args[] = {daemon_path, "-N", "--rundir", dir, "-F", pid_file, NULL};
static unsigned int number;
static struct peer *admin, *guest;
static struct hv_store_domain_interface *page;
static struct message m;

static void check(bool ok, const char *name)
{
    printf("%sok %u - %s%s\n", ok ? "" : "not ", ++number, name,
           ok ? "" : ": it is not so");
}

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

static bool becomes(const uint32_t *word, uint32_t value)
{
    for (int i = 0; i < 30000; i++) {
        if (__atomic_load_n(word, __ATOMIC_ACQUIRE) == value)
            return true;
        usleep(1000);
    }
    return false;
}

static void ask_for_reconnection(void)
{
    __atomic_store_n(&page->connection, HV_STORE_RECONNECT, __ATOMIC_SEQ_CST);
    peer_kick(guest);
}

#define SAID_AGAIN_S 10 /* the daemon says the same of a domain no sooner */

/* How often the log says that the ring is broken. */
static long broken_lines(void)
{
    FILE *f = fopen(messages, "r");
    char line[256];
    long lines = 0;

    while (f && fgets(line, sizeof(line), f))
        lines += strstr(line, "ring is broken") != NULL;
    if (f)
        fclose(f);
    return lines;
}

/* A guest breaks its ring again and again: the log does not grow with that. */
static void said_once(void)
{
    long lines = broken_lines();
    struct timespec begin, end;

    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (int i = 0; i < 50; i++) {
        __atomic_store_n(&page->req_prod, page->req_cons + 5000, __ATOMIC_SEQ_CST);
        peer_kick(guest);
        becomes(&page->error, HV_STORE_ERROR_RINGIDX);
        ask_for_reconnection();
        becomes(&page->connection, HV_STORE_CONNECTED);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    lines = broken_lines() - lines;
    check(broken_lines() && lines <= 1 + (end.tv_sec - begin.tv_sec + 1) / SAID_AGAIN_S,
          "a guest that breaks its ring at will is named in the log once");
}

/*
 * Takes up to most bytes of what was sent, and says so as Linux does: only if the ring
 * was full. Returns how many.
 */
static uint32_t take_some(uint32_t most)
{
    uint32_t before = page->rsp_cons;
    uint32_t n = __atomic_load_n(&page->rsp_prod, __ATOMIC_ACQUIRE) - before;

    if (n > most)
        n = most;
    if (n == 0)
        return 0;
    __atomic_store_n(&page->rsp_cons, before + n, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&page->rsp_prod, __ATOMIC_SEQ_CST) - before >= HV_STORE_RING_SIZE)
        peer_kick(guest);
    return n;
}

static bool take_all(uint32_t want)
{
    struct timespec last, now;

    clock_gettime(CLOCK_MONOTONIC, &last);
    while (want) {
        uint32_t n = take_some(1 + (uint32_t)rand() % HV_STORE_RING_SIZE);

        want -= n < want ? n : want;
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (n)
            last = now;
        else if (now.tv_sec - last.tv_sec > 5)
            return false;
    }
    return true;
}

/* The two sides look at each other's index at the same time, thousands of times. */
static void full_rings(void)
{
    enum { LEN = 1800, REPLIES = 3, ROUNDS = 4000 };
    char data[6 + LEN] = "large";
    bool ok = ask(guest, HV_XS_WRITE, 0, data, sizeof(data));

    for (int i = 0; ok && i < ROUNDS; i++) {
        for (int j = 0; j < REPLIES; j++)
            peer_send(guest, HV_XS_READ, 1, 0, data, 6);
        ok = take_all(REPLIES * (sizeof(struct hv_xsd_sockmsg) + LEN));
    }
    check(ok, "replies larger than the ring arrive however they are taken");
}

/* What is said about one ring among many. */
static void described(void)
{
    check(ask(admin, HV_XS_CONTROL, 0, "rings\0001", 8) &&
              strncmp(m.data, "domain 1: port 101, ", 20) == 0,
          "the state of one domain's ring is told");
}

static void set_up(void)
{
    snprintf(messages, sizeof(messages), "%s/messages", dir);
    if (!freopen(messages, "w", stderr))
        exit(2);
    snprintf(path, sizeof(path), "%s/socket", dir);
    snprintf(pid_file, sizeof(pid_file), "%s/pid", dir);
    setenv("XS_FAKE_DIR", dir, 1);
}

static void introduce(void)
{
    guest = peer_ring(dir, 1);
    page = peer_page(guest);
    page->connection = HV_STORE_RECONNECT; /* as some builders leave it */
    admin = peer_socket(path);
    ask(admin, HV_XS_INTRODUCE, 0, "1\0001\0001", 6);
    check(page->server_features == 7,
          "all features are offered: reconnection, error, depth");
    check(becomes(&page->connection, HV_STORE_CONNECTED),
          "a ring that waits for it is connected at its introduction");
    ask(admin, HV_XS_WRITE, 0, "/local/domain/1\0v", 17);
    ask(admin, HV_XS_SET_PERMS, 0, "/local/domain/1\0n1", 19);
}

static void reconnection(void)
{
    struct hv_xsd_sockmsg half = {HV_XS_READ, 1, 0, 100};
    uint32_t tx;

    ask(guest, HV_XS_WATCH, 0, "w\0t", 4);
    ask(guest, HV_XS_TRANSACTION_START, 0, "", 1);
    tx = (uint32_t)strtoul(m.data, NULL, 10);
    peer_send_raw(guest, &half, sizeof(half));
    ask_for_reconnection();
    check(becomes(&page->connection, HV_STORE_CONNECTED) && !page->req_prod &&
              !page->req_cons && !page->rsp_prod && !page->rsp_cons,
          "reconnection empties the ring");
    while (peer_receive(guest, &m, 0))
        ; /* what was fetched before */
    check(!ask(guest, HV_XS_TRANSACTION_END, tx, "T", 2) && strcmp(m.data, "ENOENT") == 0,
          "... drops half a request and transactions");
    ask(admin, HV_XS_WRITE, 0, "/local/domain/1/w\0v", 19);
    check(ask(guest, HV_XS_READ, 0, "w", 2) && !peer_receive(guest, &m, 100),
          "... and watches");
}

static void errors(void)
{
    struct hv_xsd_sockmsg huge = {HV_XS_READ, 1, 0, 5000};

    __atomic_store_n(&page->req_prod, page->req_cons + 5000, __ATOMIC_SEQ_CST);
    peer_kick(guest);
    check(becomes(&page->error, HV_STORE_ERROR_RINGIDX),
          "an impossible index is shown in the error indicator");
    check(ask(admin, HV_XS_READ, 0, "/local/domain/1", 16), "... and others are served");
    ask_for_reconnection();
    check(becomes(&page->connection, HV_STORE_CONNECTED) &&
              becomes(&page->error, HV_STORE_ERROR_NONE) &&
              ask(guest, HV_XS_READ, 0, "w", 2),
          "... and the guest can begin anew");
    peer_send_raw(guest, &huge, sizeof(huge));
    check(becomes(&page->error, HV_STORE_ERROR_PROTO),
          "too long a request is shown in the error indicator");
    page->req_prod = page->req_cons = page->rsp_prod = page->rsp_cons = 0;
    ask(admin, HV_XS_INTRODUCE, 0, "1\0001\0001", 6);
    check(becomes(&page->error, HV_STORE_ERROR_NONE) && ask(guest, HV_XS_READ, 0, "w", 2),
          "... which introducing the domain again clears");
}

int main(int argc, char **argv)
{
    char command[64];
    pid_t pid;

    if (!mkdtemp(dir))
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    beside(daemon_path, sizeof(daemon_path), argv[0], "xenstored-fake");
    puts("1..13");
    set_up();
    pid = daemon_start(args, dir);
    introduce();
    reconnection();
    errors();
    full_rings();
    said_once();
    described();
    daemon_stop(pid);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command) ? 1 : 0;
}
