/* SPDX-License-Identifier: MIT */
/*
 * Transactions and changes: see txn.h.
 *
 * The notes of a transaction (struct touch) are found by a small hash table on the path.
 * A change outside a transaction is made in the store's root and told to watches at once;
 * inside one it is made in the transaction's root, and told when that is committed.
 */
#include "daemon/txn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/alloc.h"
#include "daemon/domain.h"
#include "daemon/journal.h"
#include "daemon/txn_priv.h"
#include "daemon/watch.h"

struct node *txn_root(struct txn *t)
{
    return t ? t->root : store.root;
}

uint32_t txn_id(const struct txn *t)
{
    return t->id;
}

struct txn *txn_of(struct list *l)
{
    return list_of(l, struct txn, by_conn);
}

struct txn *txn_find(struct conn *c, uint32_t id)
{
    for (struct list *l = c->txns.next; l != &c->txns; l = l->next) {
        struct txn *t = list_of(l, struct txn, by_conn);

        if (t->id == id)
            return t;
    }
    return NULL;
}

struct txn *txn_new(struct conn *c, uint32_t id)
{
    struct txn *t = xzalloc(sizeof(*t));

    t->conn = c;
    t->id = id;
    t->since = txn_now_ms();
    t->base = node_ref(store.root);
    t->root = node_ref(store.root);
    t->last_change = &t->first_change;
    t->last_event = &t->first_event;
    list_append(&c->txns, &t->by_conn);
    c->txn_count++;
    return t;
}

int txn_start(struct conn *c, struct txn **out)
{
    uint32_t limit = domain_limit(c, QUOTA_TRANSACTIONS);

    if (limit && c->txn_count > limit)
        return ENOSPC;
    favour_look(c);
    do
        c->last_txn++;
    while (c->last_txn == 0 || txn_find(c, c->last_txn));
    *out = txn_new(c, c->last_txn);
    if (c->domain)
        journal_txn(c->id, c->last_txn, true);
    return 0;
}

void txn_restore(struct conn *c, uint32_t id)
{
    if (txn_find(c, id))
        return;
    txn_new(c, id)->doomed = true;
    if (id > c->last_txn)
        c->last_txn = id;
}

static void forget_touches(struct txn *t)
{
    for (uint32_t i = 0; i < t->buckets; i++) {
        for (struct touch *n = t->table[i], *next; n; n = next) {
            next = n->next_hash;
            node_put(n->removed);
            free(n);
        }
    }
    free(t->table);
}

/* Ends it for its client; what it has noted remains. */
void txn_detach(struct txn *t)
{
    list_remove(&t->by_conn);
    t->conn->txn_count--;
    t->conn->txn_bytes -= t->bytes;
    node_put(t->base);
    node_put(t->root);
    t->base = t->root = NULL;
}

void txn_release(struct txn *t)
{
    if (!t)
        return;
    forget_touches(t);
    free(t->owned);
    free(t);
}

void txn_free(struct txn *t)
{
    txn_detach(t);
    txn_release(t);
}

void txn_drop_all(struct conn *c)
{
    while (!list_empty(&c->txns))
        txn_free(list_of(c->txns.next, struct txn, by_conn));
}

void txn_fail(struct txn *t)
{
    t->failed = true;
}

static void expire(struct conn *c, int64_t now)
{
    int64_t age = domain_limit(c, QUOTA_TRANSACTION_AGE) * 1000ll;

    for (struct list *l = c->txns.next; age && l != &c->txns; l = l->next) {
        struct txn *t = list_of(l, struct txn, by_conn);

        if (now - t->since < age || t->base == store.root)
            continue;
        t->doomed = true;
        t->since = now;
        node_put(t->base);
        node_put(t->root);
        t->base = node_ref(store.root);
        t->root = node_ref(store.root);
    }
}

void txn_expire(void)
{
    static int64_t next;
    int64_t now = txn_now_ms();

    if (now < next)
        return;
    next = now + 1000;
    for (struct list *l = domains.next; l != &domains; l = l->next) {
        struct domain *d = list_of(l, struct domain, all);

        if (d->conn)
            expire(d->conn, now);
    }
}

/* --- notes --- */

static uint32_t hash_path(const char *path, size_t len)
{
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)path[i]) * 16777619u;
    return h ^ h >> 16;
}

static void grow(struct txn *t)
{
    uint32_t buckets = t->buckets ? t->buckets * 4 : 16;
    struct touch **table = xzalloc(buckets * sizeof(*table));

    for (uint32_t i = 0; i < t->buckets; i++) {
        for (struct touch *n = t->table[i], *next; n; n = next) {
            next = n->next_hash;
            n->next_hash = table[n->hash & (buckets - 1)];
            table[n->hash & (buckets - 1)] = n;
        }
    }
    free(t->table);
    t->table = table;
    t->buckets = buckets;
}

