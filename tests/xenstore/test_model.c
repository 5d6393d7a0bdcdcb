/* SPDX-License-Identifier: MIT */
/*
 * Random requests of several clients, sockets and guests, against the naive reference of
 * model.h. Outside transactions every reply and every event must be the reference's. A
 * transaction that commits must have given the replies that it would have given had it
 * run at once at that moment, and watches must then hear of what it did; one that fails
 * with EAGAIN must have had somebody else's change in its way.
 *
 *   test_model [SEED [REQUESTS]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model.h"
#include "peer.h"

#define CLIENTS 5
#define TXNS    3
#define MAX_LOG 64
#define WATCHES 6
#define PENDING 2048

struct logged {
    struct model_request rq;
    struct model_reply reply;
};

struct txn {
    bool open;
    uint32_t id;
    unsigned int changes_before; /* of the store, when it began */
    unsigned int count;
    struct logged log[MAX_LOG];
};

struct expected {
    char path[MODEL_TEXT];
    char token[16];
    bool must; /* otherwise it may come */
    bool came;
};

static struct client {
    struct peer *peer;
    unsigned int domid;
    struct txn txn[TXNS];
    struct {
        bool set;
        char path[MODEL_TEXT];
    } watch[WATCHES];
    struct expected expected[PENDING];
    unsigned int expecting;
} clients[CLIENTS];

static struct model model;
static struct model_events events;
static unsigned int changes, number;
static bool somebody_lost;
static char history[64][160];
static uint64_t state;

static unsigned int pick(unsigned int n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned int)(state >> 33) % n;
}

static void die(const char *why)
{
    printf("not ok %u - %s\n", 1, why);
    for (unsigned int i = number > 63 ? number - 63 : 0; i <= number; i++)
        printf("# %u: %s\n", i, history[i % 64]);
    exit(1);
}

static void random_path(char *out)
{
    unsigned int depth = 1 + pick(4);

    out[0] = '\0';
    for (unsigned int i = 0; i < depth; i++)
        sprintf(out + strlen(out), "/%c", "abc"[pick(3)]);
    if (pick(40) == 0)
        strcpy(out, "/");
}

static void random_request(struct model_request *rq, const struct client *c)
{
    static const uint32_t types[] = {
        HV_XS_READ,  HV_XS_READ, HV_XS_WRITE,     HV_XS_WRITE,     HV_XS_WRITE,
        HV_XS_MKDIR, HV_XS_RM,   HV_XS_DIRECTORY, HV_XS_GET_PERMS, HV_XS_SET_PERMS};
    unsigned int n = 1 + pick(MODEL_PERMS - 1);

    memset(rq, 0, sizeof(*rq));
    rq->type = types[pick(10)];
    rq->domid = c->domid;
    random_path(rq->path);
    if (rq->type == HV_XS_WRITE)
        sprintf(rq->value, "v%u", pick(1000));
    if (rq->type != HV_XS_SET_PERMS)
        return;
    for (unsigned int i = 0; i < n; i++)
        sprintf(rq->value + strlen(rq->value), "%s%c%u", i ? " " : "", "nrwb"[pick(4)],
                i == 0 && c->domid && pick(4) ? c->domid : pick(3));
}

static void describe(unsigned int who, const struct model_request *rq, uint32_t tx)
{
    snprintf(history[number % 64], sizeof(history[0]), "client %u dom%u %s tx%u %s %s",
             who, clients[who].domid, xs_type_name(rq->type), tx, rq->path, rq->value);
}

/* --- events --- */

static void came(struct client *c, const struct message *m)
{
    const char *token = m->data + strlen(m->data) + 1;

    for (unsigned int i = 0; i < c->expecting; i++) {
        struct expected *e = &c->expected[i];

        if (!e->came && strcmp(e->path, m->data) == 0 && strcmp(e->token, token) == 0) {
            e->came = true;
            return;
        }
    }
    printf("# client %d dom%u hears %s %s; the store has:\n", (int)(c - clients),
           c->domid, m->data, token);
    for (unsigned int i = 0; i < model.count; i++) {
        printf("# %s:", model.node[i].path);
        for (unsigned int k = 0; k < model.node[i].perms; k++)
            printf(" %c%u", model.node[i].perm[k].letter, model.node[i].perm[k].domid);
        putchar('\n');
    }
    die("a watch hears of what has not happened to it");
}

