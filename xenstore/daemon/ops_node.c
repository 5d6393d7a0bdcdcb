/* SPDX-License-Identifier: MIT */
/* Requests on nodes: reading, listing, writing, removing, permissions. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/alloc.h"
#include "daemon/domain.h"
#include "daemon/ops.h"
#include "daemon/perm.h"
#include "daemon/special.h"

/* A change does not fit: the transaction that it would have been a part of is void. */
static int no_room(struct request *rq, int error)
{
    if (rq->t)
        txn_fail(rq->t);
    return error;
}

/* What a node's change adds to its owner's memory, where that is bounded; 0 or EIO. */
static int check_memory(struct request *rq, const struct node *n, int64_t more)
{
    return edit_fits(rq->c, rq->t, node_owner(n), more) ? 0 : no_room(rq, EIO);
}

/*
 * A client learns that p is not there, or that it may not know: that hangs on the
 * permissions of the last node on the way, which ends at found, and on there being none
 * behind it.
 */
static int saw_nothing(struct request *rq, const struct xs_path *p, size_t found)
{
    size_t at = found == 1 ? 0 : found, len;
    const char *name;
    int rc = txn_saw(rq->t, p->s, found, SEEN_PERMS);

    xs_path_component(p->s, p->len, &at, &name, &len);
    return rc ? rc : txn_saw(rq->t, p->s, at, SEEN_SELF);
}

/*
 * Finds the node at p, for somebody who needs the rights in need. Of a node that is not
 * there only those may know who have one of these rights on the closest node above it.
 * With create, ENOENT is not the client's answer but means that the node is to be made.
 */
static int get_node(struct request *rq, const struct xs_path *p, uint32_t need,
                    unsigned int seen, bool create, struct node **out)
{
    size_t found;
    struct node *n = store_nearest(txn_root(rq->t), p->s, p->len, &found);
    uint32_t may = perm_for(rq->c, n->perms);
    int rc = txn_saw(rq->t, p->s, p->len, seen);

    if (rc == 0 && found != p->len && !(create && (may & need)))
        rc = saw_nothing(rq, p, found);
    if (rc)
        return rc;
    if (found != p->len)
        return may & need ? ENOENT : EACCES;
    if ((may & need) != need)
        return EACCES;
    *out = n;
    return 0;
}

int op_read(struct request *rq)
{
    struct xs_path p;
    struct node *n;
    int rc = arg_only_path(rq, &p);

    if (rc == 0)
        rc = get_node(rq, &p, XS_MAY_READ, SEEN_SELF, false, &n);
    return rc ? rc : reply_add(rq, node_value(n), n->value_len);
}

int op_directory(struct request *rq)
{
    struct xs_path p;
    struct node *n;
    int rc = arg_only_path(rq, &p);

    if (rc == 0)
        rc = get_node(rq, &p, XS_MAY_READ, SEEN_PERMS | SEEN_LIST, false, &n);
    if (rc)
        return rc;
    if (store_list_bytes(n) > HV_STORE_PAYLOAD_MAX)
        return E2BIG;
    rq->answered = true;
    rq->out_len = store_list(n, 0, rq->out, HV_STORE_PAYLOAD_MAX);
    conn_charge(rq->c, (uint32_t)(rq->out_len / 256));
    return 0;
}

/* The list from an offset on, behind the number of its version; an empty name ends it. */
int op_directory_part(struct request *rq)
{
    struct xs_path p;
    struct node *n;
    uint32_t offset;
    size_t sent;
    char gen[24];
    int rc = arg_path(rq, false, &p);

    if (rc == 0)
        rc = arg_domid(rq, &offset);
    if (rc == 0)
        rc = get_node(rq, &p, XS_MAY_READ, SEEN_PERMS | SEEN_LIST, false, &n);
    if (rc)
        return rc;
    snprintf(gen, sizeof(gen), "%llu", (unsigned long long)n->list_gen);
    reply_text(rq, gen);
    sent = store_list(n, offset, rq->out + rq->out_len,
                      HV_STORE_PAYLOAD_MAX - 1 - rq->out_len);
    rq->out_len += sent;
    conn_charge(rq->c, (uint32_t)(rq->out_len / 256));
    return offset + sent >= store_list_bytes(n) ? reply_add(rq, "", 1) : 0;
}

