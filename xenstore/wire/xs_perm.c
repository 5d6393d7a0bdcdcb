/* SPDX-License-Identifier: MIT */
/* Permission entries to and from text. */
#include "wire/xs_perm.h"

#include <stdio.h>

#include "wire/xs_msg.h"

static const char letters[4] = {'n', 'r', 'w', 'b'};

bool xs_perm_parse(const char *s, struct xs_perm *out)
{
    uint64_t id;

    for (unsigned int i = 0; i < 4; i++) {
        if (s[0] != letters[i])
            continue;
        if (!xs_number(s + 1, UINT32_MAX, &id))
            return false;
        out->id = (uint32_t)id;
        out->access = i;
        return true;
    }
    return false;
}

size_t xs_perm_format(char *out, const struct xs_perm *p)
{
    return (size_t)snprintf(out, XS_PERM_CHARS, "%c%u", letters[p->access & 3], p->id);
}
