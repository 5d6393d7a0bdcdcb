/* SPDX-License-Identifier: MIT */
/*
 * Reading the journal after the daemon's death: the tree first, then, once the hypervisor
 * can be asked, guests' rings with their watches and transactions.
 *
 * Every restored watch fires once: events that died with the daemon are thus made up for.
 * A transaction that was open comes back as one that will fail with EAGAIN, which clients
 * know how to deal with. A request that was answered in the journal but not yet in the
 * ring is served again; conn->resumed lets it find its work done.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/alloc.h"
#include "daemon/conn_ring.h"
#include "daemon/domain.h"
#include "daemon/journal.h"
#include "daemon/log.h"
#include "daemon/special.h"
#include "daemon/txn.h"
#include "daemon/watch.h"

/* What waits for a guest's ring: a record that is to be applied to its connection. */
struct waiting {
    struct waiting *next;
    struct journal_entry e;
    char data[]; /* strings a and b */
};

static struct waiting *waiting, **waiting_end = &waiting;

static void drop_waiting(struct waiting **at)
{
    struct waiting *w = *at;

    *at = w->next;
    if (waiting_end == &w->next)
        waiting_end = at;
    free(w);
}

static void keep(const struct journal_entry *e, const char *data)
{
    size_t len = (size_t)e->a_len + e->b_len;
    struct waiting *w = xalloc(sizeof(*w) + len);

    w->next = NULL;
    w->e = *e;
    memcpy(w->data, data, len);
    *waiting_end = w;
    waiting_end = &w->next;
}

/* Forgets what waits for this guest: of one type, or all. */
static void forget(uint32_t domid, int type, const struct journal_entry *like,
                   const char *data)
{
    struct waiting **at = &waiting;

    while (*at) {
        const struct waiting *w = *at;
        bool match = w->e.domid == domid && (type == 0 || w->e.type == type);

        if (match && like && like->type == JOURNAL_UNWATCH)
            match = w->e.a_len == like->a_len && w->e.b_len == like->b_len &&
                    memcmp(w->data, data, (size_t)like->a_len + like->b_len) == 0;
        if (match && like && like->type == JOURNAL_TXN_END)
            match = w->e.number == like->number;
        if (match)
            drop_waiting(at);
        else
            at = &(*at)->next;
    }
}

/* --- the tree --- */

static void set_node(const char *path, size_t len, const void *value, size_t vlen,
                     struct perms *perms)
{
    size_t found, at, name_len;
    struct node *n = store_nearest(store.root, path, len, &found);
    const char *name;

    if (found == len) {
        edit_perms(NULL, path, len, perms);
        edit_value(NULL, path, len, value, vlen);
        return;
    }
    at = found == 1 ? 0 : found;
    while (xs_path_component(path, len, &at, &name, &name_len)) {
        bool last = at == len;

        edit_create(NULL, path, at, last ? value : NULL, last ? vlen : 0,
                    last ? perms : n->perms, false);
        if (!last)
            n = store_find(store.root, path, at);
    }
}

/* The path that JOURNAL_TREE records go on from. */
static struct xs_path tree;
static size_t tree_len[HV_STORE_ABS_PATH_MAX + 1]; /* of the path, at each depth */

static bool tree_node(const struct journal_entry *e, const char *data,
                      struct perms *perms)
{
    size_t parent;

    if (e->number == 0) {
        tree_len[0] = 0;
        set_node("/", 1, data, e->b_len, perms);
        return true;
    }
    if (e->number > HV_STORE_ABS_PATH_MAX)
        return false;
    parent = tree_len[e->number - 1];
    if (parent + 1 + e->a_len > HV_STORE_ABS_PATH_MAX)
        return false;
    tree.s[parent] = '/';
    memcpy(tree.s + parent + 1, data, e->a_len);
    tree_len[e->number] = parent + 1 + e->a_len;
    if (memchr(data, '/', e->a_len) || !xs_path_valid(tree.s, tree_len[e->number], false))
        return false;
    set_node(tree.s, tree_len[e->number], data + e->a_len, e->b_len, perms);
    return true;
}

/* --- records --- */

