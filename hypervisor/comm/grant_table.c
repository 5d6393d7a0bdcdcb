/* SPDX-License-Identifier: MIT */
/* The tables themselves: growing, versions, life cycle. The shared pages are the
 * hypervisor's, shared with the domain: it, and tools that map them, hold references, and
 * they are free when the domain is. */
#include "abi/domctl.h"
#include "comm/grant_priv.h"
#include "kern/heap.h"
#include "kern/log.h"
#include "kern/param.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mm/page.h"
#include "port/map.h"

#define RESERVED HV_GNTTAB_NR_RESERVED_ENTRIES

static void *new_shared(struct domain *d)
{
    void *p = page_alloc_mapped(0);

    if (p) {
        page_share_with_guest(page_of(map_to_mfn(p)), d, true);
        m2p_set(map_to_mfn(p), INVALID_GFN);
    }
    return p;
}

static int add_status(struct domain *d, uint32_t entries)
{
    struct grant_domain *g = d->grant;

    while (g->version == 2 && g->statuses * GRANT_STATUS_PER_PAGE < entries) {
        uint16_t *s = new_shared(d);

        if (!s)
            return -ENOMEM;
        g->status[g->statuses++] = s;
    }
    return 0;
}

/* With the lock. */
static int grow(struct domain *d, unsigned frames)
{
    struct grant_domain *g = d->grant;

    if (frames > g->max_frames)
        return -ENOSPC;
    while (g->frames < frames) {
        int rc = add_status(d, (uint32_t)((g->frames + 1) * GRANT_V2_PER_PAGE));
        void *p;

        if (rc)
            return rc;
        p = new_shared(d);
        if (!p)
            return -ENOMEM;
        g->shared[g->frames] = p;
        g->frames++;
    }
    return 0;
}

int grant_grow(struct domain *d, unsigned frames)
{
    int rc;

    spin_lock(&d->grant->lock);
    rc = grow(d, frames);
    spin_unlock(&d->grant->lock);
    return rc;
}

unsigned grant_frames(const struct domain *d)
{
    return d->grant->frames;
}

unsigned grant_max_frames(const struct domain *d)
{
    return d->grant->max_frames;
}

unsigned grant_max_status_frames(const struct domain *d)
{
    uint64_t entries = d->grant->max_frames * GRANT_V2_PER_PAGE;

    return (unsigned)((entries + GRANT_STATUS_PER_PAGE - 1) / GRANT_STATUS_PER_PAGE);
}

unsigned grant_version(const struct domain *d)
{
    return d->grant->version;
}

int grant_get_frame(struct domain *d, unsigned idx, bool status, mfn_t *out)
{
    struct grant_domain *g = d->grant;
    int rc = 0;

    spin_lock(&g->lock);
    if (status) {
        if (g->version != 2)
            rc = -EINVAL;
        else if (idx >= grant_max_status_frames(d))
            rc = -ENOSPC;
        else if (idx >= g->statuses)
            rc = grow(d,
                      (unsigned)((idx + 1) * GRANT_STATUS_PER_PAGE / GRANT_V2_PER_PAGE));
        if (!rc)
            *out = map_to_mfn(g->status[idx]);
    } else {
        if (idx >= g->frames)
            rc = idx < g->max_frames ? grow(d, idx + 1) : -ENOSPC;
        if (!rc)
            *out = map_to_mfn(g->shared[idx]);
    }
    spin_unlock(&g->lock);
    return rc;
}

static bool any_pinned(const struct grant_domain *g)
{
    for (uint32_t ref = 0; ref < grant_entries(g); ref++)
        if (grant_pinned(g, ref))
            return true;
    return false;
}

/* The reserved entries (console, XenStore) survive a change of version. */
static void convert_reserved(struct grant_domain *g, unsigned to)
{
    struct hv_grant_entry_v1 v1[RESERVED], *s1 = g->shared[0];
    union hv_grant_entry_v2 v2[RESERVED], *s2 = g->shared[0];

    memset(v1, 0, sizeof(v1));
    memset(v2, 0, sizeof(v2));
    for (unsigned i = 0; i < RESERVED; i++) {
        v2[i].hdr.flags = v1[i].flags = to == 2 ? s1[i].flags : s2[i].hdr.flags;
        v2[i].hdr.domid = v1[i].domid = to == 2 ? s1[i].domid : s2[i].hdr.domid;
        v2[i].full_page.frame = v1[i].frame =
            to == 2 ? s1[i].frame : (uint32_t)s2[i].full_page.frame;
    }
    for (unsigned i = 0; i < g->frames; i++)
        memset(g->shared[i], 0, PAGE_SIZE);
    if (to == 2)
        memcpy(s2, v2, sizeof(v2));
    else
        memcpy(s1, v1, sizeof(v1));
}

