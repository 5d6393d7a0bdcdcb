/* SPDX-License-Identifier: MIT */
/* The table of requests, and what their handlers share. See ops.h. */
#include "daemon/ops.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/domain.h"
#include "daemon/log.h"

struct op {
    int (*serve)(struct request *rq);
    bool privileged;
    bool no_txn; /* the transaction number of the request is ignored */
};

static const struct op ops[XS_MSG_TYPES] = {
    [HV_XS_CONTROL] = {op_control, true, false},
    [HV_XS_DIRECTORY] = {op_directory, false, false},
    [HV_XS_READ] = {op_read, false, false},
    [HV_XS_GET_PERMS] = {op_get_perms, false, false},
    [HV_XS_WATCH] = {op_watch, false, true},
    [HV_XS_UNWATCH] = {op_unwatch, false, true},
    [HV_XS_TRANSACTION_START] = {op_transaction_start, false, false},
    [HV_XS_TRANSACTION_END] = {op_transaction_end, false, false},
    [HV_XS_INTRODUCE] = {op_introduce, true, false},
    [HV_XS_RELEASE] = {op_release, true, false},
    [HV_XS_GET_DOMAIN_PATH] = {op_get_domain_path, false, false},
    [HV_XS_WRITE] = {op_write, false, false},
    [HV_XS_MKDIR] = {op_mkdir, false, false},
    [HV_XS_RM] = {op_rm, false, false},
    [HV_XS_SET_PERMS] = {op_set_perms, false, false},
    [HV_XS_IS_DOMAIN_INTRODUCED] = {op_is_domain_introduced, true, false},
    [HV_XS_RESUME] = {op_resume, true, false},
    [HV_XS_SET_TARGET] = {op_set_target, true, false},
    [HV_XS_RESET_WATCHES] = {op_reset_watches, false, false},
    [HV_XS_DIRECTORY_PART] = {op_directory_part, false, false},
    [HV_XS_GET_FEATURE] = {op_get_feature, true, true},
    [HV_XS_SET_FEATURE] = {op_set_feature, true, true},
    [HV_XS_GET_QUOTA] = {op_get_quota, true, true},
    [HV_XS_SET_QUOTA] = {op_set_quota, true, true},
};

static int dispatch(struct request *rq)
{
    const struct op *op;

    if (rq->h->type >= XS_MSG_TYPES || !ops[rq->h->type].serve)
        return ENOSYS;
    op = &ops[rq->h->type];
    if (op->privileged && !rq->c->privileged)
        return EACCES;
    if (rq->h->tx_id && !op->no_txn) {
        rq->t = txn_find(rq->c, rq->h->tx_id);
        if (!rq->t)
            return ENOENT;
    }
    return op->serve(rq);
}

static void send_first_event(struct conn *c, struct watch *w)
{
    char path[HV_STORE_ABS_PATH_MAX + 1];
    size_t len = watch_path(w, path);

    conn_event(c, w, path, len);
}

/* Requests that a restart found in the ring may have done their work before it. */
static int forgive(uint32_t type, int rc)
{
    bool done = (type == HV_XS_WATCH && rc == EEXIST) ||
                (type == HV_XS_UNWATCH && rc == ENOENT) ||
                (type == HV_XS_TRANSACTION_END && rc == ENOENT);

    return done ? 0 : rc;
}

void ops_serve(struct conn *c, const struct hv_xsd_sockmsg *h, const char *payload)
{
    static char out[HV_STORE_PAYLOAD_MAX];
    struct request rq = {
        .c = c,
        .h = h,
        .args = {payload, h->len},
        .out = out,
    };
    int rc;

    log_request(c, h, payload);
    rc = dispatch(&rq);
    if (c->resumed)
        rc = forgive(h->type, rc);
    if (rc) {
        const char *name = xs_error_name(rc);

        log_reply(c, HV_XS_ERROR, h, name, strlen(name) + 1);
        conn_reply(c, HV_XS_ERROR, h, name, strlen(name) + 1);
        return;
    }
    if (rq.later)
        return;
    if (!rq.answered)
        reply_text(&rq, "OK");
    log_reply(c, h->type, h, out, rq.out_len);
    conn_reply(c, h->type, h, out, rq.out_len);
    if (rq.new_watch)
        send_first_event(c, rq.new_watch);
}

int reply_add(struct request *rq, const void *data, size_t len)
{
    rq->answered = true;
    if (len > HV_STORE_PAYLOAD_MAX - rq->out_len)
        return E2BIG;
    memcpy(rq->out + rq->out_len, data, len);
    rq->out_len += len;
    return 0;
}

int reply_text(struct request *rq, const char *text)
{
    return reply_add(rq, text, strlen(text) + 1);
}

/* A quota for everybody, not counting the part that names a domain's directory. */
static int check_length(struct conn *c, const struct xs_path *p)
{
    uint32_t limit = domain_quota(c->id, QUOTA_PATH_MAX);
    unsigned int domid;
    int prefix = 0;

    if (!limit || p->len <= limit)
        return 0;
    if (sscanf(p->s, "/local/domain/%5u/%n", &domid, &prefix) != 1)
        prefix = 0;
    return p->len > limit + (unsigned int)prefix ? EINVAL : 0;
}

static int make_path(struct request *rq, const char *s, bool special, struct xs_path *out)
{
    char base[32];
    int rc;

    if (!s)
        return EINVAL;
    snprintf(base, sizeof(base), "/local/domain/%u", rq->c->id);
    rc = xs_path_make(out, s, base, special);
    return rc ? rc : check_length(rq->c, out);
}

int arg_path(struct request *rq, bool special, struct xs_path *out)
{
    size_t len;

    return make_path(rq, xs_args_next(&rq->args, &len), special, out);
}

int arg_only_path(struct request *rq, struct xs_path *out)
{
    return make_path(rq, xs_args_one(rq->args.at, rq->args.left), false, out);
}

int arg_number(struct request *rq, uint64_t max, uint64_t *out)
{
    size_t len;
    const char *s = xs_args_next(&rq->args, &len);

    return s && xs_number(s, max, out) ? 0 : EINVAL;
}

int arg_domid(struct request *rq, uint32_t *out)
{
    size_t len;
    const char *s = xs_args_next(&rq->args, &len);

    if (!s)
        return EINVAL;
    *out = (uint32_t)strtol(s, NULL, 10);
    return 0;
}
