/* SPDX-License-Identifier: MIT */
/*
 * XenStore messages: the numbers and layouts that daemon, library and guests agree on,
 * and the few functions that take a payload apart. Reference: Xen's
 * docs/misc/xenstore.txt and xenstore-ring.txt.
 */
#ifndef WIRE_XS_MSG_H
#define WIRE_XS_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/io/xs_wire.h"

/* Newer than Xen 4.17. */
#define HV_XS_GET_FEATURE                  23
#define HV_XS_SET_FEATURE                  24
#define HV_XS_GET_QUOTA                    25
#define HV_XS_SET_QUOTA                    26
#define XS_MSG_TYPES                       27

#define HV_STORE_SERVER_FEATURE_WATCHDEPTH 4

/*
 * The name of a (positive) errno value as it goes over the wire; "EINVAL" if it has none.
 */
const char *xs_error_name(int errnum);
/* The reverse; 0 when the name is unknown. name need not be terminated. */
int xs_error_number(const char *name, size_t len);
/* "READ", "WRITE", ... for log lines; "?" for numbers out of range. */
const char *xs_type_name(uint32_t type);

/* Walks the strings of a payload. Start with {buf, len}. */
struct xs_args {
    const char *at;
    size_t left;
};

/* The next NUL-terminated string, its length in *len; NULL when no terminated one is
 * left. */
const char *xs_args_next(struct xs_args *a, size_t *len);
/* The payload is exactly one terminated string: returns it, else NULL. */
const char *xs_args_one(const char *buf, size_t len);
/* An unsigned decimal number that fills the whole string and is at most max. */
bool xs_number(const char *s, uint64_t max, uint64_t *out);

#endif
