/* SPDX-License-Identifier: MIT */
/*
 * Permission entries in their wire form: a letter (n, r, w, b) and a decimal domain
 * number. The first entry of a node names its owner, its letter what everybody else may
 * do.
 */
#ifndef WIRE_XS_PERM_H
#define WIRE_XS_PERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define XS_MAY_READ   1u
#define XS_MAY_WRITE  2u
#define XS_MAY_OWN    4u  /* never stored: what an owner has beyond reading and writing */
#define XS_PERM_DEAD  16u /* the domain of this entry is gone: it grants nothing */
#define XS_PERM_CHARS 12  /* room for one formatted entry and its NUL */

struct xs_perm {
    uint32_t id;
    uint32_t access;
};

/* Returns false for anything that is not one letter and one number. */
bool xs_perm_parse(const char *s, struct xs_perm *out);
/* Writes the entry and its NUL to out (XS_PERM_CHARS bytes), returns the length without
 * NUL. */
size_t xs_perm_format(char *out, const struct xs_perm *p);

#endif
