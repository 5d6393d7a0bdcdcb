/* SPDX-License-Identifier: MIT */
/* Values on a terminal, in JSON, and back from a command line. */
#ifndef CLIENTS_TEXT_H
#define CLIENTS_TEXT_H

#include <stddef.h>
#include <stdio.h>

/* A value with what is not printable escaped; malloced and terminated. */
char *text_escape(const void *value, size_t len);
/* The reverse, in place; returns the length, which may include NULs. */
size_t text_unescape(char *s);
/* A JSON string with its quotes. Bytes that are no UTF-8 come out as \u00xx. */
void text_json(FILE *out, const void *value, size_t len);

#endif
