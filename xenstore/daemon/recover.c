/* SPDX-License-Identifier: MIT */
/*
 * Reading the journal after the daemon's death: the tree first, then, once the hypervisor
 * can be asked, guests' rings with their watches and transactions.
 *
 * Every restored watch fires once: events that died with the daemon are thus made up for.
 * A transaction that was open comes back as one that will fail with EAGAIN, which clients
 * know how to deal with. A request that was answered in the journal but not yet in the
 * ring is served again; conn->resumed lets it find its work done.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/alloc.h"
#include "daemon/conn_ring.h"
#include "daemon/domain.h"
#include "daemon/journal.h"
#include "daemon/log.h"
#include "daemon/recover_priv.h"
#include "daemon/special.h"
#include "daemon/txn.h"
#include "daemon/watch.h"

/* What waits for a guest's ring: a record that is to be applied to its connection. */
struct waiting {
    struct waiting *next;
    struct journal_entry e;
    char data[]; /* strings a and b */
};

/* By domain: a guest's record does not look through what waits for all the others. */
#define QUEUES 256u
static struct queue {
    struct waiting *first, **end; /* end is NULL while nothing has ever waited */
} queues[QUEUES];

static struct queue *queue_of(uint32_t domid)
{
    return &queues[domid % QUEUES];
}

static void drop_waiting(struct queue *q, struct waiting **at)
{
    struct waiting *w = *at;

    *at = w->next;
    if (q->end == &w->next)
        q->end = at;
    free(w);
}

static void keep(const struct journal_entry *e, const char *data)
{
    size_t len = (size_t)e->a_len + e->b_len;
    struct waiting *w = xalloc(sizeof(*w) + len);
    struct queue *q = queue_of(e->domid);

    w->next = NULL;
    w->e = *e;
    memcpy(w->data, data, len);
    *(q->end ? q->end : &q->first) = w;
    q->end = &w->next;
}

/* Forgets what waits for this guest: of one type, or all. */
static void forget(uint32_t domid, int type, const struct journal_entry *like,
                   const char *data)
{
    struct queue *q = queue_of(domid);
    struct waiting **at = &q->first;

    while (*at) {
        const struct waiting *w = *at;
        bool match = w->e.domid == domid && (type == 0 || w->e.type == type);

        if (match && like && like->type == JOURNAL_UNWATCH)
            match = w->e.a_len == like->a_len && w->e.b_len == like->b_len &&
                    memcmp(w->data, data, (size_t)like->a_len + like->b_len) == 0;
        if (match && like && like->type == JOURNAL_TXN_END)
            match = w->e.number == like->number;
        if (match)
            drop_waiting(q, at);
        else
            at = &(*at)->next;
    }
}

/* --- records --- */

static bool set_domain(const struct journal_entry *e, const char *data)
{
    struct journal_domain_quota q;
    struct journal_domain old;
    struct domain *d;

    if (e->a_len < sizeof(old))
        return false;
    memcpy(&old, data, sizeof(old));
    if (e->b_len != old.quotas * sizeof(q))
        return false;
    d = domain_get(e->domid);
    d->introduced = old.introduced;
    d->shutdown = old.shutdown;
    d->has_target = old.has_target;
    d->target = old.target;
    d->features = old.features;
    d->gfn = old.gfn;
    d->port = old.port;
    memset(d->has_quota, 0, sizeof(d->has_quota));
    for (uint8_t i = 0; i < old.quotas; i++) {
        memcpy(&q, data + e->a_len + i * sizeof(q), sizeof(q));
        if (q.quota >= QUOTA_COUNT)
            continue;
        d->has_quota[q.quota] = true;
        d->quota[q.quota] = q.limit;
    }
    return true;
}

static void domain_gone(uint32_t domid)
{
    struct domain *d = domain_find(domid);

    forget(domid, 0, NULL, NULL);
    perms_domain_died(domid);
    if (!d)
        return;
    d->introduced = d->has_target = false;
    memset(d->has_quota, 0, sizeof(d->has_quota));
    domain_drop_if_idle(d);
}

static bool set_quotas(const struct journal_entry *e, const char *data)
{
    struct journal_quota q;

    if (e->a_len % sizeof(q))
        return false;
    for (size_t i = 0; i < e->a_len / sizeof(q) && i < QUOTA_COUNT; i++) {
        memcpy(&q, data + i * sizeof(q), sizeof(q));
        quotas[i].limit = q.limit;
        quotas[i].soft = q.soft;
    }
    return true;
}