static void grow_by(struct txn *t, size_t bytes)
{
    t->bytes += (uint32_t)bytes;
    t->conn->txn_bytes += (uint32_t)bytes;
}

struct touch *txn_find_touch(const struct txn *t, const char *path, size_t len)
{
    uint32_t hash = hash_path(path, len);
    struct touch *n = t->buckets ? t->table[hash & (t->buckets - 1)] : NULL;

    while (n && (n->hash != hash || n->len != len || memcmp(n->path, path, len) != 0))
        n = n->next_hash;
    return n;
}

static struct touch *add_touch(struct txn *t, const char *path, size_t len)
{
    uint32_t hash = hash_path(path, len);
    struct touch *n;

    if (t->touched >= t->buckets)
        grow(t);
    n = xzalloc(sizeof(*n) + len);
    n->hash = hash;
    n->len = (uint16_t)len;
    memcpy(n->path, path, len);
    n->next_hash = t->table[hash & (t->buckets - 1)];
    t->table[hash & (t->buckets - 1)] = n;
    t->touched++;
    grow_by(t, sizeof(*n) + len);
    return n;
}

struct touch *txn_touch(struct txn *t, const char *path, size_t len)
{
    struct touch *n = txn_find_touch(t, path, len);

    return n ? n : add_touch(t, path, len);
}

int txn_saw(struct txn *t, const char *path, size_t len, unsigned int seen)
{
    struct touch *n;
    uint32_t limit;

    if (!t)
        return 0;
    n = txn_find_touch(t, path, len);
    limit = n ? 0 : domain_limit(t->conn, QUOTA_TRANSACTION_NODES);
    if (limit && t->touched >= limit) {
        txn_fail(t);
        return ENOSPC;
    }
    limit = n ? 0 : domain_limit(t->conn, QUOTA_MEMORY);
    if (limit && domain_memory(t->conn->id) > limit) {
        txn_fail(t);
        return EIO;
    }
    (n ? n : add_touch(t, path, len))->seen |= (uint8_t)seen;
    return 0;
}

void txn_list_event(struct txn *t, struct touch *n)
{
    n->listed = true;
    *t->last_event = n;
    t->last_event = &n->next_event;
}

struct touch *txn_changed(struct txn *t, const char *path, size_t len, unsigned int how,
                          bool event)
{
    struct touch *n = txn_touch(t, path, len);

    if (!n->change) {
        *t->last_change = n;
        t->last_change = &n->next_change;
        t->changes++;
    }
    n->change |= (uint8_t)how;
    n->event |= event;
    if (event && !n->listed)
        txn_list_event(t, n);
    return n;
}

static struct node **slot(struct txn *t)
{
    return t ? &t->root : &store.root;
}

/* --- who owns how much --- */

static int32_t charge(const struct node *n, size_t path_len)
{
    return (int32_t)(NODE_FLAT + NODE_PER_ENTRY * n->perms->count + n->value_len +
                     store_list_bytes(n) + path_len);
}

static struct owned *owned_entry(struct txn *t, uint32_t domid)
{
    for (uint32_t i = 0; i < t->owned_count; i++) {
        if (t->owned[i].domid == domid)
            return &t->owned[i];
    }
    t->owned = xrealloc(t->owned, (t->owned_count + 1) * sizeof(*t->owned));
    t->owned[t->owned_count] = (struct owned){.domid = domid};
    return &t->owned[t->owned_count++];
}

void txn_account(struct txn *t, uint32_t domid, int32_t nodes, int32_t bytes)
{
    if (domid == 0)
        return;
    if (t) {
        struct owned *o = owned_entry(t, domid);

        o->nodes += nodes;
        o->bytes += bytes;
    } else {
        struct domain *d = domain_get(domid);

        d->nodes += (uint32_t)nodes;
        d->bytes += (uint32_t)bytes;
    }
}

uint32_t edit_owned(struct txn *t, uint32_t domid)
{
    struct domain *d = domain_find(domid);
    uint32_t nodes = d ? d->nodes : 0;

    if (t && domid)
        nodes += (uint32_t)owned_entry(t, domid)->nodes;
    return nodes;
}

bool edit_fits(struct conn *c, struct txn *t, uint32_t owner, int64_t more)
{
    uint32_t limit = domain_quota(owner, QUOTA_MEMORY);
    int64_t bytes;

    if (c->privileged || owner == 0 || more <= 0)
        return true;
    domain_warn(owner, more);
    bytes = (int64_t)domain_memory(owner) + more;
    if (t)
        bytes += owned_entry(t, owner)->bytes;
    return !limit || bytes <= limit;
}

