/* SPDX-License-Identifier: MIT */
/* Walks over main.c's list of rooms: forward to create, backward to destroy. */
#include "kern/room.h"
#include "kern/domain.h"
#include "kern/vcpu.h"

static unsigned count(void)
{
    unsigned n = 0;

    while (rooms[n])
        n++;
    return n;
}

static void free_below(struct domain *d, unsigned n)
{
    while (n-- > 0)
        if (rooms[n]->domain_free)
            rooms[n]->domain_free(d);
}

int rooms_domain_init(struct domain *d, const struct hv_domctl_createdomain *c)
{
    for (unsigned i = 0; rooms[i]; i++) {
        int rc = rooms[i]->domain_init ? rooms[i]->domain_init(d, c) : 0;

        if (rc) {
            free_below(d, i);
            return rc;
        }
    }
    return 0;
}

/* kill_at is the number of rooms done, so that a room which finished is not asked again.
 */
int rooms_domain_kill(struct domain *d)
{
    unsigned n = count();

    for (; d->kill_at < n; d->kill_at++) {
        const struct room *r = rooms[n - 1 - d->kill_at];
        int rc = r->domain_kill ? r->domain_kill(d) : 0;

        if (rc)
            return rc;
    }
    return 0;
}

void rooms_domain_free(struct domain *d)
{
    free_below(d, count());
}

static void vcpu_free_below(struct vcpu *v, unsigned n)
{
    while (n-- > 0)
        if (rooms[n]->vcpu_free)
            rooms[n]->vcpu_free(v);
}

int rooms_vcpu_init(struct vcpu *v)
{
    for (unsigned i = 0; rooms[i]; i++) {
        int rc = rooms[i]->vcpu_init ? rooms[i]->vcpu_init(v) : 0;

        if (rc) {
            vcpu_free_below(v, i);
            return rc;
        }
    }
    return 0;
}

void rooms_vcpu_free(struct vcpu *v)
{
    vcpu_free_below(v, count());
}
