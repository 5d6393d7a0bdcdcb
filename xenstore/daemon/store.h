/* SPDX-License-Identifier: MIT */
/*
 * The tree: immutable in the eyes of whoever holds a root, cheap to share, cheap to
 * change.
 *
 * A node's reference count counts the pointers to it. A node may be changed in place only
 * when it and everything above it is referenced once; the editing functions below copy
 * what is not
 * (`own` in store.c). So to keep the tree as it is now, hold one reference to its root:
 * that is all a transaction is.
 *
 * Children of one node form a treap in name order whose links lie in the nodes
 * themselves. Paths given to these functions are absolute and well formed (xs_path_make).
 * One thread.
 */
#ifndef DAEMON_STORE_H
#define DAEMON_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/xs_perm.h"

/*
 * What quotas count for a node beside its value, its names and its path, as Debian's
 * xenstored reckons: a flat part, and one for each permission entry.
 */
#define NODE_FLAT      24
#define NODE_PER_ENTRY 8

/* A list of permission entries. Equal lists are one object: compare pointers. */
struct perms {
    uint32_t ref;
    uint32_t hash;
    struct perms *next;
    uint32_t count; /* at least 1 */
    struct xs_perm entry[];
};

struct node {
    uint32_t ref;
    uint32_t prio;      /* heap order of the treap: a keyed hash of the name */
    struct node *left;  /* siblings with smaller names */
    struct node *right; /* siblings with greater names */
    struct node *child; /* root of the children's treap */
    struct perms *perms;
    uint64_t value_gen; /* store.generation of the last change of value or permissions */
    uint64_t list_gen;  /* ... of the set of children */
    union {
        uint64_t born; /* ... of its creation: the order in which children are listed */
        struct node *reap_next; /* once unreferenced */
    };
    uint32_t names_bytes; /* length of the names, with NULs, of left, right and this */
    uint32_t guests;      /* nodes not owned by domain 0 in left, right, this and below */
    uint16_t name_len;
    uint16_t value_len;
    char bytes[]; /* name, then value; neither is terminated */
};

static inline const char *node_name(const struct node *n)
{
    return n->bytes;
}

static inline const char *node_value(const struct node *n)
{
    return n->bytes + n->name_len;
}

static inline uint32_t node_owner(const struct node *n)
{
    return n->perms->entry[0].id;
}

/* Nodes of this subtree that are not owned by domain 0. */
static inline uint32_t node_guests(const struct node *n)
{
    return (node_owner(n) != 0) + (n->child ? n->child->guests : 0);
}

static inline struct node *node_ref(struct node *n)
{
    n->ref++;
    return n;
}

/* Drops a reference. What becomes unreachable is freed later, by store_reap. */
void node_put(struct node *n); /* n may be NULL */

struct perms *perms_make(const struct xs_perm *entry, size_t count);
static inline struct perms *perms_ref(struct perms *p)
{
    p->ref++;
    return p;
}
void perms_put(struct perms *p);
/* A domain has died: every entry that names it grants nothing from now on, everywhere. */
void perms_domain_died(uint32_t domid);

struct store {
    struct node *root;
    uint64_t generation; /* grows with every change */
    uint64_t nodes;      /* allocated, in all versions */
    uint64_t bytes;      /* ... and what they take */
};
extern struct store store;

/* Makes the tree with "/" alone, owned by domain 0. */
void store_init(void);
/*
 * The shape of the treaps depends on a random key of 40 bits, lest a client choose names
 * that make them deep. It may be set while the tree has "/" alone.
 */
uint64_t store_key(void);
void store_set_key(uint64_t key);
/* Frees up to budget unreachable nodes; true if more wait. */
bool store_reap(unsigned int budget);

struct node *store_find(struct node *root, const char *path, size_t len);
/* A child of n by its name. */
struct node *store_find_child(struct node *n, const char *name, size_t len);
/* The deepest existing node on the way to path; the length of its path in *found. */
struct node *store_nearest(struct node *root, const char *path, size_t len,
                           size_t *found);

/* Editing. The caller has made sure that the nodes exist, or do not, as each one says. */
void store_set_value(struct node **root, const char *path, size_t len, const void *value,
                     size_t value_len); /* path exists */
void store_set_perms(struct node **root, const char *path, size_t len,
                     struct perms *perms); /* path exists */
/* Both return the parent. */
struct node *store_insert(struct node **root, const char *path, size_t len,
                          const void *value, size_t value_len,
                          struct perms *perms); /* parent exists, path does not */
struct node *store_remove(struct node **root, const char *path,
                          size_t len); /* path exists, not "/" */

/*
 * Writes names of n's children, each with its NUL, from byte offset of the whole list on,
 * as many whole names as fit into cap, in order of creation. Returns the bytes written.
 */
size_t store_list(const struct node *n, size_t offset, char *out, size_t cap);
static inline size_t store_list_bytes(const struct node *n)
{
    return n->child ? n->child->names_bytes : 0;
}

/*
 * Loading a tree that was written node by node, with no searching: each node, then what
 * is below it, then its greater siblings, then its smaller ones. store_load takes the
 * next one and checks that it can stand there; if not, it returns false, and loading is
 * over. The key must be that of the tree that was written. The first node is "/", which
 * must be alone. Sums of nodes are right after store_load_end.
 */
enum { STORE_LEFT = 1, STORE_RIGHT = 2, STORE_CHILD = 4 };
static inline unsigned int store_shape(const struct node *n)
{
    return (n->left ? STORE_LEFT : 0) | (n->right ? STORE_RIGHT : 0) |
           (n->child ? STORE_CHILD : 0);
}

struct stored {
    const char *name;
    const void *value;
    size_t name_len, value_len;
    struct perms *perms;
    uint64_t born;
    uint32_t depth;
    unsigned int shape;
};
bool store_load(const struct stored *s);
void store_load_end(void);
/* The depth of the node that store_load expects; 0: none. */
uint32_t store_load_depth(void);

/*
 * Calls fn for every node below and including n, parents first; path is a growing buffer.
 */
typedef bool store_visit_fn(void *arg, const char *path, size_t len, struct node *n);
/* fn returns false to leave a node's children out. Only subtrees with guests if
 * only_guests. */
void store_walk(struct node *n, const char *path, size_t len, bool only_guests,
                store_visit_fn *fn, void *arg);

#endif
