/* SPDX-License-Identifier: MIT */
/*
 * An open transaction on its way to a new daemon: what it has seen and changed, by path.
 * There it begins anew on the tree as it is then. That makes no difference to its client:
 * if all it has seen still holds, it might as well have begun now; if not, it is doomed.
 */
#include <stdlib.h>

#include "daemon/alloc.h"
#include "daemon/state.h"
#include "daemon/txn.h"
#include "daemon/txn_priv.h"

struct saved_txn {
    uint32_t id, touched, changes, owned, bytes;
    uint8_t doomed, failed;
};

struct saved_touch {
    uint32_t event_order; /* from 1; 0: none */
    uint32_t perms;       /* entries of the node it left; 0: it left none */
    uint16_t len, value_len;
    uint8_t seen, change, event, removed;
};

static uint32_t event_order(const struct txn *t, const struct touch *n)
{
    uint32_t at = 1;

    if (!n->listed)
        return 0;
    for (const struct touch *e = t->first_event; e != n; e = e->next_event)
        at++;
    return at;
}

static void save_touch(struct state *s, const struct txn *t, const struct touch *n)
{
    struct node *left =
        n->change && !t->doomed ? store_find(t->root, n->path, n->len) : NULL;
    struct saved_touch saved = {
        .event_order = event_order(t, n),
        .perms = left ? left->perms->count : 0,
        .len = n->len,
        .value_len = left ? left->value_len : 0,
        .seen = n->seen,
        .change = n->change,
        .event = n->event,
        .removed = n->removed != NULL,
    };

    state_put(s, &saved, sizeof(saved));
    state_put(s, n->path, n->len);
    if (!left)
        return;
    state_put(s, left->perms->entry, left->perms->count * sizeof(struct xs_perm));
    state_put(s, node_value(left), left->value_len);
}

void txn_save(struct state *s, struct list *l)
{
    struct txn *t = list_of(l, struct txn, by_conn);
    struct saved_txn saved = {
        .id = t->id,
        .touched = t->touched,
        .owned = t->owned_count,
        .bytes = t->bytes,
        .failed = t->failed,
    };

    t->doomed |= txn_conflicts(t);
    saved.doomed = t->doomed;
    state_put(s, &saved, sizeof(saved));
    state_put(s, t->owned, t->owned_count * sizeof(*t->owned));
    for (struct touch *n = t->first_change; n; n = n->next_change)
        save_touch(s, t, n);
    for (uint32_t i = 0; i < t->buckets; i++) {
        for (struct touch *n = t->table[i]; n; n = n->next_hash) {
            if (!n->change)
                save_touch(s, t, n);
        }
    }
}

/* --- the other side --- */

struct loaded {
    struct touch *touch;
    struct saved_touch saved;
    const char *perms, *value;
};

static void load_touch(struct state *s, struct txn *t, struct loaded *l)
{
    struct saved_touch *saved = &l->saved;
    const char *path;

    state_get(s, saved, sizeof(*saved));
    path = state_take(s, saved->len);
    l->perms = state_take(s, saved->perms * sizeof(struct xs_perm));
    l->value = state_take(s, saved->value_len);
    if (s->bad)
        return;
    l->touch = saved->change ? txn_changed(t, path, saved->len, saved->change, false)
                             : txn_touch(t, path, saved->len);
    l->touch->seen = saved->seen;
    l->touch->event = saved->event;
}

/* The tree as the transaction left it there. */
static void apply(struct txn *t, const struct loaded *l)
{
    const struct touch *n = l->touch;
    size_t count = l->saved.perms;
    struct xs_perm *entry;
    struct perms *perms;

    if (!count || !store_find(t->root, n->path, xs_path_parent(n->path, n->len)))
        return;
    entry = xmemdup(l->perms, count * sizeof(*entry));
    perms = perms_make(entry, count);
    free(entry);
    if (!store_find(t->root, n->path, n->len)) {
        store_insert(&t->root, n->path, n->len, l->value, l->saved.value_len, perms);
    } else {
        if (n->change & CHANGE_PERMS)
            store_set_perms(&t->root, n->path, n->len, perms);
        if (n->change & CHANGE_VALUE)
            store_set_value(&t->root, n->path, n->len, l->value, l->saved.value_len);
    }
    perms_put(perms);
}

static int shorter_first(const void *a, const void *b)
{
    const struct loaded *x = a, *y = b;

    return (int)x->saved.len - (int)y->saved.len;
}

static int events_first(const void *a, const void *b)
{
    const struct loaded *x = a, *y = b;

    /* 0, which is no event, comes last */
    return x->saved.event_order - 1 < y->saved.event_order - 1 ? -1 : 1;
}

/* As at a commit: removals first, then parents before children. */
static void rebuild(struct txn *t, struct loaded *l, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct touch *n = l[i].touch;
        struct node *there = store_find(t->root, n->path, n->len);

        if (!l[i].saved.removed || !there || n->len == 1)
            continue;
        n->removed = node_ref(there);
        store_remove(&t->root, n->path, n->len);
    }
    qsort(l, count, sizeof(*l), shorter_first);
    for (uint32_t i = 0; i < count; i++)
        apply(t, &l[i]);
    qsort(l, count, sizeof(*l), events_first);
    for (uint32_t i = 0; i < count && l[i].saved.event_order; i++)
        txn_list_event(t, l[i].touch);
}

void txn_load(struct state *s, struct conn *c)
{
    struct saved_txn saved;
    struct loaded *l;
    struct txn *t;

    state_get(s, &saved, sizeof(saved));
    if (s->bad || saved.touched > s->len || saved.owned > s->len)
        return;
    t = txn_new(c, saved.id);
    t->doomed = saved.doomed;
    t->failed = saved.failed;
    t->owned = xalloc((saved.owned + 1) * sizeof(*t->owned));
    state_get(s, t->owned, saved.owned * sizeof(*t->owned));
    t->owned_count = saved.owned;
    l = xzalloc((saved.touched + 1) * sizeof(*l));
    for (uint32_t i = 0; i < saved.touched && !s->bad; i++)
        load_touch(s, t, &l[i]);
    if (!s->bad)
        rebuild(t, l, saved.touched);
    free(l);
    c->txn_bytes += saved.bytes - t->bytes;
    t->bytes = saved.bytes;
}
