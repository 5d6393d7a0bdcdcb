/* SPDX-License-Identifier: MIT */
/* libFuzzer: payloads, their strings and numbers, as the daemon and the library parse
 * them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/xs_msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
        if (xs_number(s, 100000, &v) && v > 100000)
            abort();
    }
    return 0;
}
