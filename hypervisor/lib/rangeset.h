/* SPDX-License-Identifier: MIT */
/* Sets of unsigned long ranges, merged and sorted; the caller locks. */
#ifndef LIB_RANGESET_H
#define LIB_RANGESET_H

#include "lib/types.h"

struct rangeset;
struct rangeset *rangeset_new(void);
void rangeset_free(struct rangeset *r); /* NULL is fine */
int rangeset_add(struct rangeset *r, unsigned long first, unsigned long last);
int rangeset_remove(struct rangeset *r, unsigned long first, unsigned long last);
bool rangeset_has(const struct rangeset *r, unsigned long first, unsigned long last);
bool rangeset_empty(const struct rangeset *r);
/* Calls fn for each range in rising order until it returns nonzero, and returns that. */
int rangeset_each(const struct rangeset *r,
                  int (*fn)(void *arg, unsigned long first, unsigned long last),
                  void *arg);

#endif
