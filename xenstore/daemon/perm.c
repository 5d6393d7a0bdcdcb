/* SPDX-License-Identifier: MIT */
/* The permission rule: privileged clients and owners may all, others what is listed. */
#include "daemon/perm.h"

#include "daemon/domain.h"

static bool is_me(const struct conn *c, const struct xs_perm *e)
{
    if (e->access & XS_PERM_DEAD)
        return false;
    return e->id == c->id ||
           (c->domain && c->domain->has_target && e->id == c->domain->target);
}

uint32_t perm_for(const struct conn *c, const struct perms *p)
{
    if (c->privileged || is_me(c, &p->entry[0]))
        return XS_MAY_READ | XS_MAY_WRITE | XS_MAY_OWN;
    for (uint32_t i = 1; i < p->count; i++) {
        if (is_me(c, &p->entry[i]))
            return p->entry[i].access & (XS_MAY_READ | XS_MAY_WRITE);
    }
    return p->entry[0].access & (XS_MAY_READ | XS_MAY_WRITE);
}