/* Records about nodes and permissions; perms is NULL where a record has none. */
static bool apply(const struct journal_entry *e, const char *data, struct perms *perms)
{
    switch (e->type) {
    case JOURNAL_NODE:
    case JOURNAL_TREE:
    case JOURNAL_REMOVED:
        return recover_tree(e, data, perms);
    case JOURNAL_SPECIAL:
        return perms && special_restore(e->number, perms);
    case JOURNAL_WATCH:
        if (!e->b_len || data[e->a_len + e->b_len - 1] ||
            !xs_path_valid(data, e->a_len, true))
            return false;
        keep(e, data);
        return true;
    case JOURNAL_TXN_START:
        keep(e, data);
        return true;
    case JOURNAL_UNWATCH:
        forget(e->domid, JOURNAL_WATCH, e, data);
        return true;
    case JOURNAL_TXN_END:
        forget(e->domid, JOURNAL_TXN_START, e, data);
        return true;
    case JOURNAL_RESET:
        forget(e->domid, JOURNAL_WATCH, NULL, NULL);
        forget(e->domid, JOURNAL_TXN_START, NULL, NULL);
        return true;
    case JOURNAL_DOMAIN:
        return set_domain(e, data);
    case JOURNAL_DOMAIN_GONE:
        domain_gone(e->domid);
        return true;
    case JOURNAL_QUOTAS:
        return set_quotas(e, data);
    case JOURNAL_INPUT:
    case JOURNAL_OUTPUT:
        forget(e->domid, e->type, NULL, NULL); /* only the last one counts */
        keep(e, data);
        return true;
    default:
        return false;
    }
}

/* Most records have the same as the one before. It is ours until the next call. */
static struct perms *last_perms;

static struct perms *perms_of(const char *bytes, size_t count)
{
    size_t size = count * sizeof(struct xs_perm);
    struct xs_perm *entry;

    if (last_perms && last_perms->count == count &&
        memcmp(last_perms->entry, bytes, size) == 0)
        return last_perms;
    if (last_perms)
        perms_put(last_perms);
    entry = xmemdup(bytes, size);
    last_perms = perms_make(entry, count);
    free(entry);
    return last_perms;
}

void recover_done(void)
{
    store_load_end();
    edit_account_all();
    if (last_perms)
        perms_put(last_perms);
    last_perms = NULL;
}

bool recover_record(const char *payload, uint32_t len)
{
    struct journal_entry e;
    struct perms *perms = NULL;

    if (len < sizeof(e))
        return false;
    memcpy(&e, payload, sizeof(e));
    if (len != sizeof(e) + e.a_len + e.b_len + e.perms * sizeof(struct xs_perm))
        return false;
    if (e.perms)
        perms = perms_of(payload + sizeof(e) + e.a_len + e.b_len, e.perms);
    return apply(&e, payload + sizeof(e), perms);
}

/* --- rings --- */

static void apply_waiting(struct conn *c, const struct waiting *w)
{
    struct watch *watch;
    struct xs_path p;

    switch (w->e.type) {
    case JOURNAL_WATCH:
        if (w->e.a_len > HV_STORE_ABS_PATH_MAX)
            return;
        memcpy(p.s, w->data, w->e.a_len);
        p.s[w->e.a_len] = '\0';
        p.len = w->e.a_len;
        p.base = w->e.flags ? (size_t)snprintf(NULL, 0, "/local/domain/%u/", c->id) : 0;
        if (watch_add(c, &p, w->data + w->e.a_len, (int)w->e.number - 1, &watch) == 0)
            conn_event(c, watch, p.s + p.base, p.len - p.base);
        break;
    case JOURNAL_TXN_START:
        txn_restore(c, w->e.number);
        break;
    default:
        ring_restore(c, w->e.type == JOURNAL_OUTPUT, w->e.number, w->data, w->e.a_len);
        break;
    }
}

/* First what was under way in the rings, then events. */
static void apply_queue(struct queue *q, bool bare)
{
    for (int pass = 0; pass < (bare ? 1 : 2); pass++) {
        for (struct waiting *w = q->first; w; w = w->next) {
            struct domain *d = domain_find(w->e.domid);
            bool bytes = w->e.type == JOURNAL_INPUT || w->e.type == JOURNAL_OUTPUT;

            if (!d || !d->conn || bytes != (pass == 0))
                continue;
            if (!bare)
                apply_waiting(d->conn, w);
            else if (w->e.type == JOURNAL_INPUT)
                ring_hold(d->conn, w->e.number, w->data, w->e.a_len);
        }
    }
    while (q->first)
        drop_waiting(q, &q->first);
}

void recover_rings(bool bare)
{
    struct list *l, *next;

    for (l = domains.next; l != &domains; l = next) {
        struct domain *d = list_of(l, struct domain, all);

        next = l->next;
        if (d->domid && d->introduced && domain_reconnect(d))
            log_say("domain %u: its ring cannot be connected again", d->domid);
    }
    for (uint32_t i = 0; i < QUEUES; i++)
        apply_queue(&queues[i], bare);
    domain_check_all();
}
