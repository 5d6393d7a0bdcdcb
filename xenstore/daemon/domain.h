/* SPDX-License-Identifier: MIT */
/*
 * What the daemon knows about each domain: whether it was introduced, its ring, what it
 * uses and what it may use. A record is made when a domain is first heard of (also as an
 * owner of nodes) and goes when the domain is gone and owns nothing.
 */
#ifndef DAEMON_DOMAIN_H
#define DAEMON_DOMAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/conn.h"
#include "daemon/quota.h"

#define DOMID_FIRST_RESERVED 0x7ff0u
/* What rings offer: all we have. */
#define DOMAIN_FEATURES                                                                  \
    (HV_STORE_SERVER_FEATURE_RECONNECTION | HV_STORE_SERVER_FEATURE_ERROR |              \
     HV_STORE_SERVER_FEATURE_WATCHDEPTH)

struct domain {
    struct list all;     /* in domains */
    struct domain *next; /* in a hash chain */
    uint32_t domid;
    uint32_t nodes;                   /* that it owns in the committed tree */
    uint32_t bytes;                   /* ... and what they count: see txn_account */
    bool warned;                      /* that it is above its soft limit */
    int64_t said_broken, said_memory; /* for log_may_say */
    bool introduced;
    bool shutdown; /* seen to be shut down; said so once */
    bool has_target;
    bool has_quota[QUOTA_COUNT];
    uint32_t target;
    uint32_t features; /* offered in its ring */
    uint32_t quota[QUOTA_COUNT];
    uint64_t gfn;
    uint32_t port;     /* the domain's end of the event channel */
    struct conn *conn; /* its ring */
};

extern struct list domains;
extern bool domain_no_hypervisor; /* --no-domains: nobody can be introduced */

struct domain *domain_find(uint32_t domid);
struct domain *domain_get(uint32_t domid); /* makes it if need be */
/* Frees the record if nothing needs it. */
void domain_drop_if_idle(struct domain *d);

uint32_t domain_quota(uint32_t domid, enum quota q);
/* The client's limit; 0: none. Privileged clients have none. */
uint32_t domain_limit(const struct conn *c, enum quota q);

/* What counts towards the memory quota of this client's domain. */
uint32_t domain_memory(uint32_t domid);
/* Says so in the log when that passes the soft limit with so much more. */
void domain_warn(uint32_t domid, int64_t more);

/* Whether nodes may be given to it: it runs, or nobody can tell. */
bool domain_exists(uint32_t domid);

/* All three return 0 or errno. */
int domain_introduce(uint32_t domid, uint64_t gfn, uint32_t port);
int domain_release(uint32_t domid);
int domain_resume(uint32_t domid);
/* After a restart: maps the ring and binds the event channel of a domain that was
 * introduced. */
int domain_reconnect(struct domain *d);
/* Connects domain 0's own ring, given by its kernel. */
int domain_introduce_dom0(void);

/*
 * Looks at every introduced domain: tells watchers of shut down ones, forgets dead ones.
 */
void domain_check_all(void);

#endif
