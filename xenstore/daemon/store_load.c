/* SPDX-License-Identifier: MIT */
/*
 * Loading a tree in one pass. See store.h.
 *
 * Places where nodes are still to come lie on a stack, each with the neighbours that
 * bound its name from both sides, so what is linked is a search tree in heap order
 * whatever was read.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/alloc.h"
#include "daemon/store_priv.h"

#define BORN_MAX (UINT64_MAX / 2) /* generations go on from the greatest */

struct place {
    struct node **slot;
    const struct node *above;      /* whose treap priority is not below; NULL: a child */
    const struct node *low, *high; /* NULL: no bound */
    uint32_t depth;
};

static struct {
    struct place *places;
    struct node **loaded; /* in order, so that a node's own come behind it */
    size_t open, room, count, space;
} load;

static void push(struct place p)
{
    if (load.open == load.room) {
        load.room = load.room ? load.room * 2 : 64;
        load.places = xrealloc(load.places, load.room * sizeof(load.places[0]));
    }
    load.places[load.open++] = p;
}

static void remember(struct node *n)
{
    if (load.count == load.space) {
        load.space = load.space ? load.space * 2 : 1024;
        load.loaded = xrealloc(load.loaded, load.space * sizeof(load.loaded[0]));
    }
    load.loaded[load.count++] = n;
}

static void push_places(struct node *n, const struct place *at, unsigned int shape)
{
    if (shape & STORE_LEFT)
        push((struct place){&n->left, n, at->low, n, at->depth});
    if (shape & STORE_RIGHT)
        push((struct place){&n->right, n, n, at->high, at->depth});
    if (shape & STORE_CHILD)
        push((struct place){&n->child, NULL, NULL, NULL, at->depth + 1});
    remember(n);
}

static bool load_root(const struct stored *s)
{
    const struct place at = {.depth = 0};

    if (load.count || store.root->child || store.root->ref != 1)
        return false;
    store_set_perms(&store.root, "/", 1, s->perms);
    store_set_value(&store.root, "/", 1, s->value, s->value_len);
    store.root->list_gen = ++store.generation;
    push_places(store.root, &at, s->shape & STORE_CHILD);
    return true;
}

static bool fits(const struct node *n, const struct stored *s, const struct place *at)
{
    return s->depth == at->depth && (!at->above || at->above->prio >= n->prio) &&
           (!at->low || node_compare(s->name, s->name_len, at->low) > 0) &&
           (!at->high || node_compare(s->name, s->name_len, at->high) < 0);
}

static bool load_node(const struct stored *s)
{
    struct place at;
    struct node *n;

    if (!load.open || s->born > BORN_MAX)
        return false;
    at = load.places[load.open - 1];
    if (store.generation < s->born)
        store.generation = s->born;
    n = node_new(s->name, s->name_len, s->value, s->value_len, s->perms);
    if (!fits(n, s, &at)) {
        node_put(n);
        return false;
    }
    n->born = s->born;
    *at.slot = n;
    load.open--;
    push_places(n, &at, s->shape);
    return true;
}

bool store_load(const struct stored *s)
{
    bool ok = s->depth ? load_node(s) : load_root(s);

    if (!ok)
        store_load_end();
    return ok;
}

void store_load_end(void)
{
    while (load.count)
        node_refresh(load.loaded[--load.count]);
    free(load.loaded);
    free(load.places);
    memset(&load, 0, sizeof(load));
}

uint32_t store_load_depth(void)
{
    return load.open ? load.places[load.open - 1].depth : 0;
}
