/* SPDX-License-Identifier: MIT */
/* Checking, completing and walking paths. Nothing here keeps state. */
#include "wire/xs_path.h"

#include <errno.h>
#include <string.h>

static bool valid_char(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '-' || c == '/' || c == '_' || c == '@';
}

bool xs_path_valid(const char *s, size_t len, bool special)
{
    if (len == 0 || len > HV_STORE_ABS_PATH_MAX)
        return false;
    if (s[0] != '/' && !(special && s[0] == '@'))
        return false;
    if (len > 1 && s[len - 1] == '/')
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!valid_char((unsigned char)s[i]) || (i && s[i] == '/' && s[i - 1] == '/'))
            return false;
    }
    return true;
}

int xs_path_make(struct xs_path *out, const char *in, const char *base, bool special)
{
    size_t len = strnlen(in, HV_STORE_ABS_PATH_MAX + 1);

    if (len > HV_STORE_ABS_PATH_MAX)
        return EINVAL;
    out->base = 0;
    if (in[0] != '/' && in[0] != '@') {
        size_t base_len = strlen(base);

        if (len == 0 || len > HV_STORE_REL_PATH_MAX ||
            base_len + 1 + len > HV_STORE_ABS_PATH_MAX)
            return EINVAL;
        memcpy(out->s, base, base_len);
        out->s[base_len] = '/';
        out->base = base_len + 1;
    }
    memcpy(out->s + out->base, in, len + 1);
    out->len = out->base + len;
    return xs_path_valid(out->s, out->len, special) ? 0 : EINVAL;
}

size_t xs_path_parent(const char *path, size_t len)
{
    if (len <= 1)
        return 0;
    while (path[len - 1] != '/')
        len--;
    return len > 1 ? len - 1 : 1;
}

bool xs_path_component(const char *path, size_t len, size_t *at, const char **name,
                       size_t *name_len)
{
    size_t start = *at + 1; /* over the slash */
    const char *slash;

    if (start >= len)
        return false;
    slash = memchr(path + start, '/', len - start);
    *name = path + start;
    *name_len = slash ? (size_t)(slash - *name) : len - start;
    *at = start + *name_len;
    return true;
}

bool xs_path_below(const char *parent, size_t parent_len, const char *child,
                   size_t child_len, unsigned int *depth)
{
    unsigned int levels = 0;

    if (parent_len == 1 && parent[0] == '/')
        parent_len = 0;
    if (child_len < parent_len || memcmp(parent, child, parent_len) != 0)
        return false;
    if (child_len > parent_len && child[parent_len] != '/')
        return false;
    if (child_len > 1) {
        for (size_t i = parent_len; i < child_len; i++)
            levels += child[i] == '/';
    }
    if (depth)
        *depth = levels;
    return true;
}
