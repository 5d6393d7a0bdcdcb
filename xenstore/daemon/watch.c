/* SPDX-License-Identifier: MIT */
/*
 * The tree of watches. Points are found by one hash table keyed by parent and name;
 * siblings are linked as well, because a removal looks at all watches below it. See
 * watch.h.
 */
#include "daemon/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/alloc.h"
#include "daemon/perm.h"

struct point {
    struct point *parent;
    struct point *first_child;
    struct point *next, **link; /* siblings; link points at what points here */
    struct point *chain;        /* hash chain */
    struct watch *watches;
    uint32_t hash;
    uint16_t name_len;
    char name[];
};

struct watch_stats watch_stats;

static struct point root, special; /* "/" and what starts with '@' */
static struct point **table;
static size_t buckets, used;

static uint32_t hash_name(const struct point *parent, const char *name, size_t len)
{
    uint64_t h = (uintptr_t)parent * 0x9e3779b97f4a7c15u;

    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)name[i]) * 0xff51afd7ed558ccdu;
    return (uint32_t)(h >> 32) ^ (uint32_t)h;
}

static void resize(size_t new_buckets)
{
    struct point **new_table = xzalloc(new_buckets * sizeof(*new_table));

    for (size_t i = 0; i < buckets; i++) {
        for (struct point *p = table[i], *next; p; p = next) {
            next = p->chain;
            p->chain = new_table[p->hash & (new_buckets - 1)];
            new_table[p->hash & (new_buckets - 1)] = p;
        }
    }
    free(table);
    table = new_table;
    buckets = new_buckets;
}

static struct point *point_find(const struct point *parent, const char *name, size_t len)
{
    uint32_t hash = hash_name(parent, name, len);

    for (struct point *p = used ? table[hash & (buckets - 1)] : NULL; p; p = p->chain) {
        if (p->hash == hash && p->parent == parent && p->name_len == len &&
            memcmp(p->name, name, len) == 0)
            return p;
    }
    return NULL;
}

static struct point *point_make(struct point *parent, const char *name, size_t len)
{
    struct point *p = point_find(parent, name, len);

    if (p)
        return p;
    if (used >= buckets)
        resize(buckets ? buckets * 2 : 64);
    p = xzalloc(sizeof(*p) + len);
    p->parent = parent;
    p->hash = hash_name(parent, name, len);
    p->name_len = (uint16_t)len;
    memcpy(p->name, name, len);
    p->chain = table[p->hash & (buckets - 1)];
    table[p->hash & (buckets - 1)] = p;
    p->next = parent->first_child;
    p->link = &parent->first_child;
    if (p->next)
        p->next->link = &p->next;
    parent->first_child = p;
    used++;
    watch_stats.points++;
    watch_stats.bytes += sizeof(*p) + len;
    return p;
}

/* Frees p and every point above it that carries nothing any more. */
static void point_prune(struct point *p)
{
    while (p->parent && !p->watches && !p->first_child) {
        struct point *parent = p->parent, **at = &table[p->hash & (buckets - 1)];

        while (*at != p)
            at = &(*at)->chain;
        *at = p->chain;
        *p->link = p->next;
        if (p->next)
            p->next->link = p->link;
        used--;
        watch_stats.points--;
        watch_stats.bytes -= sizeof(*p) + p->name_len;
        free(p);
        p = parent;
    }
    if (buckets > 64 && used < buckets / 4)
        resize(buckets / 2);
}

/* Special paths keep their '@' in the first name and live under a root of their own. */
static struct point *start(const char *path, size_t len, size_t *at, const char **name,
                           size_t *name_len)
{
    const char *slash;

    *at = 0;
    if (path[0] == '/')
        return &root;
    slash = memchr(path, '/', len);
    *at = slash ? (size_t)(slash - path) : len;
    *name = path;
    *name_len = *at;
    return &special;
}

static struct point *locate(const struct xs_path *p, bool make)
{
    size_t at, name_len;
    const char *name;
    struct point *pt = start(p->s, p->len, &at, &name, &name_len);

    if (pt == &special)
        pt = make ? point_make(pt, name, name_len) : point_find(pt, name, name_len);
    while (pt && xs_path_component(p->s, p->len, &at, &name, &name_len))
        pt = make ? point_make(pt, name, name_len) : point_find(pt, name, name_len);
    return pt;
}

static struct watch **find_watch(struct point *pt, struct conn *c, const char *token)
{
    struct watch **at;

    for (at = &pt->watches; *at; at = &(*at)->next) {
        if ((*at)->conn == c && strcmp((*at)->token, token) == 0)
            break;
    }
    return at;
}

#define COMMON_DEPTH 16

/* Levels of a path beyond what is common. */
static uint32_t levels_too_deep(const char *path, size_t len)
{
    uint32_t levels = 0;

    for (size_t i = 0; i < len; i++)
        levels += path[i] == '/';
    return levels > COMMON_DEPTH ? levels - COMMON_DEPTH : 0;
}

size_t watch_deep_bytes(const struct conn *c, const struct xs_path *p)
{
    return (c->watch_deep + levels_too_deep(p->s, p->len)) * sizeof(struct point);
}

bool watch_stands(struct conn *c, const struct xs_path *p, const char *token)
{
    struct point *pt = locate(p, false);

    return pt && *find_watch(pt, c, token);
}

int watch_add(struct conn *c, const struct xs_path *p, const char *token, int depth,
              struct watch **out)
{
    size_t size = sizeof(struct watch) + strlen(token) + 1;
    struct point *pt = locate(p, true);
    struct watch **at = find_watch(pt, c, token);
    struct watch *w;

