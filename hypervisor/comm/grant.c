/* SPDX-License-Identifier: MIT */
/* Grant mappings: maptrack entries, map and unmap. See comm/grant_priv.h for the model
 * and the lock.
 *
 * References: a mapping holds a pin on the active entry and a reference to the granting
 * domain (so that its id is not given to another one), and its page-table entry holds a
 * reference to the page (with a writable type when it may write). If the guest destroys
 * the entry without unmapping, that reference goes with it and the pin stays until the
 * domain dies, as on Xen. */
#include "comm/grant_priv.h"
#include "kern/heap.h"
#include "lib/errno.h"
#include "mm/mmu.h"
#include "mm/page.h"

#define FREE_END        (~0u)
#define PTE_RW          2ull
#define PTE_US          4ull
#define PTE_AVAIL_SHIFT 9
#define TRACKED                                                                          \
    (HV_GNTMAP_DEVICE_MAP | HV_GNTMAP_HOST_MAP | HV_GNTMAP_READONLY |                    \
     HV_GNTMAP_CONTAINS_PTE)

static struct grant_track *track_of(const struct grant_domain *g, uint32_t handle)
{
    if (handle / TRACKS_PER_PAGE >= g->track_pages)
        return NULL;
    return &g->track[handle / TRACKS_PER_PAGE][handle % TRACKS_PER_PAGE];
}

static int more_tracks(struct grant_domain *g)
{
    struct grant_track *t;

    if (g->track_pages == g->max_track_pages)
        return -ENOMEM;
    if (!g->track && !(g->track = heap_alloc(g->max_track_pages * sizeof(void *))))
        return -ENOMEM;
    t = page_alloc_mapped(0);
    if (!t)
        return -ENOMEM;
    g->track[g->track_pages] = t;
    for (unsigned i = 0; i < TRACKS_PER_PAGE; i++)
        t[i].ref = i + 1 < TRACKS_PER_PAGE
                       ? (uint32_t)(g->track_pages * TRACKS_PER_PAGE + i + 1)
                       : FREE_END;
    g->track_free = (uint32_t)(g->track_pages * TRACKS_PER_PAGE);
    g->track_pages++;
    return 0;
}

static bool take_track(struct domain *d, uint32_t *handle)
{
    struct grant_domain *g = d->grant;
    bool ok;

    spin_lock(&g->lock);
    ok = g->track_free != FREE_END || more_tracks(g) == 0;
    if (ok) {
        *handle = g->track_free;
        g->track_free = track_of(g, *handle)->ref;
    }
    spin_unlock(&g->lock);
    return ok;
}

static void give_track(struct domain *d, uint32_t handle)
{
    struct grant_domain *g = d->grant;
    struct grant_track *t;

    spin_lock(&g->lock);
    t = track_of(g, handle);
    t->flags = 0;
    t->ref = g->track_free;
    g->track_free = handle;
    spin_unlock(&g->lock);
}

static int pin(struct domain *rd, uint32_t ref, domid_t grantee, bool write, mfn_t *frame)
{
    struct grant_active *a;
    int rc;

    spin_lock(&rd->grant->lock);
    rc = grant_pin(rd, ref, grantee, write, false, &a);
    if (!rc)
        *frame = a->frame;
    spin_unlock(&rd->grant->lock);
    return rc;
}

static void unpin(struct domain *rd, uint32_t ref, bool write)
{
    spin_lock(&rd->grant->lock);
    grant_unpin(rd, grant_active(rd->grant, ref), ref, write);
    spin_unlock(&rd->grant->lock);
}

static bool hold_page(struct domain *rd, mfn_t frame, bool write)
{
    if (!mfn_valid(frame))
        return false;
    return write ? page_get_and_type(page_of(frame), rd, PGT_WRITABLE)
                 : page_get(page_of(frame), rd);
}

static void drop_page(struct page *pg, bool write)
{
    if (write)
        page_put_and_type(pg);
    else
        page_put(pg);
}

void grant_release(const struct grant_release *r)
{
    if (r->pg)
        drop_page(r->pg, r->writable);
    if (!r->granter)
        return;
    unpin(r->granter, r->ref, r->writable);
    domain_put(r->granter); /* the mapping's reference */
}

static uint64_t pte_flags(uint32_t flags)
{
    return (flags & HV_GNTMAP_READONLY ? 0 : PTE_RW) |
           (flags & HV_GNTMAP_APPLICATION_MAP ? PTE_US : 0) |
           (uint64_t)((flags >> 16) & 7) << PTE_AVAIL_SHIFT;
}

static int map_pinned(struct vcpu *v, struct domain *rd,
                      const struct hv_gnttab_map_grant_ref *op, mfn_t frame)
{
    bool write = !(op->flags & HV_GNTMAP_READONLY);

    if (!(op->flags & HV_GNTMAP_HOST_MAP))
        return 0;
    if (!mfn_valid(frame))
        return HV_GNTST_BAD_PAGE;
    if (!hold_page(rd, frame, write))
        return HV_GNTST_GENERAL_ERROR;
    if (!mmu_grant_map(v, op->host_addr, op->flags & HV_GNTMAP_CONTAINS_PTE, frame,
                       pte_flags(op->flags)))
        return 0;
    drop_page(page_of(frame), write);
    return HV_GNTST_GENERAL_ERROR;
}