static void expect(struct client *c, const char *path, unsigned int watch, bool must)
{
    struct expected *e = &c->expected[c->expecting++];

    if (c->expecting >= PENDING)
        die("too many events for this test");
    memset(e, 0, sizeof(*e));
    strcpy(e->path, path);
    sprintf(e->token, "t%u", watch);
    e->must = must;
}

/* Top of a removal, and plain changes: watches on the path and above. Others: on the
 * path. */
static void expect_event(const struct model_event *ev, bool exact, bool must)
{
    for (unsigned int i = 0; i < CLIENTS; i++) {
        struct client *c = &clients[i];

        if (!model_may(ev->perm, ev->perms, c->domid, 'r') &&
            !model_may(ev->parent_perm, ev->parent_perms, c->domid, 'r'))
            continue;
        for (unsigned int w = 0; w < WATCHES; w++) {
            if (!c->watch[w].set)
                continue;
            if (exact ? strcmp(c->watch[w].path, ev->path) == 0
                      : model_below(c->watch[w].path, ev->path))
                expect(c, ev->path, w, must);
        }
    }
}

/*
 * The last event of a request is its own; those before it are nodes below a removed one.
 */
static void expect_all(bool must)
{
    for (unsigned int i = 0; i < events.count; i++)
        expect_event(&events.event[i], i + 1 < events.count, must);
    events.count = 0;
}

/* A reply to everybody's question shows that all events before it have come. */
static void settle(void)
{
    struct message m;

    for (unsigned int i = 0; i < CLIENTS; i++) {
        struct client *c = &clients[i];

        peer_send(c->peer, HV_XS_GET_DOMAIN_PATH, 99, 0, "1", 2);
        for (;;) {
            if (!peer_receive(c->peer, &m, 30000))
                die("no answer");
            if (m.h.type != HV_XS_WATCH_EVENT)
                break;
            came(c, &m);
        }
        for (unsigned int e = 0; e < c->expecting; e++) {
            if (c->expected[e].must && !c->expected[e].came) {
                printf("# client %u: event %s %s\n", i, c->expected[e].path,
                       c->expected[e].token);
                die("a watch does not hear of what has happened");
            }
        }
        c->expecting = 0;
    }
}

/* --- requests --- */

static void ask(struct client *c, const struct model_request *rq, uint32_t tx,
                struct message *reply)
{
    char data[256];
    size_t len = (size_t)sprintf(data, "%s", rq->path) + 1;

