/* SPDX-License-Identifier: MIT */
/* What goes into the journal, and when. See journal.h; recover.c reads it. */
#include "daemon/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/alloc.h"
#include "daemon/conn_ring.h"
#include "daemon/domain.h"
#include "daemon/journal_priv.h"
#include "daemon/special.h"
#include "daemon/txn.h"
#include "daemon/watch.h"

struct journal_log journal_log = {.file = {.fd = {-1, -1}}};

/* --- records --- */

void journal_put(struct journal_file *f, struct journal_entry e, const void *a,
                 const void *b, const struct perms *perms)
{
    struct iovec part[4] = {
        {&e, sizeof(e)},
        {(void *)(uintptr_t)a, e.a_len},
        {(void *)(uintptr_t)b, e.b_len},
        {perms ? (void *)(uintptr_t)perms->entry : NULL,
         e.perms * sizeof(struct xs_perm)},
    };

    if (!journal_file_is_open(f))
        return;
    journal_file_append(f, part, 4);
    if (f == &journal_log.file)
        journal_log.tail++;
}

void journal_node(const char *path, size_t len)
{
    struct journal_entry e = {.type = JOURNAL_NODE, .a_len = (uint16_t)len};
    struct node *n;

    if (!journal_active())
        return;
    n = store_find(store.root, path, len);
    e.b_len = n->value_len;
    e.perms = (uint16_t)n->perms->count;
    journal_put(&journal_log.file, e, path, node_value(n), n->perms);
}

void journal_removed(const char *path, size_t len)
{
    struct journal_entry e = {.type = JOURNAL_REMOVED, .a_len = (uint16_t)len};

    journal_put(&journal_log.file, e, path, NULL, NULL);
}

/*
 * number: the depth, shifted by one; flags: whether the path was given as a relative one.
 */
static void put_watch(struct journal_file *f, uint32_t domid, const struct xs_path *p,
                      const char *token, int depth, enum journal_type type)
{
    struct journal_entry e = {
        .type = (uint8_t)type,
        .flags = p->base != 0,
        .a_len = (uint16_t)p->len,
        .b_len = (uint16_t)(strlen(token) + 1),
        .domid = domid,
        .number = (uint32_t)(depth + 1),
    };

    journal_put(f, e, p->s, token, NULL);
}

void journal_watch(uint32_t domid, const struct xs_path *p, const char *token, int depth)
{
    put_watch(&journal_log.file, domid, p, token, depth, JOURNAL_WATCH);
}

void journal_unwatch(uint32_t domid, const struct xs_path *p, const char *token)
{
    put_watch(&journal_log.file, domid, p, token, -1, JOURNAL_UNWATCH);
}

void journal_reset(uint32_t domid)
{
    journal_put(&journal_log.file,
                (struct journal_entry){.type = JOURNAL_RESET, .domid = domid}, NULL, NULL,
                NULL);
}

static void put_txn(struct journal_file *f, uint32_t domid, uint32_t id,
                    enum journal_type type)
{
    struct journal_entry e = {.type = (uint8_t)type, .domid = domid, .number = id};

    journal_put(f, e, NULL, NULL, NULL);
}

void journal_txn(uint32_t domid, uint32_t id, bool start)
{
    put_txn(&journal_log.file, domid, id, start ? JOURNAL_TXN_START : JOURNAL_TXN_END);
}

static void put_domain(struct journal_file *f, const struct domain *d)
{
    struct journal_domain_quota q[QUOTA_COUNT];
    struct journal_domain s = {
        .gfn = d->gfn,
        .port = d->port,
        .target = d->target,
        .features = d->features,
        .introduced = d->introduced,
        .shutdown = d->shutdown,
        .has_target = d->has_target,
    };
    struct journal_entry e = {
        .type = JOURNAL_DOMAIN, .a_len = sizeof(s), .domid = d->domid};

    for (uint32_t i = 0; i < QUOTA_COUNT; i++) {
        if (d->has_quota[i])
            q[s.quotas++] = (struct journal_domain_quota){i, d->quota[i]};
    }
    e.b_len = (uint16_t)(s.quotas * sizeof(q[0]));
    journal_put(f, e, &s, q, NULL);
}

void journal_domain(const struct domain *d)
{
    put_domain(&journal_log.file, d);
}