static bool set_domain(const struct journal_entry *e, const char *data)
{
    struct journal_domain_quota q;
    struct journal_domain old;
    struct domain *d;

    if (e->a_len < sizeof(old))
        return false;
    memcpy(&old, data, sizeof(old));
    if (e->b_len != old.quotas * sizeof(q))
        return false;
    d = domain_get(e->domid);
    d->introduced = old.introduced;
    d->shutdown = old.shutdown;
    d->has_target = old.has_target;
    d->target = old.target;
    d->features = old.features;
    d->gfn = old.gfn;
    d->port = old.port;
    memset(d->has_quota, 0, sizeof(d->has_quota));
    for (uint8_t i = 0; i < old.quotas; i++) {
        memcpy(&q, data + e->a_len + i * sizeof(q), sizeof(q));
        if (q.quota >= QUOTA_COUNT)
            continue;
        d->has_quota[q.quota] = true;
        d->quota[q.quota] = q.limit;
    }
    return true;
}

static void domain_gone(uint32_t domid)
{
    struct domain *d = domain_find(domid);

    forget(domid, 0, NULL, NULL);
    perms_domain_died(domid);
    if (!d)
        return;
    d->introduced = d->has_target = false;
    memset(d->has_quota, 0, sizeof(d->has_quota));
    domain_drop_if_idle(d);
}

static bool set_quotas(const struct journal_entry *e, const char *data)
{
    struct journal_quota q;

    if (e->a_len % sizeof(q))
        return false;
    for (size_t i = 0; i < e->a_len / sizeof(q) && i < QUOTA_COUNT; i++) {
        memcpy(&q, data + i * sizeof(q), sizeof(q));
        quotas[i].limit = q.limit;
        quotas[i].soft = q.soft;
    }
    return true;
}

/* Records about nodes and permissions; perms is NULL where a record has none. */
static bool apply_tree(const struct journal_entry *e, const char *data,
                       struct perms *perms)
{
    switch (e->type) {
    case JOURNAL_NODE:
        if (!perms || !xs_path_valid(data, e->a_len, false))
            return false;
        set_node(data, e->a_len, data + e->a_len, e->b_len, perms);
        return true;
    case JOURNAL_TREE:
        return perms && tree_node(e, data, perms);
    case JOURNAL_REMOVED:
        if (!xs_path_valid(data, e->a_len, false))
            return false;
        if (e->a_len > 1 && store_find(store.root, data, e->a_len))
            edit_remove(NULL, data, e->a_len);
        return true;
    default:
        return perms && special_restore(e->number, perms);
    }
}

static bool apply(const struct journal_entry *e, const char *data, struct perms *perms)
{
    switch (e->type) {
    case JOURNAL_NODE:
    case JOURNAL_TREE:
    case JOURNAL_REMOVED:
    case JOURNAL_SPECIAL:
        return apply_tree(e, data, perms);
    case JOURNAL_WATCH:
        if (!e->b_len || data[e->a_len + e->b_len - 1] ||
            !xs_path_valid(data, e->a_len, true))
            return false;
        keep(e, data);
        return true;
    case JOURNAL_TXN_START:
        keep(e, data);
        return true;
    case JOURNAL_UNWATCH:
        forget(e->domid, JOURNAL_WATCH, e, data);
        return true;
    case JOURNAL_TXN_END:
        forget(e->domid, JOURNAL_TXN_START, e, data);
        return true;
    case JOURNAL_RESET:
        forget(e->domid, JOURNAL_WATCH, NULL, NULL);
        forget(e->domid, JOURNAL_TXN_START, NULL, NULL);
        return true;
    case JOURNAL_DOMAIN:
        return set_domain(e, data);
    case JOURNAL_DOMAIN_GONE:
        domain_gone(e->domid);
        return true;
    case JOURNAL_QUOTAS:
        return set_quotas(e, data);
    case JOURNAL_INPUT:
    case JOURNAL_OUTPUT:
        forget(e->domid, e->type, NULL, NULL); /* only the last one counts */
        keep(e, data);
        return true;
    default:
        return false;
    }
}

bool recover_record(const char *payload, uint32_t len)
{
    struct journal_entry e;
    struct perms *perms = NULL;
    bool ok;

    if (len < sizeof(e))
        return false;
    memcpy(&e, payload, sizeof(e));
    if (len != sizeof(e) + e.a_len + e.b_len + e.perms * sizeof(struct xs_perm))
        return false;
    if (e.perms) {
        struct xs_perm *entry =
            xmemdup(payload + sizeof(e) + e.a_len + e.b_len, e.perms * sizeof(*entry));

        perms = perms_make(entry, e.perms);
        free(entry);
    }
    ok = apply(&e, payload + sizeof(e), perms);
    if (perms)
        perms_put(perms);
    return ok;
}

