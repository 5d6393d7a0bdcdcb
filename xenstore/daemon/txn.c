/* SPDX-License-Identifier: MIT */
/*
 * Transactions: see txn.h.
 *
 * The notes of a transaction (struct touch) are found by a small hash table on the path.
 * A change outside a transaction is made in the store's root and told to watches at once;
 * inside one it is made in the transaction's root, and told when that is committed.
 */
#include "daemon/txn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

static struct txn *txn_new(struct conn *c, uint32_t id)
{
    struct txn *t = xzalloc(sizeof(*t));

    t->conn = c;
    t->id = id;
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
static void txn_detach(struct txn *t)
{
    list_remove(&t->by_conn);
    t->conn->txn_count--;
    t->conn->txn_bytes -= t->bytes;
    node_put(t->base);
    node_put(t->root);
    t->base = t->root = NULL;
}

static void txn_release(struct txn *t)
{
    if (!t)
        return;
    forget_touches(t);
    free(t->owned);
    free(t);
}

static void txn_free(struct txn *t)
{
    txn_detach(t);
    txn_release(t);
}

void txn_drop_all(struct conn *c)
{
    while (!list_empty(&c->txns))
        txn_free(list_of(c->txns.next, struct txn, by_conn));
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

static struct touch *find_touch(const struct txn *t, const char *path, size_t len,
                                uint32_t hash)
{
    struct touch *n = t->buckets ? t->table[hash & (t->buckets - 1)] : NULL;

    while (n && (n->hash != hash || n->len != len || memcmp(n->path, path, len) != 0))
        n = n->next_hash;
    return n;
}

static struct touch *touch(struct txn *t, const char *path, size_t len)
{
    uint32_t hash = hash_path(path, len);
    struct touch *n;

    if (t->touched >= t->buckets)
        grow(t);
    n = find_touch(t, path, len, hash);
    if (n)
        return n;
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

int txn_saw(struct txn *t, const char *path, size_t len, unsigned int seen)
{
    uint32_t limit;

    if (!t)
        return 0;
    limit = domain_limit(t->conn, QUOTA_TRANSACTION_NODES);
    if (limit && t->touched >= limit)
        return ENOSPC;
    limit = domain_limit(t->conn, QUOTA_MEMORY);
    if (limit && t->conn->txn_bytes > limit)
        return ENOSPC;
    touch(t, path, len)->seen |= (uint8_t)seen;
    return 0;
}

static struct touch *changed(struct txn *t, const char *path, size_t len, enum change how,
                             bool event)
{
    struct touch *n = touch(t, path, len);

    if (!n->change) {
        *t->last_change = n;
        t->last_change = &n->next_change;
        t->changes++;
    }
    n->change |= (uint8_t)how;
    n->event |= event;
    if (event && !n->listed) {
        n->listed = true;
        *t->last_event = n;
        t->last_event = &n->next_event;
    }
    return n;
}

/* --- who owns how much --- */

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

static void account(struct txn *t, uint32_t domid, int32_t delta)
{
    if (domid == 0)
        return;
    if (t)
        owned_entry(t, domid)->delta += delta;
    else
        domain_get(domid)->nodes += (uint32_t)delta;
}

uint32_t edit_owned(struct txn *t, uint32_t domid)
{
    struct domain *d = domain_find(domid);
    uint32_t nodes = d ? d->nodes : 0;

    if (t && domid)
        nodes += (uint32_t)owned_entry(t, domid)->delta;
    return nodes;
}

static bool unaccount_node(void *arg, const char *path, size_t len, struct node *n)
{
    account(arg, node_owner(n), -1);
    return true;
}

/* --- edits --- */

static struct node **slot(struct txn *t)
{
    return t ? &t->root : &store.root;
}

static const struct perms *parent_perms(struct node *root, const char *path, size_t len)
{
    size_t parent = xs_path_parent(path, len);
    struct node *n = parent ? store_find(root, path, parent) : NULL;

    return n ? n->perms : NULL;
}

static void fire_now(const char *path, size_t len, const struct perms *perms)
{
    watch_fire(path, len, perms, parent_perms(store.root, path, len));
}

void edit_value(struct txn *t, const char *path, size_t len, const void *value,
                size_t vlen)
{
    store_set_value(slot(t), path, len, value, vlen);
    if (t) {
        changed(t, path, len, CHANGE_VALUE, true);
        grow_by(t, vlen);
        return;
    }
    journal_node(path, len);
    fire_now(path, len, store_find(store.root, path, len)->perms);
}

void edit_perms(struct txn *t, const char *path, size_t len, struct perms *perms)
{
    struct node *n = store_find(*slot(t), path, len);

    account(t, node_owner(n), -1);
    account(t, perms->entry[0].id, 1);
    store_set_perms(slot(t), path, len, perms);
    if (t) {
        changed(t, path, len, CHANGE_PERMS, true);
        return;
    }
    journal_node(path, len);
    fire_now(path, len, perms);
}

void edit_create(struct txn *t, const char *path, size_t len, const void *value,
                 size_t vlen, struct perms *perms, bool event)
{
    account(t, perms->entry[0].id, 1);
    store_insert(slot(t), path, len, value, vlen, perms);
    if (t) {
        changed(t, path, len, CHANGE_MADE | (value ? CHANGE_VALUE : 0), event);
        grow_by(t, sizeof(struct node) + vlen);
        return;
    }
    journal_node(path, len);
    if (event)
        fire_now(path, len, perms);
}

void edit_remove(struct txn *t, const char *path, size_t len)
{
    struct node *n = node_ref(store_find(*slot(t), path, len));

    store_walk(n, path, len, true, unaccount_node, t);
    store_remove(slot(t), path, len);
    if (t) {
        struct touch *note = changed(t, path, len, CHANGE_REMOVED, true);

        if (!note->removed)
            note->removed = node_ref(n);
        /* Made and removed in here: nobody else will ever have seen it. */
        note->event = store_find(t->base, path, len) != NULL;
    } else {
        journal_removed(path, len);
        watch_fire_below(path, len, n);
        fire_now(path, len, n->perms);
    }
    node_put(n);
}

/* --- favour --- */

/*
 * Among clients whose transactions stand in each other's way the one that commits least
 * comes first: when it has lost one, others may not commit against its next for a moment.
 * So a quiet client gets through beside any number of busy loops. Guests are favoured
 * over guests only, and whoever does not use its favour has to wait before it gets
 * another.
 */
#define FAVOUR_MS    500
#define FAVOUR_AGAIN 1000
#define COMMITS_HALF 64 /* ms after which a commit counts half */

static struct {
    struct conn *conn;
    int64_t until;
    struct txn *lost; /* the transaction that lost: the next one will be like it */
} favour;

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static uint32_t recent_commits(struct conn *c, int64_t now)
{
    int64_t halves = (now - c->commits_at) / COMMITS_HALF;

    if (halves > 0) {
        c->commits = halves < 32 ? c->commits >> halves : 0;
        c->commits_at += halves * COMMITS_HALF;
    }
    return c->commits;
}

static void end_favour(void)
{
    if (favour.conn && now_ms() > favour.until)
        favour.conn->favour_not_before = now_ms() + FAVOUR_AGAIN;
    txn_release(favour.lost);
    favour.conn = NULL;
    favour.lost = NULL;
}

/* t has lost: its client may be favoured from now on. Takes t over. */
static void lost(struct txn *t)
{
    struct conn *c = t->conn;
    int64_t now = now_ms();
    bool other = favour.conn && favour.conn != c && now <= favour.until;

    txn_detach(t);
    if (now < c->favour_not_before ||
        (other && recent_commits(favour.conn, now) <= recent_commits(c, now))) {
        txn_release(t);
        return;
    }
    if (favour.conn != c || now > favour.until) {
        end_favour();
        favour.until = now + FAVOUR_MS;
    }
    txn_release(favour.lost);
    favour.conn = c;
    favour.lost = t;
}

static void won(struct conn *c)
{
    if (favour.conn == c)
        end_favour();
    recent_commits(c, now_ms());
    c->commits += 1024;
}

/* t would change something that the favoured client's transaction f has seen. */
static bool in_the_way(const struct txn *t, const struct txn *f)
{
    for (const struct touch *n = t->first_change; n; n = n->next_change) {
        size_t parent = xs_path_parent(n->path, n->len);
        const struct touch *seen = find_touch(f, n->path, n->len, n->hash);

        if (!seen && parent)
            seen = find_touch(f, n->path, parent, hash_path(n->path, parent));
        if (seen && seen->seen)
            return true;
    }
    return false;
}

static bool must_yield(const struct txn *t)
{
    struct conn *f = favour.conn;

    if (!f || f == t->conn || (t->conn->privileged && !f->privileged))
        return false;
    if (now_ms() > favour.until) {
        end_favour();
        return false;
    }
    for (struct list *l = f->txns.next; l != &f->txns; l = l->next) {
        if (in_the_way(t, list_of(l, struct txn, by_conn)))
            return true;
    }
    return in_the_way(t, favour.lost);
}

void txn_forget_conn(struct conn *c)
{
    txn_drop_all(c);
    if (favour.conn == c)
        end_favour();
}

/* --- commit --- */

static bool same(const struct node *was, const struct node *is, unsigned int seen)
{
    if (was == is)
        return true;
    if (!was || !is || (seen & SEEN_SUBTREE))
        return false;
    if ((seen & (SEEN_SELF | SEEN_LIST)) && was->born != is->born)
        return false;
    if ((seen & SEEN_SELF) && was->value_gen != is->value_gen)
        return false;
    if ((seen & SEEN_LIST) && was->list_gen != is->list_gen)
        return false;
    return was->perms == is->perms;
}

/* What this client has seen of the path does not hold any more. */
static bool conflict(struct txn *t, const struct touch *n)
{
    struct node *was = store_find(t->base, n->path, n->len);
    struct node *is = store_find(store.root, n->path, n->len);

    if (!n->seen)
        return false;
    if (!was && is && n->seen == SEEN_AS_MADE) {
        struct node *mine = store_find(t->root, n->path, n->len);

        return !mine || mine->perms != is->perms;
    }
    return !same(was, is, n->seen);
}

static bool conflicts(struct txn *t)
{
    for (uint32_t i = 0; i < t->buckets; i++) {
        for (struct touch *n = t->table[i]; n; n = n->next_hash) {
            if (conflict(t, n))
                return true;
        }
    }
    return false;
}

static bool over_quota(struct txn *t)
{
    if (t->conn->privileged)
        return false;
    for (uint32_t i = 0; i < t->owned_count; i++) {
        uint32_t limit = domain_quota(t->owned[i].domid, QUOTA_NODES);
        struct domain *d = domain_find(t->owned[i].domid);

        if (limit && t->owned[i].delta > 0 &&
            (d ? d->nodes : 0) + (uint32_t)t->owned[i].delta > limit)
            return true;
    }
    return false;
}

static int shorter_first(const void *a, const void *b)
{
    const struct touch *x = *(struct touch *const *)a;
    const struct touch *y = *(struct touch *const *)b;

    return (int)x->len - (int)y->len;
}

/* Brings one path of the store's tree to what the transaction made of it. */
static void carry_over(struct txn *t, const struct touch *n)
{
    struct node *mine = store_find(t->root, n->path, n->len);
    struct node *now = store_find(store.root, n->path, n->len);

    if (!mine)
        return;
    if (!now) {
        account(NULL, node_owner(mine), 1);
        store_insert(&store.root, n->path, n->len, node_value(mine), mine->value_len,
                     mine->perms);
        return;
    }
    if ((n->change & CHANGE_PERMS) && now->perms != mine->perms) {
        account(NULL, node_owner(now), -1);
        account(NULL, node_owner(mine), 1);
        store_set_perms(&store.root, n->path, n->len, mine->perms);
    }
    if (n->change & CHANGE_VALUE)
        store_set_value(&store.root, n->path, n->len, node_value(mine), mine->value_len);
}

static void carry_removal(const struct touch *n)
{
    struct node *now = store_find(store.root, n->path, n->len);

    if (!n->removed || !now)
        return;
    store_walk(now, n->path, n->len, true, unaccount_node, NULL);
    store_remove(&store.root, n->path, n->len);
}

/*
 * Removals first, then parents before children: whatever order the client worked in, a
 * node's parent is there when the node is made, and nothing new is removed again.
 */
static void merge(struct txn *t)
{
    struct touch **order = xalloc((t->changes + 1) * sizeof(*order));
    uint32_t count = 0;

    for (struct touch *n = t->first_change; n; n = n->next_change) {
        order[count++] = n;
        carry_removal(n);
    }
    qsort(order, count, sizeof(*order), shorter_first);
    for (uint32_t i = 0; i < count; i++)
        carry_over(t, order[i]);
    free(order);
}

/* Nobody has changed anything since we began: our tree is the tree. */
static void replace_root(struct txn *t)
{
    node_put(store.root);
    store.root = node_ref(t->root);
    for (uint32_t i = 0; i < t->owned_count; i++)
        account(NULL, t->owned[i].domid, t->owned[i].delta);
}

static void fire_changes(struct txn *t)
{
    for (struct touch *n = t->first_event; n; n = n->next_event) {
        struct node *now = store_find(store.root, n->path, n->len);

        if (!n->event)
            continue;
        if (n->removed)
            watch_fire_below(n->path, n->len, n->removed);
        if (now)
            fire_now(n->path, n->len, now->perms);
        else if (n->removed)
            fire_now(n->path, n->len, n->removed->perms);
    }
}

/* As in merge: removals first; nodes bring their parents with them. */
static void write_journal(struct txn *t)
{
    for (struct touch *n = t->first_change; n; n = n->next_change) {
        if (n->removed)
            journal_removed(n->path, n->len);
    }
    for (struct touch *n = t->first_change; n; n = n->next_change) {
        if (store_find(store.root, n->path, n->len))
            journal_node(n->path, n->len);
    }
}

static int commit(struct txn *t, bool *has_lost)
{
    if (t->doomed)
        return EAGAIN;
    if (store.root != t->base && conflicts(t)) {
        *has_lost = true;
        return EAGAIN;
    }
    if (!t->changes)
        return 0;
    if (must_yield(t))
        return EAGAIN;
    if (over_quota(t))
        return ENOSPC;
    if (store.root == t->base)
        replace_root(t);
    else
        merge(t);
    write_journal(t);
    won(t->conn);
    return 0;
}

int txn_end(struct txn *t, bool do_commit)
{
    bool has_lost = false;
    int rc = do_commit ? commit(t, &has_lost) : 0;

    if (t->conn->domain)
        journal_txn(t->conn->id, t->id, false);
    if (do_commit && rc == 0) {
        /* Releasing the trees first lets the store's be edited in place again. */
        node_put(t->base);
        node_put(t->root);
        t->base = t->root = NULL;
        fire_changes(t);
    }
    if (has_lost)
        lost(t);
    else
        txn_free(t);
    return rc;
}
