/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: paths. The input is two strings (a NUL between them), given by a client as
 * two paths. What is right is said here once more, in the plainest words: a path is cut
 * at its slashes into names, and everything else follows from the list of them.
 */
#include <stdlib.h>
#include <string.h>

#include "wire/xs_path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BASE  "/local/domain/1"
#define NAMES "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_@"

struct names {
    size_t count;
    const char *name[HV_STORE_ABS_PATH_MAX + 1];
    size_t len[HV_STORE_ABS_PATH_MAX + 1];
};

/* The names of an absolute path of any length; false if it is of bad form. */
static bool cut(const char *s, struct names *out)
{
    size_t at = 0;

    out->count = 0;
    if (s[0] != '/')
        return false;
    if (!s[1])
        return true;
    while (s[at] == '/') {
        size_t len = strspn(s + at + 1, NAMES);

        if (len == 0)
            return false;
        out->name[out->count] = s + at + 1;
        out->len[out->count++] = len;
        at += 1 + len;
    }
    return !s[at];
}

static bool right_form(const char *s, bool special, struct names *out)
{
    static char absolute[HV_STORE_ABS_PATH_MAX + sizeof(BASE) + 2];
    size_t len = strlen(s);

    if (len > HV_STORE_ABS_PATH_MAX)
        return false;
    if (s[0] == '/')
        return cut(s, out);
    absolute[0] = '/';
    strcpy(absolute + 1, s);
    if (s[0] == '@')
        return special && len > 0 && cut(absolute, out);
    if (len > HV_STORE_REL_PATH_MAX)
        return false;
    strcpy(absolute, BASE "/");
    strcat(absolute, s);
    return cut(absolute, out);
}

static void require(bool ok)
{
    if (!ok)
        abort();
}

/* What xs_path_make has made of s, against its names. */
static void check_parts(const struct xs_path *p, const char *s, const struct names *n)
{
    size_t at = 0, len;
    const char *name;

    require(strlen(p->s) == p->len && strcmp(p->s + p->base, s) == 0);
    require(p->base == (s[0] == '/' || s[0] == '@' ? 0 : sizeof(BASE)));
    if (p->s[0] == '@')
        return;
    for (size_t i = 0; i < n->count; i++) {
        require(xs_path_component(p->s, p->len, &at, &name, &len));
        require(len == n->len[i] && memcmp(name, n->name[i], len) == 0);
    }
    require(!xs_path_component(p->s, p->len, &at, &name, &len));
    if (n->count == 0)
        require(xs_path_parent(p->s, p->len) == 0);
    else if (n->count == 1)
        require(xs_path_parent(p->s, p->len) == 1);
    else
        require(xs_path_parent(p->s, p->len) == p->len - n->len[n->count - 1] - 1);
}

static bool check_one(const char *s, struct xs_path *p, struct names *n)
{
    for (int special = 0; special < 2; special++)
        require((xs_path_make(p, s, BASE, special) == 0) == right_form(s, special, n));
    if (!right_form(s, true, n))
        return false;
    check_parts(p, s, n);
    return p->s[0] == '/' && cut(p->s, n);
}

static void check_below(const struct xs_path *p, const struct names *above,
                        const struct xs_path *q, const struct names *below)
{
    bool is = above->count <= below->count;
    unsigned int depth;

    for (size_t i = 0; is && i < above->count; i++)
        is = above->len[i] == below->len[i] &&
             memcmp(above->name[i], below->name[i], above->len[i]) == 0;
    require(xs_path_below(p->s, p->len, q->s, q->len, &depth) == is);
    require(!is || depth == below->count - above->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct xs_path p, q;
    static struct names n, m;
    char *copy = malloc(size + 2), *second;
    bool one, two;

    memcpy(copy, data, size);
    memset(copy + size, 0, 2);
    second = copy + strlen(copy) + 1;
    one = check_one(copy, &p, &n);
    two = check_one(second, &q, &m);
    if (one && two) {
        check_below(&p, &n, &q, &m);
        check_below(&q, &m, &p, &n);
    }
    free(copy);
    return 0;
}
