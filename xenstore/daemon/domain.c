/* SPDX-License-Identifier: MIT */
/* The list of domains: introduction, death, limits. See domain.h. */
#include "daemon/domain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/alloc.h"
#include "daemon/conn_ring.h"
#include "daemon/hv.h"
#include "daemon/journal.h"
#include "daemon/log.h"
#include "daemon/special.h"
#include "daemon/store.h"
#include "daemon/txn.h"

#define BUCKETS 256u

struct list domains = LIST_INIT(domains);
bool domain_no_hypervisor;

static struct domain *table[BUCKETS];

struct domain *domain_find(uint32_t domid)
{
    struct domain *d = table[domid % BUCKETS];

    while (d && d->domid != domid)
        d = d->next;
    return d;
}

struct domain *domain_get(uint32_t domid)
{
    struct domain *d = domain_find(domid);

    if (d)
        return d;
    d = xzalloc(sizeof(*d));
    d->domid = domid;
    d->features = DOMAIN_FEATURES;
    d->next = table[domid % BUCKETS];
    table[domid % BUCKETS] = d;
    list_append(&domains, &d->all);
    return d;
}

void domain_drop_if_idle(struct domain *d)
{
    struct domain **at = &table[d->domid % BUCKETS];

    if (d->introduced || d->conn || d->nodes)
        return;
    for (int i = 0; i < QUOTA_COUNT; i++) {
        if (d->has_quota[i])
            return;
    }
    while (*at != d)
        at = &(*at)->next;
    *at = d->next;
    list_remove(&d->all);
    free(d);
}

uint32_t domain_quota(uint32_t domid, enum quota q)
{
    struct domain *d = domain_find(domid);

    return d && d->has_quota[q] ? d->quota[q] : quotas[q].limit;
}

uint32_t domain_limit(const struct conn *c, enum quota q)
{
    return c->privileged ? 0 : domain_quota(c->id, q);
}

uint32_t domain_memory(uint32_t domid)
{
    struct domain *d = domain_find(domid);
    uint32_t bytes = d ? d->bytes : 0;

    return d && d->conn ? bytes + d->conn->watch_bytes + d->conn->txn_bytes : bytes;
}

void domain_warn(uint32_t domid, int64_t more)
{
    struct domain *d = domain_find(domid);
    uint32_t soft = quotas[QUOTA_MEMORY].soft;
    bool above = soft && domain_memory(domid) + more > soft;

    if (!d || above == d->warned)
        return;
    d->warned = above;
    if (above && log_may_say(&d->said_memory))
        log_say("domain %u uses more memory than the soft limit of %u bytes", domid,
                soft);
}

/* --- introduction --- */

static int connect_ring(struct domain *d, struct hv_store_domain_interface *page,
                        int port)
{
    if (port < 0) {
        hv_unmap_ring(page);
        return -port;
    }
    d->conn = ring_connect(d, page, (uint32_t)port);
    return 0;
}

int domain_introduce_dom0(void)
{
    struct hv_store_domain_interface *page = hv_map_own_ring();
    struct domain *d = domain_get(0);
    int remote = hv_own_port();
    int rc;

    if (!page || remote < 0)
        return ENODEV;
    rc = connect_ring(d, page, hv_bind_domain(0, (uint32_t)remote));
    if (rc)
        return rc;
    if (d->introduced)
        d->conn->resumed = ring_waiting(d->conn);
    d->introduced = true;
    d->port = (uint32_t)remote;
    journal_domain(d);
    return 0;
}

/* The guest has a new event channel: the ring stays as it is. */
static int rebind(struct domain *d, uint32_t port)
{
    int local = hv_bind_domain(d->domid, port);

    if (local < 0)
        return -local;
    ring_rebind(d->conn, (uint32_t)local);
    d->port = port;
    journal_domain(d);
    return 0;
}

static int map_and_bind(struct domain *d, uint64_t gfn, uint32_t port)
{
    struct hv_store_domain_interface *page = hv_map_ring(d->domid, gfn);

    return page ? connect_ring(d, page, hv_bind_domain(d->domid, port)) : errno;
}