    if (rq->type == HV_XS_WRITE) {
        len += (size_t)sprintf(data + len, "%s", rq->value);
    } else if (rq->type == HV_XS_SET_PERMS) {
        len += (size_t)sprintf(data + len, "%s", rq->value) + 1;
        for (char *p = data + strlen(data) + 1; p < data + len; p++)
            *p = *p == ' ' ? '\0' : *p;
    }
    peer_send(c->peer, rq->type, 1, tx, data, len);
    do {
        if (!peer_receive(c->peer, reply, 30000))
            die("no answer");
        if (reply->h.type == HV_XS_WATCH_EVENT)
            came(c, reply);
    } while (reply->h.type == HV_XS_WATCH_EVENT);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names of children come in an order that merging may change. */
static void sort_names(char *data, size_t len)
{
    char copy[4096], *name[64];
    unsigned int n = 0;
    size_t at = 0;

    memcpy(copy, data, len);
    for (size_t i = 0; i < len; i += strlen(copy + i) + 1)
        name[n++] = copy + i;
    qsort(name, n, sizeof(name[0]), by_name);
    for (unsigned int i = 0; i < n; i++) {
        strcpy(data + at, name[i]);
        at += strlen(name[i]) + 1;
    }
}

static bool same_reply(uint32_t type, const struct model_reply *a,
                       const struct model_reply *b)
{
    struct model_reply x = *a, y = *b;

    if (x.error != y.error || x.len != y.len)
        return false;
    if (type == HV_XS_DIRECTORY && !x.error) {
        sort_names(x.data, x.len);
        sort_names(y.data, y.len);
    }
    return memcmp(x.data, y.data, x.len) == 0;
}

static void take_reply(const struct message *m, struct model_reply *r)
{
    memset(r, 0, sizeof(*r));
    r->error = m->h.type == HV_XS_ERROR;
    r->len = m->h.len;
    memcpy(r->data, m->data, m->h.len);
}

static void plain_request(unsigned int who)
{
    struct model_request rq;
    struct model_reply want, got;
    struct message m;

    random_request(&rq, &clients[who]);
    describe(who, &rq, 0);
    model_apply(&model, &rq, &want, &events);
    if (events.count)
        changes++;
    expect_all(true);
    ask(&clients[who], &rq, 0, &m);
    take_reply(&m, &got);
    if (!same_reply(rq.type, &want, &got)) {
        printf("# wanted %s, got %s\n", want.data, got.data);
        die("a reply is not the reference's");
    }
    settle();
}

static void txn_begin(unsigned int who, struct txn *t)
{
    struct model_request rq = {.type = HV_XS_TRANSACTION_START};
    struct message m;

    describe(who, &rq, 0);
    ask(&clients[who], &rq, 0, &m);
    t->open = true;
    t->id = (uint32_t)strtoul(m.data, NULL, 10);
    t->count = 0;
    t->changes_before = changes;
}

static void txn_request(unsigned int who, struct txn *t)
{
    struct logged *l = &t->log[t->count++];
    struct message m;

    random_request(&l->rq, &clients[who]);
    describe(who, &l->rq, t->id);
    ask(&clients[who], &l->rq, t->id, &m);
    take_reply(&m, &l->reply);
}

/* Runs the transaction's requests on the reference, now; the replies must be the same. */
static void replay(struct txn *t)
{
    struct model_reply want;

    for (unsigned int i = 0; i < t->count; i++) {
        model_apply(&model, &t->log[i].rq, &want, &events);
        if (events.count)
            changes++;
        if (!same_reply(t->log[i].rq.type, &want, &t->log[i].reply)) {
            printf("# request %u of the transaction: %s %s: wanted %s, had got %s\n", i,
                   xs_type_name(t->log[i].rq.type), t->log[i].rq.path, want.data,
                   t->log[i].reply.data);
            die("a committed transaction has seen what was not so");
        }
        /* Several changes of one node are one event: see the last pass below. */
        expect_all(false);
    }
}

static void txn_finish(unsigned int who, struct txn *t)
{
    struct client *c = &clients[who];
    struct model_request rq = {.type = HV_XS_TRANSACTION_END};
    bool commit = pick(5) != 0;
    struct message m;

    sprintf(rq.path, "%s", commit ? "T" : "F");
    describe(who, &rq, t->id);
    t->open = false;
    if (commit) {
        /* Events come before the reply, so we have to guess first that it will be
         * granted. */
        struct model before = model;
        unsigned int changes_now = changes;
        char data[2] = "T";

        peer_send(c->peer, HV_XS_TRANSACTION_END, 1, t->id, data, 2);
        /* Wait for the verdict while keeping the events for later. */
        static struct message early[PENDING];
        unsigned int n = 0;

        for (;;) {
            if (!peer_receive(c->peer, &m, 30000))
                die("no answer");
            if (m.h.type != HV_XS_WATCH_EVENT)
                break;
            early[n++] = m;
        }
        if (m.h.type == HV_XS_ERROR && strcmp(m.data, "EAGAIN") == 0) {
            if (changes_now == t->changes_before && !somebody_lost)
                die("a transaction fails though nobody was in its way");
            if (n)
                die("a failed transaction makes events");
            somebody_lost = true; /* and may be given precedence from now on */
        } else if (m.h.type == HV_XS_ERROR) {
            die("a transaction fails with another error");
        } else {
            (void)before;
            replay(t);
            for (unsigned int i = 0; i < n; i++)
                came(c, &early[i]);
        }
        settle();
        return;
    }
    ask(c, &rq, t->id, &m);
    if (m.h.type == HV_XS_ERROR)
        die("a transaction cannot be given up");
}

static void watching(unsigned int who)
{
    struct client *c = &clients[who];
    unsigned int w = pick(WATCHES);
    struct message m;
    char data[128];
    size_t len;

    if (!c->watch[w].set)
        random_path(c->watch[w].path);
    len = (size_t)sprintf(data, "%s", c->watch[w].path) + 1;
    len += (size_t)sprintf(data + len, "t%u", w) + 1;
    c->watch[w].set = !c->watch[w].set;
    snprintf(history[number % 64], sizeof(history[0]), "client %u %s %s t%u", who,
             c->watch[w].set ? "watches" : "unwatches", c->watch[w].path, w);
    if (c->watch[w].set)
        expect(c, c->watch[w].path, w, true);
    peer_send(c->peer, c->watch[w].set ? HV_XS_WATCH : HV_XS_UNWATCH, 1, 0, data, len);
    if (!peer_receive(c->peer, &m, 30000) || strcmp(m.data, "OK") != 0)
        die("a watch is refused");
    settle();
}

static void step(void)
{
    unsigned int who = pick(CLIENTS);
    struct txn *t = &clients[who].txn[pick(TXNS)];

    if (pick(12) == 0)
        watching(who);
    else if (pick(2))
        plain_request(who);
    else if (!t->open)
        txn_begin(who, t);
    else if (t->count == MAX_LOG || pick(5) == 0)
        txn_finish(who, t);
    else
        txn_request(who, t);
}

static void connect_clients(const char *dir)
{
    char path[256];
    struct message m;

    snprintf(path, sizeof(path), "%s/socket", dir);
    for (unsigned int i = 0; i < CLIENTS; i++) {
        clients[i].domid = i < 3 ? 0 : i - 2;
        clients[i].peer = i < 3 ? peer_socket(path) : peer_ring(dir, i - 2);
        if (i >= 3) {
            char data[32];
            size_t len = (size_t)sprintf(data, "%u", i - 2) + 1;

            memcpy(data + len, "1\0001", 4);
            peer_send(clients[0].peer, HV_XS_INTRODUCE, 1, 0, data, len + 4);
            if (!peer_receive(clients[0].peer, &m, 30000))
                die("no answer to INTRODUCE");
        }
    }
}

int main(int argc, char **argv)
{
    char dir[] = "/tmp/xs-model-XXXXXX", command[64], daemon[4096], pid_file[64];
    unsigned int requests = argc > 2 ? (unsigned int)atoi(argv[2]) : 60000;
    unsigned long long seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (unsigned)getpid();
    char *const args[] = {daemon, "-N", "--rundir", dir, "-F", pid_file,
                          "-E",   "0",  "-t",       "0", NULL};
    pid_t pid;

    beside(daemon, sizeof(daemon), argv[0], "xenstored-asan");
    if (!mkdtemp(dir))
        return 2;
    snprintf(pid_file, sizeof(pid_file), "%s/pid", dir);
    setenv("XS_FAKE_DIR", dir, 1);
    state = seed;
    puts("1..1");
    pid = daemon_start(args, dir);
    if (pid < 0)
        die("the daemon does not start");
    model_init(&model);
    connect_clients(dir);
    for (number = 0; number < requests; number++)
        step();
    number--;
    daemon_stop(pid);
    printf("ok 1 - %u random requests (seed %llu) are answered as by the reference\n",
           requests, seed);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command) ? 1 : 0;
}