static int map(struct vcpu *v, struct domain *rd, struct hv_gnttab_map_grant_ref *op)
{
    bool write = !(op->flags & HV_GNTMAP_READONLY);
    struct grant_track *t;
    uint32_t handle;
    mfn_t frame;
    int rc;

    if (!take_track(v->domain, &handle))
        return HV_GNTST_NO_DEVICE_SPACE;
    rc = HV_GNTST_BAD_DOMAIN;
    if (!domain_hold(rd))
        goto drop_track;
    rc = pin(rd, op->ref, v->domain->id, write, &frame);
    if (rc)
        goto drop_domain;
    rc = map_pinned(v, rd, op, frame);
    if (rc)
        goto drop_pin;
    spin_lock(&v->domain->grant->lock);
    t = track_of(v->domain->grant, handle);
    t->ref = op->ref;
    t->granter = rd->id;
    t->flags = (uint8_t)(op->flags & TRACKED);
    spin_unlock(&v->domain->grant->lock);
    op->handle = handle;
    op->dev_bus_addr = mfn_to_paddr(frame);
    return HV_GNTST_OKAY;

drop_pin:
    unpin(rd, op->ref, write);
drop_domain:
    domain_put(rd);
drop_track:
    give_track(v->domain, handle);
    return rc;
}

void grant_map(struct vcpu *v, struct hv_gnttab_map_grant_ref *op)
{
    struct domain *rd;

    if (!(op->flags & (HV_GNTMAP_DEVICE_MAP | HV_GNTMAP_HOST_MAP))) {
        op->status = HV_GNTST_BAD_GNTREF;
        return;
    }
    rd = domain_get(op->dom);
    if (!rd || !rd->grant) {
        op->status = HV_GNTST_BAD_DOMAIN;
    } else {
        op->status = (int16_t)map(v, rd, op);
    }
    if (rd)
        domain_put(rd);
}

/* Reads a mapping and makes it the caller's: nobody else can unmap it meanwhile. */
static bool claim_track(struct domain *d, uint32_t handle, struct grant_track *out)
{
    struct grant_track *t;
    bool ok;

    spin_lock(&d->grant->lock);
    t = track_of(d->grant, handle);
    ok = t && t->flags;
    if (ok) {
        *out = *t;
        t->flags = 0;
    }
    spin_unlock(&d->grant->lock);
    return ok;
}

static void restore_track(struct domain *d, uint32_t handle, const struct grant_track *t)
{
    spin_lock(&d->grant->lock);
    *track_of(d->grant, handle) = *t;
    spin_unlock(&d->grant->lock);
}

static int unmap(struct vcpu *v, struct domain *rd, const struct grant_track *t,
                 const struct hv_gnttab_unmap_grant_ref *op, uint64_t new_addr,
                 struct grant_release *r, uint8_t *left)
{
    mfn_t frame;

    spin_lock(&rd->grant->lock);
    frame = grant_active(rd->grant, t->ref)->frame;
    spin_unlock(&rd->grant->lock);
    if (op->dev_bus_addr && (t->flags & HV_GNTMAP_DEVICE_MAP)) {
        if (op->dev_bus_addr != mfn_to_paddr(frame))
            return HV_GNTST_BAD_DEV_ADDR;
        *left &= (uint8_t)~HV_GNTMAP_DEVICE_MAP;
    }
    if (op->host_addr && (t->flags & HV_GNTMAP_HOST_MAP)) {
        if (mmu_grant_unmap(v, op->host_addr, t->flags & HV_GNTMAP_CONTAINS_PTE, frame,
                            r->writable, new_addr))
            return HV_GNTST_GENERAL_ERROR;
        *left &= (uint8_t)~HV_GNTMAP_HOST_MAP;
        r->pg = page_of(frame);
    }
    return HV_GNTST_OKAY;
}

void grant_unmap(struct vcpu *v, struct hv_gnttab_unmap_grant_ref *op, uint64_t new_addr,
                 struct grant_release *r)
{
    struct domain *d = v->domain, *rd;
    struct grant_track t;
    uint8_t left;
    int rc;

    *r = (struct grant_release){.pg = NULL};
    if (!claim_track(d, op->handle, &t)) {
        op->status = HV_GNTST_BAD_HANDLE;
        return;
    }
    rd = domain_get(t.granter);
    if (!rd) { /* cannot be: the mapping holds a reference */
        op->status = HV_GNTST_BAD_DOMAIN;
        return;
    }
    r->writable = !(t.flags & HV_GNTMAP_READONLY);
    left = t.flags;
    rc = unmap(v, rd, &t, op, new_addr, r, &left);
    op->status = (int16_t)rc;
    if (!rc && !(left & (HV_GNTMAP_HOST_MAP | HV_GNTMAP_DEVICE_MAP))) {
        r->granter = rd;
        r->ref = t.ref;
        give_track(d, op->handle);
    } else {
        t.flags = left;
        restore_track(d, op->handle, &t);
    }
    domain_put(rd);
}

int grant_drop_mappings(struct domain *d)
{
    struct grant_domain *g = d->grant;
    struct grant_track t;

    for (uint32_t h = 0; h < g->track_pages * TRACKS_PER_PAGE; h++) {
        struct domain *rd;

        if (!claim_track(d, h, &t))
            continue;
        rd = domain_get(t.granter);
        if (rd) {
            unpin(rd, t.ref, !(t.flags & HV_GNTMAP_READONLY));
            domain_put(rd); /* the mapping's reference */
            domain_put(rd);
        }
        give_track(d, h);
    }
    return 0;
}