int domain_reconnect(struct domain *d)
{
    int rc = domain_no_hypervisor ? ENOSYS : map_and_bind(d, d->gfn, d->port);

    if (rc == 0)
        d->conn->resumed = ring_waiting(d->conn);
    return rc;
}

int domain_introduce(uint32_t domid, uint64_t gfn, uint32_t port)
{
    struct domain *d;
    int rc;

    if (domain_no_hypervisor)
        return ENOSYS;
    d = domain_get(domid);
    if (d->introduced && d->conn)
        return rebind(d, port);
    ring_forget_broken(d);
    rc = map_and_bind(d, gfn, port);
    if (rc) {
        domain_drop_if_idle(d);
        return rc;
    }
    d->gfn = gfn;
    d->port = port;
    d->shutdown = false;
    d->introduced = true;
    journal_domain(d);
    special_fire(SPECIAL_INTRODUCE_DOMAIN, domid);
    return 0;
}

bool domain_exists(uint32_t domid)
{
    struct domain *d = domain_find(domid);

    if (domid == 0 || domain_no_hypervisor || (d && d->introduced))
        return true;
    return hv_domain_state(domid) != HV_STATE_GONE;
}

/* --- the end of a domain --- */

struct orphans {
    uint32_t domid;
    char **path;
    size_t count, room;
};

/* Notes the topmost nodes that it owns. */
static bool find_orphan(void *arg, const char *path, size_t len, struct node *n)
{
    struct orphans *o = arg;

    if (node_owner(n) != o->domid || len == 1)
        return true;
    if (o->count == o->room) {
        o->room = o->room ? o->room * 2 : 16;
        o->path = xrealloc(o->path, o->room * sizeof(*o->path));
    }
    o->path[o->count] = xzalloc(len + 1);
    memcpy(o->path[o->count++], path, len);
    return false;
}

/*
 * What the domain owned goes with it, and a later domain of this number inherits nothing.
 */
static void remove_traces(struct domain *d)
{
    struct orphans o = {.domid = d->domid};

    if (d->nodes)
        store_walk(store.root, "/", 1, true, find_orphan, &o);
    for (size_t i = 0; i < o.count; i++) {
        edit_remove(NULL, o.path[i], strlen(o.path[i]));
        free(o.path[i]);
    }
    free(o.path);
    perms_domain_died(d->domid);
}

static void forget(struct domain *d)
{
    if (d->conn)
        conn_kill(d->conn, HV_STORE_ERROR_NONE);
    ring_forget_broken(d);
    d->introduced = false;
    d->has_target = false;
    for (struct list *l = domains.next; l != &domains; l = l->next) {
        struct domain *other = list_of(l, struct domain, all);

        if (other->has_target && other->target == d->domid)
            other->has_target = false;
    }
    for (int i = 0; i < QUOTA_COUNT; i++)
        d->has_quota[i] = false;
    remove_traces(d);
    journal_domain_gone(d->domid);
    domain_drop_if_idle(d);
}

int domain_release(uint32_t domid)
{
    struct domain *d = domain_find(domid);

    if (!d || !d->introduced)
        return ENOENT;
    forget(d);
    special_fire(SPECIAL_RELEASE_DOMAIN, domid);
    return 0;
}

int domain_resume(uint32_t domid)
{
    struct domain *d = domain_find(domid);

    if (!d || !d->introduced)
        return ENOENT;
    d->shutdown = false;
    journal_domain(d);
    return 0;
}

void domain_check_all(void)
{
    struct list *l, *next;

    for (l = domains.next; l != &domains; l = next) {
        struct domain *d = list_of(l, struct domain, all);
        uint32_t domid = d->domid;
        enum hv_state state;

        next = l->next;
        if (!d->introduced || domid == 0)
            continue;
        state = hv_domain_state(domid);
        if (state == HV_STATE_SHUTDOWN && !d->shutdown) {
            d->shutdown = true;
            journal_domain(d);
            special_fire(SPECIAL_RELEASE_DOMAIN, domid);
        } else if (state == HV_STATE_GONE) {
            forget(d);
            special_fire(SPECIAL_RELEASE_DOMAIN, domid);
        }
    }
}
