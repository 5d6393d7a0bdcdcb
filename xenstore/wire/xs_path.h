/* SPDX-License-Identifier: MIT */
/*
 * XenStore paths. An absolute path starts with '/', has neither doubled nor trailing
 * slashes (but "/" itself) and is at most HV_STORE_ABS_PATH_MAX bytes long. "@name" is a
 * special path, which can only be watched or given permissions.
 */
#ifndef WIRE_XS_PATH_H
#define WIRE_XS_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/xs_msg.h"

struct xs_path {
    size_t len;
    size_t base; /* bytes of prefix to strip when speaking to a client that gave a
                    relative path */
    char s[HV_STORE_ABS_PATH_MAX + 1];
};

/*
 * Makes in (a terminated string) absolute, relative paths below base.
 * Returns 0 or EINVAL (bad form or too long). special allows "@...".
 */
int xs_path_make(struct xs_path *out, const char *in, const char *base, bool special);

/* Whether these bytes are an absolute path of good form. */
bool xs_path_valid(const char *s, size_t len, bool special);

/* The length of path's parent: "/a/b" gives 2, "/a" gives 1 ("/"), "/" gives 0. */
size_t xs_path_parent(const char *path, size_t len);

/*
 * Takes the component that starts at *at ("/a/b", *at = 0 gives "a"); false at the end.
 */
bool xs_path_component(const char *path, size_t len, size_t *at, const char **name,
                       size_t *name_len);

/* child is parent or lies below it; by how many levels is stored in *depth if that is
 * set. */
bool xs_path_below(const char *parent, size_t parent_len, const char *child,
                   size_t child_len, unsigned int *depth);

#endif
