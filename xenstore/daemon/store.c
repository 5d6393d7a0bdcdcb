/* SPDX-License-Identifier: MIT */
/*
 * The tree of nodes. See store.h for what holds.
 *
 * Every edit goes from the root down and makes each node on its way exclusive before it
 * looks below it, so a node that is reached through an exclusive parent and has one
 * reference belongs to this version alone. The sums in a node (names_bytes, guests) are
 * corrected on the way down, which is possible because the outcome of the edit is known
 * before it begins.
 */
#include "daemon/store.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "daemon/alloc.h"
#include "daemon/store_priv.h"
#include "wire/xs_msg.h"
#include "wire/xs_path.h"

struct store store;

static uint64_t key;
static struct node *reap_list;

static uint32_t hash_bytes(const void *data, size_t len)
{
    const unsigned char *p = data;
    uint64_t h = key ^ (len * 0x9e3779b97f4a7c15u);

    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * 0xff51afd7ed558ccdu;
    h ^= h >> 32;
    h *= 0xc4ceb9fe1a85ec53u;
    return (uint32_t)(h >> 32);
}

/* --- nodes --- */

static size_t node_size(const struct node *n)
{
    return sizeof(*n) + n->name_len + n->value_len;
}

void node_refresh(struct node *n)
{
    n->names_bytes = n->name_len + 1u;
    n->guests = node_guests(n);
    if (n->left) {
        n->names_bytes += n->left->names_bytes;
        n->guests += n->left->guests;
    }
    if (n->right) {
        n->names_bytes += n->right->names_bytes;
        n->guests += n->right->guests;
    }
}

struct node *node_new(const char *name, size_t name_len, const void *value,
                      size_t value_len, struct perms *perms)
{
    struct node *n = xzalloc(sizeof(*n) + name_len + value_len);

    n->ref = 1;
    n->prio = hash_bytes(name, name_len);
    n->perms = perms_ref(perms);
    n->value_gen = n->list_gen = n->born = ++store.generation;
    n->name_len = (uint16_t)name_len;
    n->value_len = (uint16_t)value_len;
    memcpy(n->bytes, name, name_len);
    if (value_len)
        memcpy(n->bytes + name_len, value, value_len);
    node_refresh(n);
    store.nodes++;
    store.bytes += node_size(n);
    return n;
}

void node_put(struct node *n)
{
    if (!n || --n->ref)
        return;
    n->reap_next = reap_list;
    reap_list = n;
}

bool store_reap(unsigned int budget)
{
    while (reap_list && budget--) {
        struct node *n = reap_list;

        reap_list = n->reap_next;
        node_put(n->left);
        node_put(n->right);
        node_put(n->child);
        perms_put(n->perms);
        store.nodes--;
        store.bytes -= node_size(n);
        free(n);
    }
    return reap_list != NULL;
}

/* Makes the node in *slot exclusive; what holds the slot must be exclusive already. */
static struct node *own(struct node **slot)
{
    struct node *old = *slot;
    struct node *n;

    if (old->ref == 1)
        return old;
    n = xmemdup(old, node_size(old));
    n->ref = 1;
    if (n->left)
        node_ref(n->left);
    if (n->right)
        node_ref(n->right);
    if (n->child)
        node_ref(n->child);
    perms_ref(n->perms);
    store.nodes++;
    store.bytes += node_size(n);
    old->ref--;
    *slot = n;
    return n;
}

int node_compare(const char *name, size_t len, const struct node *n)
{
    size_t common = len < n->name_len ? len : n->name_len;
    int c = memcmp(name, n->bytes, common);

    return c ? c : (int)len - (int)n->name_len;
}

/* --- treap of siblings --- */

static struct node *treap_find(struct node *t, const char *name, size_t len)
{
    while (t) {
        int c = node_compare(name, len, t);

        if (c == 0)
            return t;
        t = c < 0 ? t->left : t->right;
    }
    return NULL;
}

static void treap_split(struct node *t, const struct node *at, struct node **l,
                        struct node **r)
{
    if (!t) {
        *l = *r = NULL;
        return;
    }
    t = own(&t);
    if (node_compare(at->bytes, at->name_len, t) < 0) {
        treap_split(t->left, at, l, &t->left);
        *r = t;
    } else {
        treap_split(t->right, at, &t->right, r);
        *l = t;
    }
    node_refresh(t);
}

