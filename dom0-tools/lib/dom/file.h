/* SPDX-License-Identifier: MIT */
/* A whole file, read-only in memory. */
#ifndef DOM_FILE_H
#define DOM_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "dom/error.h"

struct dom_file {
    const uint8_t *data;
    size_t size;
    void *mapping; /* NULL: data was allocated */
};

int dom_file_map(struct dom_file *out, const char *path, struct dom_error *err);
void dom_file_unmap(struct dom_file *file);

#endif
