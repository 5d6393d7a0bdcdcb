/* SPDX-License-Identifier: MIT */
/*
 * Live update: the daemon becomes another program while clients and guests talk to it.
 * They must not notice: connections, watches, open transactions, half a request and half
 * a reply go along.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "peer.h"

static char dir[] = "/tmp/xs-update-XXXXXX", path[64], daemon_path[4096], pid_file[64];
static char *const args[] = {daemon_path, "-N", "--rundir", dir, "-F", pid_file, NULL};
static pid_t pid;
static unsigned int number;
static struct peer *admin, *local, *guest;

static void check(bool ok, const char *name)
{
    printf("%sok %u - %s%s\n", ok ? "" : "not ", ++number, name,
           ok ? "" : ": it is not so");
}

/* The reply to a request of ours; events before it are dropped. */
static struct message *ask(struct peer *p, uint32_t type, uint32_t tx, const char *data,
                           size_t len)
{
    static struct message m;

    memset(&m, 0, sizeof(m));
    if (!peer_send(p, type, 5, tx, data, len))
        return &m;
    do {
        if (!peer_receive(p, &m, 30000)) {
            memset(&m, 0, sizeof(m));
            break;
        }
    } while (m.h.type == HV_XS_WATCH_EVENT);
    return &m;
}

#define ASK(p, type, tx, text) ask(p, HV_XS_##type, tx, text, sizeof(text))

static bool answers(const struct message *m, const char *text)
{
    return m->h.type != HV_XS_WATCH_EVENT && m->h.len >= strlen(text) &&
           memcmp(m->data, text, strlen(text)) == 0;
}

static bool update_to(const char *file)
{
    char data[4200] = "live-update\0-f";
    size_t len = 15 + (size_t)sprintf(data + 15, "%s", file) + 1;
    struct message *m;

    if (!answers(ask(admin, HV_XS_CONTROL, 0, data, len), "OK"))
        return false;
    do
        m = ASK(admin, CONTROL, 0, "live-update\0-s\0-t\0005");
    while (answers(m, "BUSY"));
    return answers(m, "OK");
}

static void update(void)
{
    if (!update_to(daemon_path)) {
        check(false, "the daemon is updated");
        exit(1);
    }
}

static uint32_t begin(struct peer *p)
{
    return (uint32_t)strtoul(ASK(p, TRANSACTION_START, 0, "")->data, NULL, 10);
}

static bool no_event(struct peer *p)
{
    struct message m;

    return !peer_receive(p, &m, 100);
}

static bool event(struct peer *p, const char *what)
{
    struct message m;

    return peer_receive(p, &m, 30000) && m.h.type == HV_XS_WATCH_EVENT &&
           strcmp(m.data, what) == 0;
}

/* p works below prefix: "/x/" or, for the guest, "". */
static void transactions(struct peer *p, const char *who)
{
    uint32_t tx = begin(p), lost = begin(p), loses = begin(p);
    char name[120];
    bool ok;

    ASK(p, WRITE, 0, "t/old/leaf\0before");
    tx = begin(p);
    ASK(p, WRITE, tx, "t/a/b\0inside");
    ASK(p, RM, tx, "t/old");
    ASK(p, MKDIR, tx, "t/old");
    ASK(p, READ, lost, "race1");
    ASK(p, WRITE, lost, "t/c\0lost");
    ASK(p, WRITE, 0, "race1\0now");
    ASK(p, READ, loses, "race2");
    ASK(p, WRITE, loses, "t/c\0loses");
    update();
    ok = answers(ASK(p, READ, tx, "t/a/b"), "inside") &&
         answers(ASK(p, READ, 0, "t/a/b"), "ENOENT");
    snprintf(name, sizeof(name), "an open transaction of %s keeps what it has written",
             who);
    check(ok, name);
    ASK(p, WRITE, tx, "t/d\0after");
    ok = answers(ASK(p, TRANSACTION_END, tx, "T"), "OK") &&
         answers(ASK(p, READ, 0, "t/a/b"), "inside") &&
         answers(ASK(p, READ, 0, "t/d"), "after") &&
         answers(ASK(p, READ, 0, "t/old/leaf"), "ENOENT") &&
         ASK(p, READ, 0, "t/old")->h.type == HV_XS_READ;
    snprintf(name, sizeof(name), "... and is committed after the update");
    check(ok, name);
    ok = answers(ASK(p, TRANSACTION_END, lost, "T"), "EAGAIN");
    check(ok, "... one that had lost before fails");
    ASK(p, WRITE, 0, "race2\0now");
    ok = answers(ASK(p, TRANSACTION_END, loses, "T"), "EAGAIN") &&
         answers(ASK(p, READ, 0, "t/c"), "ENOENT");
    check(ok, "... and so does one that loses after");
    ASK(p, RM, 0, "t");
    ASK(p, RM, 0, "race1");
    ASK(p, RM, 0, "race2");
}

