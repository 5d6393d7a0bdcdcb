/* SPDX-License-Identifier: MIT */
/* GNTTABOP_copy: bytes from one frame to another, each named by a grant or, in the
 * caller's own memory, by a frame. */
#include "comm/grant_priv.h"
#include "lib/string.h"
#include "mm/page.h"
#include "port/map.h"

struct side {
    struct domain *d;
    struct page *pg;
    char *at;
    uint32_t ref;
    bool pinned, write;
};

static int open_grant(struct domain *me, struct side *s,
                      const struct hv_gnttab_copy_ptr *p, uint16_t len)
{
    struct grant_active *a;
    mfn_t frame = INVALID_MFN;
    int rc;

    if (!s->d->grant)
        return HV_GNTST_BAD_DOMAIN;
    spin_lock(&s->d->grant->lock);
    rc = grant_pin(s->d, p->u.ref, me->id, s->write, true, &a);
    if (!rc && (p->offset < a->start || p->offset + len > a->start + a->length)) {
        grant_unpin(s->d, p->u.ref, s->write);
        rc = HV_GNTST_GENERAL_ERROR;
    }
    if (!rc)
        frame = a->frame;
    spin_unlock(&s->d->grant->lock);
    if (rc)
        return rc;
    s->pinned = true;
    s->ref = p->u.ref;
    if (!mfn_valid(frame) ||
        !(s->write ? page_get_and_type(page_of(frame), s->d, PGT_WRITABLE)
                   : page_get(page_of(frame), s->d)))
        return HV_GNTST_GENERAL_ERROR;
    s->pg = page_of(frame);
    return 0;
}

static int open_frame(struct side *s, const struct hv_gnttab_copy_ptr *p)
{
    mfn_t frame = mk_mfn(p->u.gmfn);

    if (!mfn_valid(frame) || !page_get(page_of(frame), s->d))
        return HV_GNTST_BAD_PAGE;
    if (s->write && page_get_type(page_of(frame), PGT_WRITABLE)) {
        page_put(page_of(frame));
        return HV_GNTST_GENERAL_ERROR;
    }
    s->pg = page_of(frame);
    return 0;
}

static int open_side(struct domain *me, struct side *s,
                     const struct hv_gnttab_copy_ptr *p, bool gref, bool write,
                     uint16_t len)
{
    domid_t id = p->domid == HV_DOMID_SELF ? me->id : p->domid;
    int rc;

    s->write = write;
    if (p->offset + len > PAGE_SIZE)
        return HV_GNTST_BAD_COPY_ARG;
    if (!gref && id != me->id)
        return HV_GNTST_PERMISSION_DENIED; /* others' frames are reached by grants alone
                                            */
    s->d = domain_get(id);
    if (!s->d)
        return HV_GNTST_BAD_DOMAIN;
    rc = gref ? open_grant(me, s, p, len) : open_frame(s, p);
    if (!rc)
        s->at = (char *)map_mfn(page_mfn(s->pg)) + p->offset;
    return rc;
}

static void close_side(struct side *s)
{
    if (s->pg && s->write)
        page_put_and_type(s->pg);
    else if (s->pg)
        page_put(s->pg);
    if (s->pinned) {
        spin_lock(&s->d->grant->lock);
        grant_unpin(s->d, s->ref, s->write);
        spin_unlock(&s->d->grant->lock);
    }
    if (s->d)
        domain_put(s->d);
}

void grant_copy(struct domain *d, struct hv_gnttab_copy *op)
{
    struct side from = {0}, to = {0};
    int rc = open_side(d, &from, &op->source, op->flags & HV_GNTCOPY_SOURCE_GREF, false,
                       op->len);

    if (!rc)
        rc =
            open_side(d, &to, &op->dest, op->flags & HV_GNTCOPY_DEST_GREF, true, op->len);
    if (!rc && to.pg == from.pg)
        memmove(to.at, from.at, op->len);
    else if (!rc)
        map_copy(to.at, from.at, op->len);
    close_side(&to);
    close_side(&from);
    op->status = (int16_t)rc;
}
