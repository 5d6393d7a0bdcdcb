/* SPDX-License-Identifier: MIT */
/*
 * The syntax of domain.cfg (xl.cfg's): lines of `key = value`, where a value is a
 * number, a quoted string or a list of values in brackets. `#` starts a comment, `;`
 * also ends a setting, lists may span lines. What keys mean is config.h's business.
 */
#ifndef DOM_CFG_H
#define DOM_CFG_H

#include <stdbool.h>
#include <stddef.h>

#include "dom/error.h"

struct cfg_pos {
    const char *file;
    unsigned int line, column; /* from 1; columns are bytes */
};

enum cfg_type { CFG_NUMBER, CFG_STRING, CFG_LIST };

struct cfg_value {
    enum cfg_type type;
    struct cfg_pos pos;
    long long number;
    char *string;            /* also of numbers: as written */
    struct cfg_value *items; /* of a list */
    size_t nr_items;
};

struct cfg_setting {
    struct cfg_setting *next;
    char *key;
    struct cfg_pos pos;
    struct cfg_value value;
};

struct cfg {
    struct cfg_setting *first, **tail;
};

void cfg_init(struct cfg *cfg);
void cfg_free(struct cfg *cfg);

/*
 * Adds the settings in text to cfg. A key set twice has its last value; `key += value`
 * adds to a list or a string. `file` is kept by reference. -EINVAL: err says where.
 */
int cfg_parse(struct cfg *cfg, const char *file, const char *text, size_t len,
              struct dom_error *err);

/* Adds one `key=value` argument, whose value need not be quoted. */
int cfg_parse_override(struct cfg *cfg, const char *arg, struct dom_error *err);

/* NULL when the key is not set. */
const struct cfg_setting *cfg_find(const struct cfg *cfg, const char *key);

/* Fails with "file:line:column: message". */
int cfg_fail(struct dom_error *err, const struct cfg_pos *pos, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
