/* SPDX-License-Identifier: MIT */
/* Requests about domains, their features and quotas. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/domain.h"
#include "daemon/journal.h"
#include "daemon/ops.h"

#define DOMID_SELF 0x7ff0u

static int real_domid(struct request *rq, uint32_t *domid)
{
    int rc = arg_domid(rq, domid);

    return rc == 0 && *domid >= DOMID_FIRST_RESERVED ? EINVAL : rc;
}

/* The frame number is signed on the wire, by an old accident. */
static int arg_frame(struct request *rq, uint64_t *gfn)
{
    size_t len;
    const char *s = xs_args_next(&rq->args, &len);
    bool negative = s && *s == '-';

    if (!s || !xs_number(s + negative, UINT64_MAX / 2, gfn))
        return EINVAL;
    if (negative)
        *gfn = -*gfn;
    return 0;
}

int op_introduce(struct request *rq)
{
    uint32_t domid, port;
    uint64_t gfn;
    int rc = arg_domid(rq, &domid);

    if (rc == 0)
        rc = arg_frame(rq, &gfn);
    if (rc == 0)
        rc = arg_domid(rq, &port);
    if (rc == 0 && (int32_t)port <= 0)
        rc = EINVAL;
    return rc ? rc : domain_introduce(domid, gfn, port);
}

static int arg_guest(struct request *rq, uint32_t *domid)
{
    int rc = arg_domid(rq, domid);

    return rc == 0 && *domid == 0 ? EINVAL : rc;
}

int op_release(struct request *rq)
{
    uint32_t domid;
    int rc = arg_guest(rq, &domid);

    return rc ? rc : domain_release(domid);
}

int op_resume(struct request *rq)
{
    uint32_t domid;
    int rc = arg_guest(rq, &domid);

    return rc ? rc : domain_resume(domid);
}

int op_set_target(struct request *rq)
{
    uint32_t domid, target;
    struct domain *d;
    int rc = arg_domid(rq, &domid);

    if (rc == 0)
        rc = arg_domid(rq, &target);
    if (rc)
        return rc;
    d = domain_find(domid);
    if (!d || !d->introduced || !domain_find(target) || !domain_find(target)->introduced)
        return ENOENT;
    d->target = target;
    d->has_target = true;
    journal_domain(d);
    return 0;
}

int op_get_domain_path(struct request *rq)
{
    char path[32];
    uint32_t domid;
    int rc = arg_domid(rq, &domid);

    if (rc)
        return rc;
    snprintf(path, sizeof(path), "/local/domain/%u", domid);
    return reply_text(rq, path);
}

int op_is_domain_introduced(struct request *rq)
{
    struct domain *d;
    uint32_t domid;
    int rc = arg_domid(rq, &domid);

    if (rc)
        return rc;
    d = domain_find(domid);
    return reply_text(rq, domid == DOMID_SELF || (d && d->introduced) ? "T" : "F");
}

static int reply_number(struct request *rq, uint32_t v)
{
    char text[12];

    snprintf(text, sizeof(text), "%u", v);
    return reply_text(rq, text);
}

/* No argument: nothing, or the one empty string that libraries send for it. */
static bool empty(const struct request *rq)
{
    return rq->args.left == 0 || (rq->args.left == 1 && rq->args.at[0] == '\0');
}

int op_get_feature(struct request *rq)
{
    struct domain *d;
    uint32_t domid;

    if (empty(rq))
        return reply_number(rq, DOMAIN_FEATURES);
    if (real_domid(rq, &domid))
        return EINVAL;
    d = domain_find(domid);
    return d ? reply_number(rq, d->features) : ENOENT;
}

int op_set_feature(struct request *rq)
{
    struct domain *d;
    uint32_t domid, features;

    if (real_domid(rq, &domid) || arg_domid(rq, &features) ||
        (features & ~DOMAIN_FEATURES))
        return EINVAL;
    d = domain_get(domid);
    if (d->introduced)
        return EBUSY;
    d->features = features;
    journal_domain(d);
    return 0;
}

/* Takes [<domid>|]<quota>|. */
static int arg_quota(struct request *rq, bool domain_given, uint32_t *domid,
                     enum quota *q)
{
    size_t len;
    const char *name;

    if (domain_given && real_domid(rq, domid))
        return EINVAL;
    name = xs_args_next(&rq->args, &len);
    *q = name ? quota_by_name(name) : QUOTA_COUNT;
    return *q < QUOTA_COUNT ? 0 : EINVAL;
}

static unsigned int count_args(struct xs_args a)
{
    size_t len;
    unsigned int n = 0;

    while (xs_args_next(&a, &len))
        n++;
    return n;
}

int op_get_quota(struct request *rq)
{
    bool for_domain = count_args(rq->args) > 1;
    uint32_t domid;
    enum quota q;

    if (empty(rq)) {
        for (int i = 0; i < QUOTA_COUNT; i++) {
            reply_add(rq, quotas[i].name, strlen(quotas[i].name));
            reply_add(rq, i + 1 < QUOTA_COUNT ? " " : "", 1);
        }
        return 0;
    }
    if (arg_quota(rq, for_domain, &domid, &q))
        return EINVAL;
    return reply_number(rq, for_domain ? domain_quota(domid, q) : quotas[q].limit);
}

int op_set_quota(struct request *rq)
{
    bool for_domain = count_args(rq->args) > 2;
    uint32_t domid, value;
    struct domain *d;
    enum quota q;

    if (arg_quota(rq, for_domain, &domid, &q) || arg_domid(rq, &value))
        return EINVAL;
    if (for_domain) {
        d = domain_get(domid);
        d->has_quota[q] = true;
        d->quota[q] = value;
        journal_domain(d);
    } else {
        quotas[q].limit = value;
        journal_quotas();
    }
    return 0;
}
