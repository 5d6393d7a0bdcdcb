/* SPDX-License-Identifier: MIT */
/* Requests on watches and transactions. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/domain.h"
#include "daemon/journal.h"
#include "daemon/ops.h"

static int arg_depth(struct request *rq, int *depth)
{
    size_t len;
    const char *s = xs_args_next(&rq->args, &len);
    uint64_t v;

    *depth = -1;
    if (!s || !len)
        return 0;
    if (!xs_number(s, INT16_MAX, &v))
        return EINVAL;
    *depth = (int)v;
    return 0;
}

/* A path and a token. */
static int arg_watch(struct request *rq, struct xs_path *p, const char **token)
{
    size_t len;
    int rc = arg_path(rq, true, p);

    if (rc)
        return rc;
    *token = xs_args_next(&rq->args, &len);
    return *token ? 0 : EINVAL;
}

/* Whether one more may be set. */
static int check_limits(struct conn *c, const struct xs_path *p, const char *token)
{
    uint32_t limit = domain_limit(c, QUOTA_WATCHES);
    size_t bytes = p->len + strlen(token);

    if (bytes + 2 > HV_STORE_PAYLOAD_MAX)
        return E2BIG;
    if (watch_stands(c, p, token))
        return EEXIST;
    if (limit && c->watch_count > limit)
        return E2BIG;
    bytes += watch_deep_bytes(c, p);
    return edit_fits(c, NULL, c->id, (int64_t)bytes) ? 0 : ENOMEM;
}

int op_watch(struct request *rq)
{
    struct xs_path p;
    const char *token;
    int depth;
    int rc = arg_watch(rq, &p, &token);

    if (rc == 0)
        rc = arg_depth(rq, &depth);
    if (rc == 0)
        rc = check_limits(rq->c, &p, token);
    if (rc == 0)
        rc = watch_add(rq->c, &p, token, depth, &rq->new_watch);
    if (rc == 0 && rq->c->domain)
        journal_watch(rq->c->id, &p, token, depth);
    return rc;
}

int op_unwatch(struct request *rq)
{
    struct xs_path p;
    const char *token;
    int rc = arg_watch(rq, &p, &token);

    if (rc == 0)
        rc = watch_remove(rq->c, &p, token);
    if (rc == 0 && rq->c->domain)
        journal_unwatch(rq->c->id, &p, token);
    return rc;
}

int op_reset_watches(struct request *rq)
{
    watch_drop_all(rq->c);
    txn_drop_all(rq->c);
    if (rq->c->domain)
        journal_reset(rq->c->id);
    return 0;
}

int op_transaction_start(struct request *rq)
{
    char text[12];
    struct txn *t;
    int rc;

    if (rq->t)
        return EBUSY;
    rc = txn_start(rq->c, &t);
    if (rc)
        return rc;
    snprintf(text, sizeof(text), "%u", txn_id(t));
    return reply_text(rq, text);
}

int op_transaction_end(struct request *rq)
{
    const char *how = xs_args_one(rq->args.at, rq->args.left);

    if (!how || (strcmp(how, "T") != 0 && strcmp(how, "F") != 0))
        return EINVAL;
    if (!rq->t)
        return ENOENT;
    return txn_end(rq->t, how[0] == 'T');
}
