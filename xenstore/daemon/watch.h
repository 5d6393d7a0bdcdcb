/* SPDX-License-Identifier: MIT */
/*
 * Watches, kept in a tree shaped like the paths they watch, so that a change costs what
 * its own path is long and not how many watches stand elsewhere. A point of that tree
 * exists only while a watch stands on it or below it.
 */
#ifndef DAEMON_WATCH_H
#define DAEMON_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/conn.h"
#include "daemon/list.h"
#include "daemon/store.h"
#include "wire/xs_path.h"

struct point;

struct watch {
    struct list by_conn;
    struct list folded;
    struct watch *next; /* on the same point */
    struct point *point;
    struct conn *conn;
    uint16_t base;  /* bytes of the path that the client does not see: it was given as
                       relative */
    int16_t depth;  /* levels below to report; negative: all */
    uint16_t bytes; /* of path and token */
    char token[];
};

/* 0 or errno. The first event is the caller's to send (conn_event), after its reply. */
int watch_add(struct conn *c, const struct xs_path *p, const char *token, int depth,
              struct watch **out);
int watch_remove(struct conn *c, const struct xs_path *p, const char *token);
/* Whether this client has this watch. */
bool watch_stands(struct conn *c, const struct xs_path *p, const char *token);
/*
 * What points of uncommon depth take, in this client's watches and one more on p: a path
 * of very many short names costs us much more than its length.
 */
size_t watch_deep_bytes(const struct conn *c, const struct xs_path *p);
void watch_drop_all(struct conn *c);

/* The path as the client gave it; out has room for HV_STORE_ABS_PATH_MAX + 1 bytes. */
size_t watch_path(const struct watch *w, char *out);
/* Visits a connection's watches: absolute paths into out as above. */
size_t watch_absolute(const struct watch *w, char *out);

/*
 * path has changed. Tells every watch on it and above it whose client may read a node
 * with the permissions node, or its parent with the permissions parent.
 */
void watch_fire(const char *path, size_t len, const struct perms *node,
                const struct perms *parent);
/* The tree removed, which stood at path, is gone: tells watches on nodes that were below
 * it. */
void watch_fire_below(const char *path, size_t len, struct node *removed);

/*
 * A special event, "@name/domid" with "@name" being name_len long. Watches on the name
 * hear
 * "@name", those of them with a depth hear it with the domain, as do those on this very
 * path.
 */
void watch_fire_special(const char *path, size_t name_len, size_t len,
                        const struct perms *perms);

struct watch_stats {
    uint64_t watches, points, bytes;
};
extern struct watch_stats watch_stats;

#endif
