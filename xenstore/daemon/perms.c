/* SPDX-License-Identifier: MIT */
/*
 * Permission lists. Equal lists are one object in a hash table, because a store has many
 * nodes and few different lists. When a domain dies its entries are marked in place,
 * which reaches every node at once; a list so marked has another place in the table,
 * where a new list does not find it, but the death of the next domain does.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/alloc.h"
#include "daemon/store.h"

static struct perms **table;
static size_t buckets, used;

static uint32_t hash_entries(const struct xs_perm *e, size_t count)
{
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < count; i++) {
        h = (h ^ e[i].id) * 16777619u;
        h = (h ^ e[i].access) * 16777619u;
    }
    return h ^ h >> 15;
}

static void grow(void)
{
    size_t new_buckets = buckets ? buckets * 2 : 64;
    struct perms **new_table = xzalloc(new_buckets * sizeof(*new_table));

    for (size_t i = 0; i < buckets; i++) {
        for (struct perms *p = table[i], *next; p; p = next) {
            next = p->next;
            p->next = new_table[p->hash & (new_buckets - 1)];
            new_table[p->hash & (new_buckets - 1)] = p;
        }
    }
    free(table);
    table = new_table;
    buckets = new_buckets;
}

static void enter(struct perms *p)
{
    p->next = table[p->hash & (buckets - 1)];
    table[p->hash & (buckets - 1)] = p;
}

struct perms *perms_make(const struct xs_perm *entry, size_t count)
{
    uint32_t hash = hash_entries(entry, count);
    size_t size = count * sizeof(*entry);
    struct perms *p;

    if (used >= buckets)
        grow();
    for (p = table[hash & (buckets - 1)]; p; p = p->next) {
        if (p->hash == hash && p->count == count && memcmp(p->entry, entry, size) == 0)
            return perms_ref(p);
    }
    p = xalloc(sizeof(*p) + size);
    p->ref = 1;
    p->hash = hash;
    p->count = (uint32_t)count;
    memcpy(p->entry, entry, size);
    enter(p);
    used++;
    return p;
}

void perms_put(struct perms *p)
{
    struct perms **at = &table[p->hash & (buckets - 1)];

    if (--p->ref)
        return;
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    used--;
    free(p);
}

static bool mark_dead(struct perms *p, uint32_t domid)
{
    bool found = false;

    for (uint32_t i = 0; i < p->count; i++) {
        if (p->entry[i].id != domid)
            continue;
        p->entry[i].access |= XS_PERM_DEAD;
        found = true;
    }
    return found;
}

void perms_domain_died(uint32_t domid)
{
    struct perms *marked = NULL, *p;

    for (size_t i = 0; i < buckets; i++) {
        for (struct perms **at = &table[i]; (p = *at);) {
            if (!mark_dead(p, domid)) {
                at = &p->next;
                continue;
            }
            *at = p->next;
            p->next = marked;
            marked = p;
        }
    }
    while ((p = marked)) {
        marked = p->next;
        p->hash = hash_entries(p->entry, p->count);
        enter(p);
    }
}