void journal_domain_gone(uint32_t domid)
{
    journal_put(&journal_log.file,
                (struct journal_entry){.type = JOURNAL_DOMAIN_GONE, .domid = domid}, NULL,
                NULL, NULL);
}

static void put_special(struct journal_file *f, uint32_t which, const struct perms *perms)
{
    struct journal_entry e = {
        .type = JOURNAL_SPECIAL, .number = which, .perms = (uint16_t)perms->count};

    journal_put(f, e, NULL, NULL, perms);
}

void journal_special(uint32_t which, const struct perms *perms)
{
    put_special(&journal_log.file, which, perms);
}

static void put_quotas(struct journal_file *f)
{
    struct journal_quota q[QUOTA_COUNT];
    struct journal_entry e = {.type = JOURNAL_QUOTAS, .a_len = sizeof(q)};

    for (int i = 0; i < QUOTA_COUNT; i++)
        q[i] = (struct journal_quota){quotas[i].limit, quotas[i].soft};
    journal_put(f, e, q, NULL, NULL);
}

void journal_quotas(void)
{
    put_quotas(&journal_log.file);
}

/* number: the ring's index that goes with the bytes. */
static void put_bytes(struct journal_file *f, uint32_t domid, uint32_t index,
                      const void *data, size_t len, enum journal_type type)
{
    struct journal_entry e = {
        .type = (uint8_t)type, .a_len = (uint16_t)len, .domid = domid, .number = index};

    journal_put(f, e, data, NULL, NULL);
}

void journal_input(uint32_t domid, uint32_t cons, const void *data, size_t len)
{
    put_bytes(&journal_log.file, domid, cons, data, len, JOURNAL_INPUT);
}

void journal_output(uint32_t domid, uint32_t prod, const void *data, size_t len)
{
    put_bytes(&journal_log.file, domid, prod, data, len, JOURNAL_OUTPUT);
}

/* --- all of it --- */

/*
 * What the ring has of a message: the journal's records of it are left behind. That of a
 * reply begins one byte early, as a sign that it has begun.
 */
static void put_under_way(struct journal_file *f, struct conn *c)
{
    struct ring_part in, out;
    char *begun;

    ring_under_way(c, &in, &out);
    if (in.len)
        put_bytes(f, c->id, in.index, in.data, in.len, JOURNAL_INPUT);
    if (!out.len)
        return;
    begun = xzalloc(1 + out.len);
    memcpy(begun + 1, out.data, out.len);
    put_bytes(f, c->id, out.index - 1, begun, 1 + out.len, JOURNAL_OUTPUT);
    free(begun);
}

static void put_client(struct journal_file *f, struct conn *c)
{
    struct xs_path p;

    for (struct list *l = c->watches.next; l != &c->watches; l = l->next) {
        struct watch *w = list_of(l, struct watch, by_conn);

        p.len = watch_absolute(w, p.s);
        p.base = w->base;
        put_watch(f, c->id, &p, w->token, w->depth, JOURNAL_WATCH);
    }
    for (struct list *l = c->txns.next; l != &c->txns; l = l->next)
        put_txn(f, c->id, txn_id(txn_of(l)), JOURNAL_TXN_START);
    put_under_way(f, c);
}

void journal_put_rest(struct journal_file *f)
{
    put_quotas(f);
    for (uint32_t i = 0; i < SPECIAL_COUNT; i++)
        put_special(f, i, special_perms((enum special)i));
    for (struct list *l = domains.next; l != &domains; l = l->next) {
        struct domain *d = list_of(l, struct domain, all);

        put_domain(f, d);
        if (d->conn)
            put_client(f, d->conn);
    }
}

/* --- life --- */

int journal_open(const char *dir, const struct recovered *r)
{
    int rc;

    snprintf(journal_log.path, sizeof(journal_log.path), "%s/journal", dir);
    journal_log.tidied = 0;
    journal_log.tail = r ? r->tail : 0;
    rc = journal_file_open(&journal_log.file, journal_log.path, r != NULL);
    journal_log.renew = r && (r->damaged || journal_stale());
    return rc;
}

void journal_close(void)
{
    journal_commit();
    journal_file_close(&journal_log.file);
}

bool journal_active(void)
{
    return journal_file_is_open(&journal_log.file);
}

void journal_commit(void)
{
    if (journal_active())
        journal_file_commit(&journal_log.file);
}
