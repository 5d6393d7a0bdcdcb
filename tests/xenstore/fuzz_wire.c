/* SPDX-License-Identifier: MIT */
/* libFuzzer: payloads, paths, permissions and numbers, as the daemon and the library
 * parse them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/xs_msg.h"
#include "wire/xs_path.h"
#include "wire/xs_perm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_path(const char *s)
{
    struct xs_path p;
    size_t at = 0, name_len, parts = 0;
    const char *name;
    unsigned int depth;

    if (xs_path_make(&p, s, "/local/domain/1", true))
        return;
    if (strlen(p.s) != p.len || p.len > HV_STORE_ABS_PATH_MAX || p.base > p.len)
        abort();
    if (p.s[0] == '@')
        return;
    while (xs_path_component(p.s, p.len, &at, &name, &name_len)) {
        if (name_len == 0 || name[-1] != '/')
            abort();
        parts++;
    }
    if (!xs_path_below("/", 1, p.s, p.len, &depth) || depth != parts)
        abort();
    if (p.len > 1 && !xs_path_below(p.s, xs_path_parent(p.s, p.len), p.s, p.len, &depth))
        abort();
}

static void check_perm(const char *s)
{
    char text[XS_PERM_CHARS];
    struct xs_perm p, again;

    if (!xs_perm_parse(s, &p))
        return;
    if (xs_perm_format(text, &p) >= sizeof(text) || !xs_perm_parse(text, &again) ||
        again.id != p.id || again.access != p.access)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct xs_args a = {(const char *)data, size};
    const char *s;
    size_t len;
    uint64_t v;

    xs_args_one((const char *)data, size);
    xs_error_number((const char *)data, size);
    while ((s = xs_args_next(&a, &len))) {
        if (strlen(s) != len)
            abort();
        check_path(s);
        check_perm(s);
        if (xs_number(s, 100000, &v) && v > 100000)
            abort();
    }
    return 0;
}