static bool unaccount_node(void *arg, const char *path, size_t len, struct node *n)
{
    txn_account(arg, node_owner(n), -1, -charge(n, len));
    return true;
}

/* A child of this name has come (1) or gone (-1): that is its parent's owner's as well.
 */
static void account_name(struct txn *t, const struct node *parent, const char *path,
                         size_t len, int sign)
{
    size_t at = xs_path_parent(path, len);

    txn_account(t, node_owner(parent), 0, sign * (int32_t)(len - (at == 1 ? 0 : at)));
}

static bool account_node(void *arg, const char *path, size_t len, struct node *n)
{
    txn_account(NULL, node_owner(n), 1, charge(n, len));
    return true;
}

void edit_account_all(void)
{
    store_walk(store.root, "/", 1, true, account_node, NULL);
}

/* --- changes to the tree, with accounting --- */

void txn_set_value(struct txn *t, const char *path, size_t len, const void *value,
                   size_t vlen)
{
    struct node *n = store_find(*slot(t), path, len);

    txn_account(t, node_owner(n), 0, (int32_t)vlen - n->value_len);
    store_set_value(slot(t), path, len, value, vlen);
}

void txn_set_perms(struct txn *t, const char *path, size_t len, struct perms *perms)
{
    struct node *n = store_find(*slot(t), path, len);

    txn_account(t, node_owner(n), -1, -charge(n, len));
    store_set_perms(slot(t), path, len, perms);
    n = store_find(*slot(t), path, len);
    txn_account(t, node_owner(n), 1, charge(n, len));
}

void txn_insert(struct txn *t, const char *path, size_t len, const void *value,
                size_t vlen, struct perms *perms)
{
    txn_account(t, perms->entry[0].id, 1,
                (int32_t)(NODE_FLAT + NODE_PER_ENTRY * perms->count + vlen + len));
    account_name(t, store_insert(slot(t), path, len, value, vlen, perms), path, len, 1);
}

void txn_remove(struct txn *t, const char *path, size_t len)
{
    store_walk(store_find(*slot(t), path, len), path, len, true, unaccount_node, t);
    account_name(t, store_remove(slot(t), path, len), path, len, -1);
}

/* --- edits --- */

static const struct perms *parent_perms(struct node *root, const char *path, size_t len)
{
    size_t parent = xs_path_parent(path, len);
    struct node *n = parent ? store_find(root, path, parent) : NULL;

    return n ? n->perms : NULL;
}

void txn_fire(const char *path, size_t len, const struct perms *perms)
{
    watch_fire(path, len, perms, parent_perms(store.root, path, len));
}

void edit_value(struct txn *t, const char *path, size_t len, const void *value,
                size_t vlen)
{
    txn_set_value(t, path, len, value, vlen);
    if (t) {
        txn_changed(t, path, len, CHANGE_VALUE, true);
        grow_by(t, vlen);
        return;
    }
    journal_node(path, len);
    txn_fire(path, len, store_find(store.root, path, len)->perms);
}

void edit_perms(struct txn *t, const char *path, size_t len, struct perms *perms)
{
    txn_set_perms(t, path, len, perms);
    if (t) {
        txn_changed(t, path, len, CHANGE_PERMS, true);
        return;
    }
    journal_node(path, len);
    txn_fire(path, len, perms);
}

void edit_create(struct txn *t, const char *path, size_t len, const void *value,
                 size_t vlen, struct perms *perms, bool event)
{
    txn_insert(t, path, len, value, vlen, perms);
    if (t) {
        txn_changed(t, path, len, CHANGE_MADE | (value ? CHANGE_VALUE : 0), event);
        grow_by(t, sizeof(struct node) + vlen);
        return;
    }
    journal_node(path, len);
    if (event)
        txn_fire(path, len, perms);
}

void edit_remove(struct txn *t, const char *path, size_t len)
{
    struct node *n = node_ref(store_find(*slot(t), path, len));

    txn_remove(t, path, len);
    if (t) {
        struct touch *note = txn_changed(t, path, len, CHANGE_REMOVED, true);

        if (!note->removed)
            note->removed = node_ref(n);
        /* Made and removed in here: nobody else will ever have seen it. */
        note->event = store_find(t->base, path, len) != NULL;
    } else {
        journal_removed(path, len);
        watch_fire_below(path, len, n);
        txn_fire(path, len, n->perms);
    }
    node_put(n);
}
