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

/* A file on its way into the cache. */
struct dom_cache_file {
    int fd;
    char name[64];
};
/* Makes an empty file, to be written through out->fd. -1: there can be none. */
int dom_cache_begin(struct dom_cache_file *out);
/* Puts it under its key, or drops it if that is NULL. The caller closes fd. */
void dom_cache_end(const struct dom_cache_file *file, const struct dom_cache_key *key);

#endif
