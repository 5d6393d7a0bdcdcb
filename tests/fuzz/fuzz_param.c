/* SPDX-License-Identifier: MIT */
/* Any text as a command line. */
#include "kern/log.h"
#include "kern/param.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void log_print(enum log_level level, const char *fmt, ...)
{
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *line = malloc(size + 1);

    memcpy(line, data, size);
    line[size] = '\0';
    param_parse(line);
    free(line);
    return 0;
}
