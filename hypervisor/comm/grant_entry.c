/* SPDX-License-Identifier: MIT */
/* Pinning entries of both versions. The guest may change its entry at any moment; the
 * flags and the domain id, 32 bits together, are changed by compare-and-swap, so that
 * what was checked is what gets marked as in use. */
#include "comm/grant_priv.h"
#include "kern/page_alloc.h"
#include "lib/errno.h"

#define TRIES 8 /* a guest that keeps changing the entry gets an error, not our time */

struct wanted {
    domid_t grantee;
    bool write, copy;
};

static int check(uint16_t flags, domid_t domid, const struct wanted *w)
{
    if ((flags & HV_GTF_TYPE_MASK) != HV_GTF_PERMIT_ACCESS || domid != w->grantee)
        return HV_GNTST_GENERAL_ERROR;
    if (w->write && (flags & HV_GTF_READONLY))
        return HV_GNTST_GENERAL_ERROR;
    if ((flags & HV_GTF_SUB_PAGE) && !w->copy)
        return HV_GNTST_GENERAL_ERROR;
    return 0;
}

static int mark_v1(struct hv_grant_entry_v1 *e, const struct wanted *w,
                   struct grant_active *a)
{
    uint32_t *word = (uint32_t *)(void *)e, old = __atomic_load_n(word, __ATOMIC_RELAXED);

    for (unsigned i = 0; i < TRIES; i++) {
        uint16_t flags = (uint16_t)old & (uint16_t)~HV_GTF_SUB_PAGE;
        int rc = check(flags, (domid_t)(old >> 16), w);

        if (rc)
            return rc;
        if (__atomic_compare_exchange_n(word, &old, old | grant_in_use(w->write), false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
            a->frame = mk_mfn(__atomic_load_n(&e->frame, __ATOMIC_RELAXED));
            a->start = 0;
            a->length = PAGE_SIZE;
            return 0;
        }
    }
    return HV_GNTST_GENERAL_ERROR;
}

static int read_v2(const union hv_grant_entry_v2 *e, const struct wanted *w,
                   struct grant_active *a)
{
    uint32_t word = __atomic_load_n((const uint32_t *)(const void *)e, __ATOMIC_ACQUIRE);
    int rc = check((uint16_t)word, (domid_t)(word >> 16), w);

    if (rc)
        return rc;
    a->start = 0;
    a->length = PAGE_SIZE;
    if (!(word & HV_GTF_SUB_PAGE)) {
        a->frame = mk_mfn(__atomic_load_n(&e->full_page.frame, __ATOMIC_RELAXED));
        return 0;
    }
    a->frame = mk_mfn(__atomic_load_n(&e->sub_page.frame, __ATOMIC_RELAXED));
    a->start = __atomic_load_n(&e->sub_page.page_off, __ATOMIC_RELAXED);
    a->length = __atomic_load_n(&e->sub_page.length, __ATOMIC_RELAXED);
    return a->start + a->length > PAGE_SIZE ? HV_GNTST_GENERAL_ERROR : 0;
}

/* v2: mark first, then look again, as the guest revokes by clearing the flags and then
 * reading the status. */
static int mark_v2(union hv_grant_entry_v2 *e, uint16_t *status, const struct wanted *w,
                   struct grant_active *a, uint16_t before)
{
    struct grant_active again;
    int rc = read_v2(e, w, a);

    if (rc)
        return rc;
    __atomic_fetch_or(status, grant_in_use(w->write), __ATOMIC_SEQ_CST);
    rc = read_v2(e, w, &again);
    if (!rc && mfn_eq(again.frame, a->frame) && again.start == a->start &&
        again.length == a->length)
        return 0;
    __atomic_store_n(status, before, __ATOMIC_SEQ_CST);
    return rc ? rc : HV_GNTST_GENERAL_ERROR;
}

static union hv_grant_entry_v2 *entry_v2(const struct grant_domain *g, uint32_t ref)
{
    return (union hv_grant_entry_v2 *)g->shared[ref / GRANT_V2_PER_PAGE] +
           ref % GRANT_V2_PER_PAGE;
}

static uint16_t *status_v2(const struct grant_domain *g, uint32_t ref)
{
    return g->status[ref / GRANT_STATUS_PER_PAGE] + ref % GRANT_STATUS_PER_PAGE;
}

static uint16_t bits_of(const struct grant_active *a)
{
    return a->write_pins ? grant_in_use(true) : a->read_pins ? grant_in_use(false) : 0;
}

/* The frame at its first use is the frame until the last pin goes: who pins a second
 * time, to write, has `out` thrown away. */
static int mark(struct grant_domain *g, uint32_t ref, const struct wanted *w,
                const struct grant_active *a, struct grant_active *out)
{
    if (likely(g->version == 1))
        return mark_v1(grant_entry_v1(g, ref), w, out);
    return mark_v2(entry_v2(g, ref), status_v2(g, ref), w, out, bits_of(a));
}

static struct grant_active *active_made(struct grant_domain *g, uint32_t ref)
{
    struct grant_active **page = &g->active[ref / ACTIVE_PER_PAGE];

    if (!*page)
        *page = page_alloc_mapped(0);
    return grant_active(g, ref);
}

int grant_pin(struct domain *granter, uint32_t ref, domid_t grantee, bool write,
              bool copy, struct grant_active **out)
{
    struct grant_domain *g = granter->grant;
    struct wanted w = {grantee, write, copy};
    struct grant_active *a, again;
    int rc;

    if (!g || ref >= grant_entries(g))
        return HV_GNTST_BAD_GNTREF;
    a = active_made(g, ref);
    if (!a)
        return HV_GNTST_NO_SPACE;
    if (a->read_pins && a->grantee != grantee)
        return HV_GNTST_GENERAL_ERROR;
    if (a->read_pins == UINT32_MAX)
        return HV_GNTST_NO_SPACE;
    if (!a->read_pins || (write && !a->write_pins)) {
        rc = mark(g, ref, &w, a, a->read_pins ? &again : a);
        if (rc)
            return rc;
        a->grantee = grantee;
    }
    if (!copy && a->length != PAGE_SIZE) {
        if (!a->read_pins)
            grant_unpin(granter, a, ref, false);
        return HV_GNTST_GENERAL_ERROR;
    }
    a->read_pins++;
    a->write_pins += write;
    *out = a;
    return 0;
}

void grant_unpin(struct domain *granter, struct grant_active *a, uint32_t ref, bool write)
{
    struct grant_domain *g = granter->grant;
    uint16_t clear;

    if (a->read_pins)
        a->read_pins--;
    if (write)
        a->write_pins--;
    clear = (uint16_t)((a->write_pins ? 0 : HV_GTF_WRITING) |
                       (a->read_pins ? 0 : HV_GTF_READING));
    if (!clear)
        return;
    if (g->version == 1)
        __atomic_fetch_and(&grant_entry_v1(g, ref)->flags, (uint16_t)~clear,
                           __ATOMIC_SEQ_CST);
    else
        __atomic_fetch_and(status_v2(g, ref), (uint16_t)~clear, __ATOMIC_SEQ_CST);
}
