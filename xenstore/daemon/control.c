/* SPDX-License-Identifier: MIT */
/* CONTROL: the daemon's own commands, one table row each. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/conn_ring.h"
#include "daemon/domain.h"
#include "daemon/journal.h"
#include "daemon/log.h"
#include "daemon/ops.h"
#include "daemon/update.h"

#define MAX_ARGS 8

struct control {
    struct request *rq;
    const char *arg[MAX_ARGS];
    int count;
};

/* A line more for the reply; what does not fit is left out. */
static void say(struct control *k, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(struct control *k, const char *format, ...)
{
    struct request *rq = k->rq;
    char line[256];
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(line, sizeof(line), format, ap);
    va_end(ap);
    if (n > 0 && rq->out_len + (size_t)n < HV_STORE_PAYLOAD_MAX)
        reply_add(rq, line, (size_t)n);
}

static bool count_node(void *arg, const char *path, size_t len, struct node *n)
{
    (*(uint64_t *)arg)++;
    return true;
}

static int cmd_check(struct control *k)
{
    uint64_t nodes = 0;

    if (k->count)
        return EINVAL;
    store_walk(store.root, "/", 1, false, count_node, &nodes);
    log_say("check: %llu nodes", (unsigned long long)nodes);
    return 0;
}

static int cmd_log(struct control *k)
{
    if (k->count != 1 || (strcmp(k->arg[0], "on") != 0 && strcmp(k->arg[0], "off") != 0))
        return EINVAL;
    log_switch(strcmp(k->arg[0], "on") == 0);
    return 0;
}

static int cmd_logfile(struct control *k)
{
    return k->count == 1 ? log_trace(k->arg[0]) : EINVAL;
}

static void print_memory(FILE *f)
{
    unsigned int count = 0;

    for (struct list *l = conns.next; l != &conns; l = l->next)
        count++;
    fprintf(f, "nodes %llu, bytes %llu\n", (unsigned long long)store.nodes,
            (unsigned long long)store.bytes);
    fprintf(f, "watches %llu, points %llu, bytes %llu\n",
            (unsigned long long)watch_stats.watches,
            (unsigned long long)watch_stats.points,
            (unsigned long long)watch_stats.bytes);
    fprintf(f, "connections %u\n", count);
}

static int cmd_memreport(struct control *k)
{
    FILE *f;

    if (k->count > 1)
        return EINVAL;
    if (k->count == 0) {
        print_memory(stderr);
        return 0;
    }
    f = fopen(k->arg[0], "ae");
    if (!f)
        return EBADF;
    print_memory(f);
    fclose(f);
    return 0;
}

static int cmd_print(struct control *k)
{
    if (k->count != 1)
        return EINVAL;
    log_say("control: %s", k->arg[0]);
    return 0;
}

static int quota_show(struct control *k, bool soft)
{
    say(k, "Quota settings:\n");
    for (int i = 0; i < QUOTA_COUNT; i++) {
        const struct quota_info *q = &quotas[i];

        if (!soft)
            say(k, "%-17s: %8u %s\n", q->name, q->limit, q->what);
        else if (q->soft_what)
            say(k, "%-17s: %8u %s\n", q->name, q->soft, q->soft_what);
    }
    return reply_add(k->rq, "", 1);
}

static int quota_show_domain(struct control *k, const char *text)
{
    struct domain *d;
    struct conn *c;
    uint64_t domid;

    if (!xs_number(text, UINT32_MAX, &domid))
        return EINVAL;
    d = domain_find((uint32_t)domid);
    if (!d)
        return ENOENT;
    c = d->conn;
    say(k, "Domain %u:\n", d->domid);
    say(k, "%-16s: %8u\n", "nodes", d->nodes);
    say(k, "%-16s: %8u\n", "watches", c ? c->watch_count : 0);
    say(k, "%-16s: %8u\n", "transactions", c ? c->txn_count : 0);
    say(k, "%-16s: %8u\n", "outstanding", c ? c->owed : 0);
    say(k, "%-16s: %8u\n", "memory", domain_memory(d->domid));
    return reply_add(k->rq, "", 1);
}

static int quota_set(struct control *k, bool soft)
{
    uint64_t value;
    enum quota q;

    if (k->count != 3 || strcmp(k->arg[0], "set") != 0)
        return EINVAL;
    q = quota_by_name(k->arg[1]);
    if (q == QUOTA_COUNT || (soft && !quotas[q].soft_what) ||
        !xs_number(k->arg[2], UINT32_MAX, &value))
        return EINVAL;
    *(soft ? &quotas[q].soft : &quotas[q].limit) = (uint32_t)value;
    journal_quotas();
    return 0;
}

static int cmd_quota(struct control *k)
{
    if (k->count == 0)
        return quota_show(k, false);
    return k->count == 1 ? quota_show_domain(k, k->arg[0]) : quota_set(k, false);
}

static int cmd_quota_soft(struct control *k)
{
    return k->count == 0 ? quota_show(k, true) : quota_set(k, true);
}

/* For whoever wonders why a guest is silent. One message has no room for very many. */
static int cmd_rings(struct control *k)
{
    uint64_t only = 0;
    char text[160];

    if (k->count > 1 || (k->count && !xs_number(k->arg[0], UINT32_MAX, &only)))
        return EINVAL;
    for (struct list *l = domains.next; l != &domains; l = l->next) {
        struct domain *d = list_of(l, struct domain, all);

        if (!d->conn || (k->count && d->domid != only))
            continue;
        ring_describe(d->conn, text, sizeof(text));
        say(k, "domain %u: %s, watches %u, requests %llu\n", d->domid, text,
            d->conn->watch_count, (unsigned long long)d->conn->requests);
    }
    return reply_add(k->rq, "", 1);
}

static int cmd_live_update(struct control *k)
{
    bool later = false;
    const char *answer = update_step(k->rq->c, k->rq->h, k->count, k->arg, &later);

    if (!answer)
        return EINVAL;
    if (!later)
        return reply_text(k->rq, answer);
    k->rq->later = true;
    conn_end_turn(k->rq->c);
    return 0;
}

static int cmd_help(struct control *k);

static const struct command {
    const char *name;
    int (*run)(struct control *k);
    const char *usage;
} commands[] = {
    {"check", cmd_check, ""},
    {"log", cmd_log, "on|off"},
    {"live-update", cmd_live_update, "[-c <cmdline>] [-F] [-t <timeout>] <file>"},
    {"logfile", cmd_logfile, "<file>"},
    {"memreport", cmd_memreport, "[<file>]"},
    {"print", cmd_print, "<string>"},
    {"quota", cmd_quota, "[set <name> <val>|<domid>]"},
    {"quota-soft", cmd_quota_soft, "[set <name> <val>]"},
    {"rings", cmd_rings, "[<domid>]"},
    {"help", cmd_help, ""},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int cmd_help(struct control *k)
{
    if (k->count)
        return EINVAL;
    for (size_t i = 0; i < COMMANDS; i++)
        say(k, "%s\t%s\n", commands[i].name, commands[i].usage);
    return reply_add(k->rq, "", 1);
}

int op_control(struct request *rq)
{
    struct control k = {.rq = rq};
    size_t len;
    const char *name = xs_args_next(&rq->args, &len), *arg;

    if (!name)
        return EINVAL;
    while ((arg = xs_args_next(&rq->args, &len))) {
        if (k.count == MAX_ARGS)
            return EINVAL;
        k.arg[k.count++] = arg;
    }
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].run(&k);
    }
    return EINVAL;
}
