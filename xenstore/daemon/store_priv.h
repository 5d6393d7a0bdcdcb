/* SPDX-License-Identifier: MIT */
/* Nodes themselves, for store.c and store_load.c. */
#ifndef DAEMON_STORE_PRIV_H
#define DAEMON_STORE_PRIV_H

#include "daemon/store.h"

/* Alone: without neighbours and children. */
struct node *node_new(const char *name, size_t name_len, const void *value,
                      size_t value_len, struct perms *perms);
/* Makes its sums right; its neighbours' and its children's are. */
void node_refresh(struct node *n);
/* As memcmp: the order of siblings. */
int node_compare(const char *name, size_t len, const struct node *n);

#endif