/* The length of the whole and undamaged record at at, or 0. */
static uint64_t record_at(const char *file, uint64_t at, uint64_t end)
{
    struct journal_record r;

    if (end - at < sizeof(r))
        return 0;
    memcpy(&r, file + at, sizeof(r));
    if (r.len < sizeof(struct journal_entry) || r.len > end - at - sizeof(r) ||
        journal_sum(file + at + sizeof(r), r.len) != r.sum)
        return 0;
    return sizeof(r) + r.len;
}

/* Applies what is undamaged; returns the end of the last such record. */
static uint64_t read_records(const char *file, uint64_t end)
{
    uint64_t at = JOURNAL_HEAD, good = at, damaged = 0;

    while (at < end) {
        uint64_t len = record_at(file, at, end);

        if (len && recover_record(file + at + sizeof(struct journal_record),
                                  (uint32_t)(len - sizeof(struct journal_record)))) {
            at += len;
            good = at;
        } else {
            damaged++;
            at++; /* look for the next record */
        }
    }
    if (damaged)
        log_say("the journal is damaged: %llu of its %llu bytes are lost",
                (unsigned long long)damaged, (unsigned long long)(end - JOURNAL_HEAD));
    return good;
}

static bool read_file(int fd, uint64_t size)
{
    struct journal_head *head;
    char boot_id[40];
    uint64_t end, good;

    if (size < JOURNAL_HEAD)
        return false;
    head = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (head == MAP_FAILED)
        return false;
    journal_boot_id(boot_id);
    if (head->magic != JOURNAL_MAGIC ||
        memcmp(boot_id, head->boot_id, sizeof(boot_id)) != 0) {
        munmap(head, size);
        return false;
    }
    end = head->committed;
    if (end < JOURNAL_HEAD || end > size)
        end = size;
    good = read_records((const char *)head, end);
    head->committed = good;
    munmap(head, size);
    return true;
}

bool recover(const char *dir)
{
    char path[256];
    struct stat st;
    bool found;
    int fd;

    snprintf(path, sizeof(path), "%s/journal", dir);
    fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return false;
    found = fstat(fd, &st) == 0 && read_file(fd, (uint64_t)st.st_size);
    close(fd);
    if (found)
        log_say("%llu nodes are back from the journal", (unsigned long long)store.nodes);
    return found;
}

/* --- rings --- */

static void apply_waiting(struct conn *c, const struct waiting *w)
{
    struct watch *watch;
    struct xs_path p;

    switch (w->e.type) {
    case JOURNAL_WATCH:
        if (w->e.a_len > HV_STORE_ABS_PATH_MAX)
            return;
        memcpy(p.s, w->data, w->e.a_len);
        p.s[w->e.a_len] = '\0';
        p.len = w->e.a_len;
        p.base = w->e.flags ? (size_t)snprintf(NULL, 0, "/local/domain/%u/", c->id) : 0;
        if (watch_add(c, &p, w->data + w->e.a_len, (int)w->e.number - 1, &watch) == 0)
            conn_event(c, watch, p.s + p.base, p.len - p.base);
        break;
    case JOURNAL_TXN_START:
        txn_restore(c, w->e.number);
        break;
    default:
        ring_restore(c, w->e.type == JOURNAL_OUTPUT, w->e.number, w->data, w->e.a_len);
        break;
    }
}

void recover_rings(bool bare)
{
    struct list *l, *next;

    for (l = domains.next; l != &domains; l = next) {
        struct domain *d = list_of(l, struct domain, all);

        next = l->next;
        if (d->domid && d->introduced && domain_reconnect(d))
            log_say("domain %u: its ring cannot be connected again", d->domid);
    }
    /* First what was under way in the rings, then events. */
    for (int pass = 0; pass < 2 && !bare; pass++) {
        for (struct waiting *w = waiting; w; w = w->next) {
            struct domain *d = domain_find(w->e.domid);
            bool bytes = w->e.type == JOURNAL_INPUT || w->e.type == JOURNAL_OUTPUT;

            if (d && d->conn && bytes == (pass == 0))
                apply_waiting(d->conn, w);
        }
    }
    while (waiting)
        drop_waiting(&waiting);
    domain_check_all();
}
