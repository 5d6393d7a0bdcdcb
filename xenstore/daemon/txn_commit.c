/* SPDX-License-Identifier: MIT */
/* The end of a transaction: conflicts, the merge into the store's tree, events. */
#include <errno.h>
#include <stdlib.h>

#include "daemon/alloc.h"
#include "daemon/domain.h"
#include "daemon/journal.h"
#include "daemon/txn.h"
#include "daemon/txn_priv.h"
#include "daemon/watch.h"

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

bool txn_conflicts(struct txn *t)
{
    if (store.root == t->base)
        return false;
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

        if (limit && t->owned[i].nodes > 0 &&
            (d ? d->nodes : 0) + (uint32_t)t->owned[i].nodes > limit)
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
        txn_insert(NULL, n->path, n->len, node_value(mine), mine->value_len, mine->perms);
        return;
    }
    if ((n->change & CHANGE_PERMS) && now->perms != mine->perms)
        txn_set_perms(NULL, n->path, n->len, mine->perms);
    if (n->change & CHANGE_VALUE)
        txn_set_value(NULL, n->path, n->len, node_value(mine), mine->value_len);
}

static void carry_removal(const struct touch *n)
{
    struct node *now = store_find(store.root, n->path, n->len);

    if (!n->removed || !now)
        return;
    txn_remove(NULL, n->path, n->len);
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
        txn_account(NULL, t->owned[i].domid, t->owned[i].nodes, t->owned[i].bytes);
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
            txn_fire(n->path, n->len, now->perms);
        else if (n->removed)
            txn_fire(n->path, n->len, n->removed->perms);
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
    if (t->failed)
        return ENOMEM;
    if (t->doomed)
        return EAGAIN;
    if (txn_conflicts(t)) {
        *has_lost = true;
        return EAGAIN;
    }
    if (!t->changes)
        return 0;
    if (favour_bars(t))
        return EAGAIN;
    if (over_quota(t))
        return ENOSPC;
    if (store.root == t->base)
        replace_root(t);
    else
        merge(t);
    write_journal(t);
    favour_won(t->conn);
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
        favour_lost(t);
    else
        txn_free(t);
    return rc;
}