static struct node *treap_join(struct node *l, struct node *r)
{
    if (!l || !r)
        return l ? l : r;
    if (l->prio >= r->prio) {
        l = own(&l);
        l->right = treap_join(l->right, r);
        node_refresh(l);
        return l;
    }
    r = own(&r);
    r->left = treap_join(l, r->left);
    node_refresh(r);
    return r;
}

static void treap_insert(struct node **slot, struct node *new)
{
    while (*slot && (*slot)->prio >= new->prio) {
        struct node *n = own(slot);

        n->names_bytes += new->names_bytes;
        n->guests += new->guests;
        slot = node_compare(new->bytes, new->name_len, n) < 0 ? &n->left : &n->right;
    }
    treap_split(*slot, new, &new->left, &new->right);
    *slot = new;
    node_refresh(new);
}

static void treap_remove(struct node **slot, const char *name, size_t len,
                         uint32_t guests)
{
    struct node *victim, *l, *r;
    int c;

    while ((c = node_compare(name, len, *slot)) != 0) {
        struct node *n = own(slot);

        n->names_bytes -= (uint32_t)len + 1;
        n->guests -= guests;
        slot = c < 0 ? &n->left : &n->right;
    }
    victim = *slot;
    l = victim->left;
    r = victim->right;
    if (victim->ref == 1) {
        victim->left = victim->right = NULL;
    } else {
        if (l)
            node_ref(l);
        if (r)
            node_ref(r);
    }
    *slot = treap_join(l, r);
    node_put(victim);
}

/* --- paths --- */

struct node *store_nearest(struct node *root, const char *path, size_t len, size_t *found)
{
    struct node *n = root;
    size_t at = 0, name_len;
    const char *name;

    *found = 1;
    while (xs_path_component(path, len, &at, &name, &name_len)) {
        struct node *next = treap_find(n->child, name, name_len);

        if (!next)
            break;
        n = next;
        *found = at;
    }
    return n;
}

struct node *store_find_child(struct node *n, const char *name, size_t len)
{
    return treap_find(n->child, name, len);
}

struct node *store_find(struct node *root, const char *path, size_t len)
{
    size_t found;
    struct node *n = store_nearest(root, path, len, &found);

    return found == len ? n : NULL;
}

/*
 * Makes everything down to path exclusive, adds guests to every sum, returns path's slot.
 */
static struct node **descend(struct node **root, const char *path, size_t len,
                             uint32_t guests)
{
    struct node **slot = root;
    size_t at = 0, name_len;
    const char *name;

    own(slot)->guests += guests;
    while (xs_path_component(path, len, &at, &name, &name_len)) {
        int c;

        slot = &(*slot)->child;
        while ((c = node_compare(name, name_len, *slot)) != 0) {
            struct node *n = own(slot);

            n->guests += guests;
            slot = c < 0 ? &n->left : &n->right;
        }
        own(slot)->guests += guests;
    }
    return slot;
}

void store_set_value(struct node **root, const char *path, size_t len, const void *value,
                     size_t value_len)
{
    struct node **slot = descend(root, path, len, 0);
    struct node *n = *slot;

    if (n->value_len != value_len) {
        store.bytes += value_len - n->value_len;
        n = *slot = xrealloc(n, sizeof(*n) + n->name_len + value_len);
        n->value_len = (uint16_t)value_len;
    }
    if (value_len)
        memcpy(n->bytes + n->name_len, value, value_len);
    n->value_gen = ++store.generation;
}

void store_set_perms(struct node **root, const char *path, size_t len,
                     struct perms *perms)
{
    struct node *old = store_find(*root, path, len);
    uint32_t guests =
        (uint32_t)(perms->entry[0].id != 0) - (uint32_t)(node_owner(old) != 0);
    struct node *n = *descend(root, path, len, guests);

    perms_ref(perms);
    perms_put(n->perms);
    n->perms = perms;
    n->value_gen = ++store.generation;
}

struct node *store_insert(struct node **root, const char *path, size_t len,
                          const void *value, size_t value_len, struct perms *perms)
{
    size_t parent = xs_path_parent(path, len);
    size_t name = parent == 1 ? 1 : parent + 1;
    struct node *new = node_new(path + name, len - name, value, value_len, perms);
    struct node *dir = *descend(root, path, parent, new->guests);

    dir->list_gen = ++store.generation;
    treap_insert(&dir->child, new);
    return dir;
}