/* --- writing --- */

/* The size that the node-size quota counts. */
static size_t quota_size(size_t value_len, size_t list, size_t entries)
{
    return NODE_FLAT + NODE_PER_ENTRY * entries + value_len + list;
}

/* What a new node below n starts with: n's permissions, but guests own what they make. */
static struct perms *inherit(struct conn *c, const struct node *n)
{
    size_t size = n->perms->count * sizeof(struct xs_perm);
    struct xs_perm *entry;
    struct perms *p;

    if (c->privileged || node_owner(n) == c->id)
        return perms_ref(n->perms);
    entry = xmemdup(n->perms->entry, size);
    entry[0].id = c->id;
    entry[0].access &= ~XS_PERM_DEAD;
    p = perms_make(entry, n->perms->count);
    free(entry);
    return p;
}

static int may_create(struct request *rq, const struct node *above,
                      const struct xs_path *p, size_t found, size_t value_len)
{
    uint32_t limit = domain_limit(rq->c, QUOTA_NODES);
    uint32_t size = domain_limit(rq->c, QUOTA_NODE_SIZE);
    size_t at = found == 1 ? 0 : found, first_len = 0, len;
    const char *name;
    uint32_t count = 0;
    size_t bytes = value_len;

    if (rq->c->privileged)
        return 0;
    while (xs_path_component(p->s, p->len, &at, &name, &len)) {
        first_len = count++ ? first_len : len;
        bytes += quota_size(0, len + 1, above->perms->count) + at;
    }
    /* What a transaction makes is counted at its end. */
    if (limit && edit_owned(NULL, rq->c->id) + (rq->t ? 1 : count) > limit)
        return ENOSPC;
    if (!edit_fits(rq->c, rq->t, rq->c->id, (int64_t)bytes))
        return no_room(rq, EIO);
    if (!size)
        return 0;
    if (quota_size(value_len, 0, above->perms->count) >= size ||
        quota_size(above->value_len, store_list_bytes(above) + first_len + 1,
                   above->perms->count) >= size)
        return no_room(rq, ENOSPC);
    return 0;
}

/* Makes p and what is missing above it. Only p itself is an event. */
static int create(struct request *rq, const struct xs_path *p, const void *value,
                  size_t vlen)
{
    size_t found, at, len;
    struct node *above = store_nearest(txn_root(rq->t), p->s, p->len, &found);
    const char *name;
    struct perms *perms;
    int rc = may_create(rq, above, p, found, vlen);

    if (rc == 0)
        rc = txn_saw(rq->t, p->s, found, SEEN_PERMS);
    if (rc)
        return rc;
    perms = inherit(rq->c, above);
    at = found == 1 ? 0 : found;
    while (xs_path_component(p->s, p->len, &at, &name, &len)) {
        bool last = at == p->len;

        if (!last)
            txn_saw(rq->t, p->s, at, SEEN_AS_MADE);
        edit_create(rq->t, p->s, at, last ? value : NULL, last ? vlen : 0, perms, last);
    }
    perms_put(perms);
    return 0;
}

int op_write(struct request *rq)
{
    uint32_t size = domain_limit(rq->c, QUOTA_NODE_SIZE);
    struct xs_path p;
    struct node *n;
    int rc = arg_path(rq, false, &p);

    if (rc == 0)
        rc = get_node(rq, &p, XS_MAY_WRITE, SEEN_SELF, true, &n);
    if (rc == ENOENT)
        return create(rq, &p, rq->args.at, rq->args.left);
    if (rc)
        return rc;
    if (size && quota_size(rq->args.left, store_list_bytes(n), n->perms->count) >= size)
        return no_room(rq, ENOSPC);
    rc = check_memory(rq, n, (int64_t)rq->args.left - n->value_len);
    if (rc)
        return rc;
    edit_value(rq->t, p.s, p.len, rq->args.at, rq->args.left);
    return 0;
}

