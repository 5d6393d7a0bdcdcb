/* SPDX-License-Identifier: MIT */
/*
 * Unpacked kernels by the content of the files they came from, under /var/cache/ostler.
 * A cache is a convenience: nothing here reports an error, it just has nothing.
 */
#ifndef DOM_CACHE_H
#define DOM_CACHE_H

#include <stddef.h>
#include <stdint.h>

struct dom_cache_key {
    uint64_t hash[2];
    uint64_t size;
};

/* -1: this file cannot be cached. */
int dom_cache_key(struct dom_cache_key *out, int fd);
/* An open file, or -1. */
int dom_cache_find(const struct dom_cache_key *key);
void dom_cache_add(const struct dom_cache_key *key, const void *data, size_t size);

#endif