int grant_set_version(struct domain *d, unsigned version)
{
    struct grant_domain *g = d->grant;
    int rc = 0;

    if (version < 1 || version > 2)
        return -EINVAL;
    if (version > g->max_version)
        return -ENOSYS;
    spin_lock(&g->lock);
    if (version == g->version)
        goto out;
    rc = any_pinned(g) ? -EBUSY : 0;
    if (rc)
        goto out;
    if (version == 2) {
        g->version = 2;
        rc = add_status(d, (uint32_t)(g->frames * GRANT_V2_PER_PAGE));
        if (rc) {
            g->version = 1;
            goto out;
        }
    }
    if (g->frames)
        convert_reserved(g, version);
    g->version = version;
out:
    spin_unlock(&g->lock);
    return rc;
}

int grant_swap(struct domain *d, uint32_t a, uint32_t b)
{
    struct grant_domain *g = d->grant;
    int rc = HV_GNTST_OKAY;

    spin_lock(&g->lock);
    if (a >= grant_entries(g) || b >= grant_entries(g)) {
        rc = HV_GNTST_BAD_GNTREF;
    } else if (grant_pinned(g, a) || grant_pinned(g, b)) {
        rc = HV_GNTST_EAGAIN;
    } else {
        size_t size = g->version == 1 ? sizeof(struct hv_grant_entry_v1)
                                      : sizeof(union hv_grant_entry_v2);
        size_t per = PAGE_SIZE / size;
        char *pa = (char *)g->shared[a / per] + a % per * size,
             *pb = (char *)g->shared[b / per] + b % per * size;
        char tmp[sizeof(union hv_grant_entry_v2)];

        memcpy(tmp, pa, size);
        memcpy(pa, pb, size);
        memcpy(pb, tmp, size);
    }
    spin_unlock(&g->lock);
    return rc;
}

/* Negative: as much as anybody may have. */
static bool limit(int32_t asked, unsigned most, unsigned *out)
{
    *out = asked < 0 ? most : (unsigned)asked;
    return *out <= most;
}

static int domain_init(struct domain *d, const struct hv_domctl_createdomain *c)
{
    struct grant_domain *g;
    unsigned frames, track;

    if (!limit(c ? c->max_grant_frames : -1, boot_params.gnttab_max_frames, &frames) ||
        !limit(c ? c->max_maptrack_frames : -1, boot_params.gnttab_max_maptrack_frames,
               &track) ||
        !frames)
        return -EINVAL;
    g = heap_new(struct grant_domain);
    if (!g)
        return -ENOMEM;
    spin_init(&g->lock, RANK_GRANT);
    g->version = 1;
    g->max_version = c && (c->grant_opts & HV_DOMCTL_GRANT_VERSION_MASK) == 1 ? 1 : 2;
    g->max_frames = frames;
    g->max_track_pages = track;
    g->track_free = ~0u;
    g->max_active = (unsigned)(g->max_frames * GRANT_V1_PER_PAGE / ACTIVE_PER_PAGE + 1);
    g->shared = heap_alloc(g->max_frames * sizeof(void *) + 8);
    g->status = heap_alloc(g->max_frames * sizeof(void *) + 8);
    g->active = heap_alloc(g->max_active * sizeof(void *));
    d->grant = g;
    if (g->shared && g->status && g->active)
        return 0;
    heap_free(g->shared);
    heap_free(g->status);
    heap_free(g->active);
    heap_free(g);
    d->grant = NULL;
    return -ENOMEM;
}

static void domain_free(struct domain *d)
{
    struct grant_domain *g = d->grant;

    if (!g)
        return;
    for (unsigned i = 0; i < g->frames; i++)
        page_free_shared(g->shared[i]);
    for (unsigned i = 0; i < g->statuses; i++)
        page_free_shared(g->status[i]);
    for (unsigned i = 0; i < g->max_active; i++)
        page_free_mapped(g->active[i], 0);
    for (unsigned i = 0; i < g->track_pages; i++)
        page_free_mapped(g->track[i], 0);
    heap_free(g->shared);
    heap_free(g->status);
    heap_free(g->active);
    heap_free(g->track);
    heap_free(g);
    d->grant = NULL;
}

/* The table, and the entries that somebody has mapped. */
static void dump_grants(struct domain *d)
{
    struct grant_domain *g = d->grant;

    if (!g)
        return;
    log_info("  version %u, %u of %u frames, maptrack %u of %u pages\n", g->version,
             g->frames, g->max_frames, g->track_pages, g->max_track_pages);
    for (uint32_t ref = 0; ref < grant_entries(g); ref++) {
        const struct grant_active *a = grant_active(g, ref);

        if (grant_pinned(g, ref))
            log_info("  [%u] mfn %#lx by d%u, pins %u/%u\n", ref,
                     (unsigned long)a->frame.n, a->grantee, a->read_pins, a->write_pins);
    }
}

const struct room grant_room = {
    .name = "grants",
    .domain_init = domain_init,
    .domain_kill = grant_drop_mappings,
    .domain_free = domain_free,
    .dump = dump_grants,
    .dump_key = 'g',
    .dump_help = "print grant table usage",
};