int op_mkdir(struct request *rq)
{
    struct xs_path p;
    struct node *n;
    int rc = arg_only_path(rq, &p);

    if (rc == 0)
        rc = get_node(rq, &p, XS_MAY_WRITE, SEEN_SELF, true, &n);
    return rc == ENOENT ? create(rq, &p, NULL, 0) : rc;
}

int op_rm(struct request *rq)
{
    struct xs_path p;
    struct node *n;
    size_t parent;
    int rc = arg_only_path(rq, &p);

    if (rc == 0)
        rc = get_node(rq, &p, XS_MAY_WRITE, SEEN_SELF | SEEN_SUBTREE, false, &n);
    parent = rc == EINVAL ? 0 : xs_path_parent(p.s, p.len);
    if (rc == ENOENT && store_find(txn_root(rq->t), p.s, parent))
        return 0;
    if (rc)
        return rc;
    if (!parent)
        return EINVAL;
    edit_remove(rq->t, p.s, p.len);
    return 0;
}

/* --- permissions --- */

int op_get_perms(struct request *rq)
{
    struct xs_path p;
    struct node *n;
    int rc = arg_only_path(rq, &p);

    if (rc == 0)
        rc = get_node(rq, &p, XS_MAY_READ, SEEN_SELF, false, &n);
    for (uint32_t i = 0; rc == 0 && i < n->perms->count; i++) {
        const struct xs_perm *e = &n->perms->entry[i];
        char text[XS_PERM_CHARS];

        rc = reply_add(rq, text, xs_perm_format(text, e) + 1);
    }
    return rc;
}

#define MAX_ENTRIES (HV_STORE_PAYLOAD_MAX / 3)

static int parse_perms(struct request *rq, struct perms **out)
{
    uint32_t limit = domain_limit(rq->c, QUOTA_PERMISSIONS);
    struct xs_perm entry[MAX_ENTRIES];
    const char *s;
    size_t count = 0, len;

    while (count < MAX_ENTRIES && (s = xs_args_next(&rq->args, &len))) {
        if (!xs_perm_parse(s, &entry[count]))
            return EINVAL;
        /* An entry for nobody must not serve whoever gets that number later. */
        if (count && !domain_exists(entry[count].id))
            entry[count].access |= XS_PERM_DEAD;
        count++;
    }
    if (count == 0)
        return EINVAL;
    if (limit && count > limit)
        return ENOSPC;
    *out = perms_make(entry, count);
    return 0;
}

static int change_perms(struct request *rq, const struct xs_path *p, struct perms *perms)
{
    uint32_t size = domain_limit(rq->c, QUOTA_NODE_SIZE);
    struct node *n;
    int rc = get_node(rq, p, XS_MAY_WRITE | XS_MAY_OWN, SEEN_SELF, false, &n);

    if (rc)
        return rc;
    if (!rq->c->privileged && perms->entry[0].id != node_owner(n))
        return EPERM;
    if (!domain_exists(perms->entry[0].id))
        return ENOENT;
    if (size && quota_size(n->value_len, store_list_bytes(n), perms->count) >= size)
        return no_room(rq, ENOSPC);
    rc = check_memory(rq, n, ((int64_t)perms->count - n->perms->count) * NODE_PER_ENTRY);
    if (rc)
        return rc;
    edit_perms(rq->t, p->s, p->len, perms);
    return 0;
}

int op_set_perms(struct request *rq)
{
    struct xs_path p;
    struct perms *perms;
    int rc = arg_path(rq, true, &p);

    if (rc == 0)
        rc = parse_perms(rq, &perms);
    if (rc)
        return rc;
    if (p.s[0] == '@')
        rc = rq->c->privileged ? special_set_perms(&p, perms) : ENOENT;
    else
        rc = change_perms(rq, &p, perms);
    perms_put(perms);
    return rc;
}
