/* SPDX-License-Identifier: MIT */
/* The room interface: each room hands main.c one record; creation walks the list of
 * records forward, destruction backward. Every hook may be NULL. A hook that fails leaves
 * nothing behind; the walk then undoes the rooms before it. */
#ifndef KERN_ROOM_H
#define KERN_ROOM_H

#include "lib/types.h"

struct domain;
struct vcpu;
struct hv_domctl_createdomain;

struct room {
    const char *name;
    int (*domain_init)(struct domain *d, const struct hv_domctl_createdomain *c);
    /* give back what the guest holds; -ERESTART: call again */
    int (*domain_kill)(struct domain *d);
    void (*domain_free)(struct domain *d); /* last reference gone */
    int (*vcpu_init)(struct vcpu *v);
    void (*vcpu_free)(struct vcpu *v);
    void (*dump)(struct domain *d); /* logs what it has: debug key 'q', or dump_key */
    char dump_key;
    const char *dump_help;
};

extern const struct room *const rooms[]; /* main.c; NULL at the end */
int rooms_domain_init(struct domain *d, const struct hv_domctl_createdomain *c);
int rooms_domain_kill(struct domain *d);
void rooms_domain_free(struct domain *d);
int rooms_vcpu_init(struct vcpu *v);
void rooms_vcpu_free(struct vcpu *v);

#endif
