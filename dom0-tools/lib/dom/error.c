/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>

#include "dom/error.h"

int dom_fail(struct dom_error *err, int rc, const char *fmt, ...)
{
    va_list args;

    if (err->text[0])
        return rc;
    va_start(args, fmt);
    vsnprintf(err->text, sizeof(err->text), fmt, args);
    va_end(args);
    return rc;
}
