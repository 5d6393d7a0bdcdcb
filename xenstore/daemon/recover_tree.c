/* SPDX-License-Identifier: MIT */
/*
 * The journal's records of the tree. As it was last written they follow each other in the
 * order that store_load wants. Where one is lost there, the rest is put in by path; but a
 * node's path is the depth of its record behind others, so what may have stood below a
 * lost node is lost with it, lest it appear somewhere else.
 *
 * Nothing here accounts nodes to their owners: recover_done does, for all at once.
 */
#include <string.h>

#include "daemon/recover_priv.h"
#include "wire/xs_msg.h"
#include "wire/xs_path.h"

static void set_node(const char *path, size_t len, const void *value, size_t vlen,
                     struct perms *perms)
{
    size_t found, at, name_len;
    struct node *n = store_nearest(store.root, path, len, &found);
    const char *name;

    if (found == len) {
        if (n->perms != perms)
            store_set_perms(&store.root, path, len, perms);
        store_set_value(&store.root, path, len, value, vlen);
        return;
    }
    at = found == 1 ? 0 : found;
    while (xs_path_component(path, len, &at, &name, &name_len)) {
        bool last = at == len;

        store_insert(&store.root, path, at, last ? value : NULL, last ? vlen : 0,
                     last ? perms : n->perms);
        if (!last)
            n = store_find(store.root, path, at);
    }
}

static struct {
    struct xs_path path;                   /* of the last record */
    size_t len[HV_STORE_ABS_PATH_MAX + 1]; /* of the path, at each depth */
    uint32_t sure; /* paths are known down to this depth; 0: all */
    bool by_path;  /* something is missing: store_load cannot go on */
} tree;

/* Notes where it stands; false if it can stand nowhere. */
static bool enter(uint32_t depth, const char *name, size_t name_len)
{
    size_t parent;

    if (depth == 0) {
        tree.len[0] = 0;
        return name_len == 0;
    }
    if (depth > HV_STORE_ABS_PATH_MAX || name_len == 0)
        return false;
    parent = tree.len[depth - 1];
    if (parent + 1 + name_len > HV_STORE_ABS_PATH_MAX || memchr(name, '/', name_len))
        return false;
    tree.path.s[parent] = '/';
    memcpy(tree.path.s + parent + 1, name, name_len);
    tree.len[depth] = parent + 1 + name_len;
    return xs_path_valid(tree.path.s + parent, name_len + 1, false);
}

static bool tree_node(const struct journal_entry *e, const char *data,
                      struct perms *perms)
{
    struct journal_tree at;
    struct stored s = {.name = data + sizeof(at),
                       .name_len = e->a_len - sizeof(at),
                       .value = data + e->a_len,
                       .value_len = e->b_len,
                       .perms = perms,
                       .depth = e->number,
                       .shape = e->flags};

    if (tree.sure && e->number > tree.sure)
        return false;
    if (e->a_len < sizeof(at) || !enter(e->number, s.name, s.name_len)) {
        recover_gap(1);
        return false;
    }
    memcpy(&at, data, sizeof(at));
    s.born = at.born;
    if (!tree.sure && store_load(&s))
        return true;
    tree.sure = 0;
    if (e->number == 0)
        set_node("/", 1, s.value, s.value_len, perms);
    else if (xs_path_valid(tree.path.s, tree.len[e->number], false))
        set_node(tree.path.s, tree.len[e->number], s.value, s.value_len, perms);
    else
        return false; /* nobody can have written that */
    return true;
}

void recover_gap(uint64_t count)
{
    uint32_t depth = store_load_depth();

    if (depth && count == 1)
        tree.sure = depth;
    else if (depth || tree.by_path)
        tree.sure = 1;
    tree.by_path |= depth != 0;
    store_load_end();
}

bool recover_tree(const struct journal_entry *e, const char *data, struct perms *perms)
{
    if (e->type == JOURNAL_TREE)
        return perms && tree_node(e, data, perms);
    store_load_end();
    tree.sure = 0;
    tree.by_path = false;
    if (!xs_path_valid(data, e->a_len, false))
        return false;
    if (e->type == JOURNAL_NODE) {
        if (!perms)
            return false;
        set_node(data, e->a_len, data + e->a_len, e->b_len, perms);
    } else if (e->a_len > 1 && store_find(store.root, data, e->a_len)) {
        store_remove(&store.root, data, e->a_len);
    }
    return true;
}
