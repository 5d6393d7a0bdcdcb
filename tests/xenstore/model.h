/* SPDX-License-Identifier: MIT */
/*
 * The naive reference: a store as an array of nodes, copied whole where it must be kept,
 * with every rule of the protocol written down in the plainest way. For test_model.c.
 */
#ifndef TESTS_XENSTORE_MODEL_H
#define TESTS_XENSTORE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_NODES 512
#define MODEL_TEXT  64
#define MODEL_PERMS 4

struct model_perm {
    char letter;
    unsigned int domid;
};

struct model_node {
    char path[MODEL_TEXT];
    char value[MODEL_TEXT];
    struct model_perm perm[MODEL_PERMS];
    unsigned int perms;
};

struct model {
    struct model_node node[MODEL_NODES];
    unsigned int count;
};

struct model_request {
    uint32_t type;
    unsigned int domid; /* who asks; 0 may everything */
    char path[MODEL_TEXT];
    char value[MODEL_TEXT]; /* of WRITE; permission strings, blank separated, of SET_PERMS
                             */
};

struct model_reply {
    bool error;
    char data[4096];
    size_t len;
};

/* What watches should hear: path has changed; below says that all under it went too. */
struct model_event {
    char path[MODEL_TEXT];
    struct model_perm perm[MODEL_PERMS], parent_perm[MODEL_PERMS];
    unsigned int perms, parent_perms;
};
struct model_events {
    struct model_event event[MODEL_NODES];
    unsigned int count;
};

void model_init(struct model *m);
void model_apply(struct model *m, const struct model_request *rq,
                 struct model_reply *reply, struct model_events *events);
/* Whether domid may read something with these permissions. */
bool model_may(const struct model_perm *perm, unsigned int count, unsigned int domid,
               char what);
bool model_below(const char *parent, const char *child);

#endif