static void watches(void)
{
    ASK(local, WATCH, 0, "/w\0one");
    ASK(local, WATCH, 0, "rel\0two\0000");
    ASK(guest, WATCH, 0, "gw\0three");
    event(local, "rel"); /* the first of /w went before a reply, unheard */
    event(guest, "gw");
    update();
    check(no_event(local) && no_event(guest), "an update by itself is no event");
    ASK(admin, WRITE, 0, "/w/x\0v");
    ASK(admin, WRITE, 0, "/local/domain/0/rel/deep\0v");
    ASK(admin, WRITE, 0, "/local/domain/0/rel\0v");
    ASK(admin, WRITE, 0, "/local/domain/1/gw/y\0v");
    check(event(local, "/w/x") && event(local, "rel") && event(guest, "gw/y") &&
              no_event(local) && no_event(guest),
          "watches hear of what comes after it, as before, each once");
}

static void halves(struct peer *p, const char *name)
{
    struct hv_xsd_sockmsg h = {HV_XS_GET_DOMAIN_PATH, 9, 0, 2};
    struct message m;

    peer_send_raw(p, &h, sizeof(h));
    usleep(20000);
    update();
    peer_send_raw(p, "7", 2);
    check(peer_receive(p, &m, 30000) && m.h.req_id == 9 && answers(&m, "/local/domain/7"),
          name);
}

/* Replies that do not fit into the ring wait in the daemon. */
static void full_ring(void)
{
    char value[1900] = "large";
    struct message m;
    bool ok = true;

    memset(value + 6, 'x', sizeof(value) - 6);
    ask(guest, HV_XS_WRITE, 0, value, sizeof(value));
    for (uint32_t i = 0; i < 4; i++)
        peer_send(guest, HV_XS_READ, 20 + i, 0, "large", 6);
    usleep(20000);
    update();
    for (uint32_t i = 0; i < 4; i++) {
        ok &= peer_receive(guest, &m, 30000) && m.h.req_id == 20 + i &&
              m.h.len == sizeof(value) - 6 && m.data[m.h.len - 1] == 'x';
    }
    check(ok, "replies that wait for room in a guest's ring arrive whole");
}

/* Requests under way while the daemon changes: each is answered once, in order. */
static void under_fire(void)
{
    uint32_t sent[2] = {0, 0}, seen[2] = {0, 0};
    struct peer *p[2] = {local, guest};
    struct message m;
    bool ok = true;

    for (int round = 0; round < 30; round++) {
        for (int i = 0; i < 2; i++) {
            for (int k = 0; k < 12; k++)
                peer_send(p[i], HV_XS_WRITE, 1000 + sent[i]++, 0, "fire\0v", 6);
        }
        update();
        for (int i = 0; i < 2; i++) {
            while (seen[i] < sent[i] && peer_receive(p[i], &m, 30000))
                ok &= m.h.req_id == 1000 + seen[i]++;
            ok &= seen[i] == sent[i];
        }
    }
    check(ok, "requests under way during thirty updates are answered once and in order");
}

static void set_up(void)
{
    snprintf(path, sizeof(path), "%s/socket", dir);
    snprintf(pid_file, sizeof(pid_file), "%s/pid", dir);
    setenv("XS_FAKE_DIR", dir, 1);
    pid = daemon_start(args, dir);
    admin = peer_socket(path);
    local = peer_socket(path);
    guest = peer_ring(dir, 1);
    ASK(admin, INTRODUCE, 0, "1\0001\0001");
    ASK(admin, WRITE, 0, "/local/domain/1\0v");
    ASK(admin, SET_PERMS, 0, "/local/domain/1\0n1");
}

int main(int argc, char **argv)
{
    char command[64];

    if (!mkdtemp(dir))
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    beside(daemon_path, sizeof(daemon_path), argv[0], "xenstored-fake");
    puts("1..17");
    set_up();
    check(pid > 0, "the daemon starts");
    check(!update_to("/bin/true") && !update_to("/etc/passwd") &&
              !update_to("/nowhere") &&
              answers(ASK(admin, GET_DOMAIN_PATH, 0, "3"), "/local/domain/3"),
          "a program that cannot take over is refused, and the daemon goes on");
    transactions(local, "a local client");
    transactions(guest, "a guest");
    halves(local, "half a request of a local client is completed after an update");
    halves(guest, "half a request of a guest is completed after an update");
    full_ring();
    under_fire();
    watches();
    check(kill(pid, 0) == 0, "its process number stays");
    daemon_stop(pid);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command) ? 1 : 0;
}