    if (*at)
        return EEXIST;
    w = xzalloc(size);
    w->point = pt;
    w->conn = c;
    w->base = (uint16_t)p->base;
    w->depth = (int16_t)depth;
    strcpy(w->token, token);
    list_init(&w->folded);
    list_append(&c->watches, &w->by_conn);
    *at = w;
    c->watch_count++;
    w->bytes = (uint16_t)(p->len + strlen(token));
    c->watch_bytes += w->bytes;
    c->watch_deep += levels_too_deep(p->s, p->len);
    watch_stats.watches++;
    watch_stats.bytes += size;
    *out = w;
    return 0;
}

static void drop(struct watch **at)
{
    struct watch *w = *at;
    char path[HV_STORE_ABS_PATH_MAX + 1];
    size_t len = watch_absolute(w, path);

    *at = w->next;
    list_remove(&w->by_conn);
    list_remove(&w->folded);
    w->conn->watch_count--;
    w->conn->watch_bytes -= w->bytes;
    w->conn->watch_deep -= levels_too_deep(path, len);
    watch_stats.watches--;
    watch_stats.bytes -= sizeof(*w) + strlen(w->token) + 1;
    free(w);
}

int watch_remove(struct conn *c, const struct xs_path *p, const char *token)
{
    struct point *pt = locate(p, false);
    struct watch **at = pt ? find_watch(pt, c, token) : NULL;

    if (!at || !*at)
        return ENOENT;
    drop(at);
    point_prune(pt);
    return 0;
}

void watch_drop_all(struct conn *c)
{
    while (!list_empty(&c->watches)) {
        struct watch *w = list_of(c->watches.next, struct watch, by_conn);
        struct watch **at = &w->point->watches;
        struct point *pt = w->point;

        while (*at != w)
            at = &(*at)->next;
        drop(at);
        point_prune(pt);
    }
}

size_t watch_absolute(const struct watch *w, char *out)
{
    char rev[HV_STORE_ABS_PATH_MAX + 1];
    size_t at = sizeof(rev);

    for (const struct point *p = w->point; p->parent; p = p->parent) {
        at -= p->name_len;
        memcpy(rev + at, p->name, p->name_len);
        if (p->name[0] != '@' || p->parent != &special)
            rev[--at] = '/';
    }
    if (at == sizeof(rev))
        rev[--at] = '/';
    memcpy(out, rev + at, sizeof(rev) - at);
    return sizeof(rev) - at;
}

size_t watch_path(const struct watch *w, char *out)
{
    size_t len = watch_absolute(w, out);

    memmove(out, out + w->base, len - w->base);
    return len - w->base;
}

/* --- firing --- */

static bool may_see(const struct conn *c, const struct perms *node,
                    const struct perms *parent)
{
    return (perm_for(c, node) & XS_MAY_READ) ||
           (parent && (perm_for(c, parent) & XS_MAY_READ));
}

static void fire_point(struct point *pt, const char *path, size_t len, int depth,
                       const struct perms *node, const struct perms *parent)
{
    for (struct watch *w = pt->watches; w; w = w->next) {
        if ((w->depth >= 0 && depth > w->depth) || !may_see(w->conn, node, parent))
            continue;
        conn_event(w->conn, w, path + w->base, len - w->base);
    }
}

void watch_fire(const char *path, size_t len, const struct perms *node,
                const struct perms *parent)
{
    size_t at, name_len = 0;
    const char *name = NULL;
    struct point *pt = start(path, len, &at, &name, &name_len);
    int depth = 0;

    for (size_t i = at ? at : 1; i < len; i++)
        depth += path[i] == '/';
    depth += path[0] == '/' && len > 1;
    if (pt == &special)
        pt = point_find(pt, name, name_len);
    for (; pt; depth--) {
        fire_point(pt, path, len, depth, node, parent);
        if (!xs_path_component(path, len, &at, &name, &name_len))
            break;
        pt = point_find(pt, name, name_len);
    }
}

void watch_fire_special(const char *path, size_t name_len, size_t len,
                        const struct perms *perms)
{
    struct point *pt = point_find(&special, path, name_len);

    if (!pt)
        return;
    for (struct watch *w = pt->watches; w; w = w->next) {
        if (may_see(w->conn, perms, NULL))
            conn_event(w->conn, w, path, w->depth > 0 ? len : name_len);
    }
    pt = point_find(pt, path + name_len + 1, len - name_len - 1);
    if (pt)
        fire_point(pt, path, len, 0, perms, NULL);
}

struct below {
    char path[HV_STORE_ABS_PATH_MAX + 1];
};

static void fire_children(struct below *b, size_t len, struct point *pt,
                          struct node *parent)
{
    size_t start_len = len == 1 ? 1 : len + 1;

    for (struct point *p = pt->first_child; p; p = p->next) {
        size_t end = start_len + p->name_len;
        struct node *n;

        if (end > HV_STORE_ABS_PATH_MAX)
            continue;
        b->path[start_len - 1] = '/';
        memcpy(b->path + start_len, p->name, p->name_len);
        n = store_find_child(parent, p->name, p->name_len);
        if (!n)
            continue;
        fire_children(b, end, p, n);
        fire_point(p, b->path, end, 0, n->perms, parent->perms);
    }
}

void watch_fire_below(const char *path, size_t len, struct node *removed)
{
    struct below b;
    struct xs_path p;
    struct point *pt;

    if (!removed->child || len > HV_STORE_ABS_PATH_MAX)
        return;
    memcpy(p.s, path, len);
    p.len = len;
    pt = locate(&p, false);
    if (!pt)
        return;
    memcpy(b.path, path, len);
    fire_children(&b, len, pt, removed);
}