struct node *store_remove(struct node **root, const char *path, size_t len)
{
    size_t parent = xs_path_parent(path, len);
    size_t name = parent == 1 ? 1 : parent + 1;
    uint32_t guests = node_guests(store_find(*root, path, len));
    struct node *dir = *descend(root, path, parent, -guests);

    dir->list_gen = ++store.generation;
    treap_remove(&dir->child, path + name, len - name, guests);
    return dir;
}

/* --- listing and walking --- */

static int older_first(const void *a, const void *b)
{
    const struct node *x = *(struct node *const *)a;
    const struct node *y = *(struct node *const *)b;

    return x->born < y->born ? -1 : x->born > y->born;
}

static size_t collect(struct node *t, struct node **out, size_t n)
{
    if (!t)
        return n;
    n = collect(t->left, out, n);
    out[n++] = t;
    return collect(t->right, out, n);
}

/* All names, each with its NUL, in order of creation; malloced. */
static char *all_names(const struct node *n)
{
    size_t bytes = store_list_bytes(n), count;
    struct node **order = xalloc((bytes / 2 + 1) * sizeof(*order));
    char *names = xalloc(bytes + 1), *to = names;

    count = collect(n->child, order, 0);
    qsort(order, count, sizeof(order[0]), older_first);
    for (size_t i = 0; i < count; i++) {
        memcpy(to, order[i]->bytes, order[i]->name_len);
        to += order[i]->name_len;
        *to++ = '\0';
    }
    free(order);
    return names;
}

/* A long list is asked for in parts; what was sorted for the first serves the others. */
static struct {
    uint64_t list_gen; /* of the node, unique in the store; 0: nothing is kept */
    char *names;
} kept;

static void forget_names(void)
{
    free(kept.names);
    kept.names = NULL;
    kept.list_gen = 0;
}

size_t store_list(const struct node *n, size_t offset, char *out, size_t cap)
{
    size_t bytes = store_list_bytes(n), len;

    if (offset >= bytes)
        return 0;
    if (kept.list_gen != n->list_gen) {
        forget_names();
        kept.names = all_names(n);
        kept.list_gen = n->list_gen;
    }
    len = bytes - offset < cap ? bytes - offset : cap;
    while (len && kept.names[offset + len - 1])
        len--; /* whole names only */
    memcpy(out, kept.names + offset, len);
    if (bytes <= cap || offset + len == bytes)
        forget_names();
    return len;
}

struct walk {
    store_visit_fn *fn;
    void *arg;
    bool only_guests;
    char path[HV_STORE_ABS_PATH_MAX + 1];
};

static void walk_node(struct walk *w, struct node *n, size_t len);

static void walk_siblings(struct walk *w, struct node *t, size_t parent_len)
{
    size_t start = parent_len == 1 ? 1 : parent_len + 1;

    if (!t || (w->only_guests && !t->guests))
        return;
    walk_siblings(w, t->left, parent_len);
    w->path[start - 1] = '/';
    memcpy(w->path + start, t->bytes, t->name_len);
    walk_node(w, t, start + t->name_len);
    walk_siblings(w, t->right, parent_len);
}

static void walk_node(struct walk *w, struct node *n, size_t len)
{
    if (w->only_guests && !node_guests(n))
        return;
    if (w->fn(w->arg, w->path, len, n))
        walk_siblings(w, n->child, len);
}

void store_walk(struct node *n, const char *path, size_t len, bool only_guests,
                store_visit_fn *fn, void *arg)
{
    struct walk w = {.fn = fn, .arg = arg, .only_guests = only_guests};

    memcpy(w.path, path, len);
    walk_node(&w, n, len);
}

void store_init(void)
{
    struct xs_perm dom0 = {.id = 0, .access = 0};
    struct perms *p;

    if (getrandom(&key, 5, GRND_NONBLOCK) != 5)
        key = 0x5842d4c957u;
    p = perms_make(&dom0, 1);
    store.root = node_new("", 0, NULL, 0, p);
    perms_put(p);
}

uint64_t store_key(void)
{
    return key;
}

void store_set_key(uint64_t value)
{
    key = value;
}
