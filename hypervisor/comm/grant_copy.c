/* SPDX-License-Identifier: MIT */
/* GNTTABOP_copy: bytes from one frame to another, each named by a grant or, in the
 * caller's own memory, by a frame. Backends call nothing more often, so the common case
 * of each step is in line: a grant of version 1 that nobody else uses, a page that has
 * other users. */
#include "comm/grant_priv.h"
#include "lib/string.h"
#include "mm/page_quick.h"
#include "port/map.h"

struct side {
    struct domain *d;
    struct page *pg;          /* NULL: none is held */
    struct grant_active *pin; /* NULL: none */
    char *at;
    uint32_t ref;
    bool write;
};

/* Nobody asks who has this lock (spin_held()), so these need not say. */
static inline void lock(struct grant_domain *g)
{
    spin_take(&g->lock, LOCK_CHECK && irq_enabled());
}

static inline void unlock(struct grant_domain *g)
{
    spin_drop(&g->lock);
}

/* grant_pin() of an entry of version 1 that is not in use and is as it should be. NULL:
 * nothing was done. */
static inline struct grant_active *try_pin(struct grant_domain *g, uint32_t ref,
                                           domid_t grantee, bool write)
{
    const uint32_t want = HV_GTF_PERMIT_ACCESS | (uint32_t)grantee << 16,
                   look_at =
                       0xffffu << 16 | HV_GTF_TYPE_MASK | (write ? HV_GTF_READONLY : 0);
    struct hv_grant_entry_v1 *e;
    struct grant_active *a;
    uint32_t *word, old;

    if (unlikely(g->version != 1) || ref >= g->frames * GRANT_V1_PER_PAGE)
        return NULL;
    a = grant_active(g, ref);
    if (!a || a->read_pins)
        return NULL;
    e = grant_entry_v1(g, ref);
    word = (uint32_t *)(void *)e;
    old = __atomic_load_n(word, __ATOMIC_RELAXED);
    if ((old & look_at) != want ||
        !__atomic_compare_exchange_n(word, &old, old | grant_in_use(write), false,
                                     __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
        return NULL;
    *a = (struct grant_active){.frame =
                                   mk_mfn(__atomic_load_n(&e->frame, __ATOMIC_RELAXED)),
                               .read_pins = 1,
                               .write_pins = write,
                               .grantee = grantee,
                               .length = PAGE_SIZE};
    return a;
}

static inline void unpin(struct grant_domain *g, const struct side *s)
{
    struct grant_active *a = s->pin;

    if (unlikely(g->version != 1) || a->read_pins != 1) {
        grant_unpin(s->d, a, s->ref, s->write);
        return;
    }
    a->read_pins = a->write_pins = 0;
    __atomic_fetch_and(&grant_entry_v1(g, s->ref)->flags, (uint16_t)~grant_in_use(true),
                       __ATOMIC_SEQ_CST);
}

/* 0, or `absent` or `refused`. */
static inline int hold_page(struct side *s, mfn_t frame, int absent, int refused)
{
    struct page *pg;

    if (!mfn_valid(frame) || !page_get_fast(page_of(frame), s->d))
        return absent;
    pg = page_of(frame);
    if (s->write && unlikely(page_get_writable(pg))) {
        page_put(pg);
        return refused;
    }
    s->pg = pg;
    s->at = map_mfn(frame);
    return 0;
}

static inline int open_grant(struct domain *me, struct side *s, uint32_t ref,
                             unsigned int offset, unsigned int len)
{
    struct grant_domain *g = s->d->grant;
    struct grant_active *a;
    mfn_t frame = INVALID_MFN;
    int rc = 0;

    if (!g)
        return HV_GNTST_BAD_DOMAIN;
    s->ref = ref;
    lock(g);
    a = try_pin(g, ref, me->id, s->write);
    if (unlikely(!a))
        rc = grant_pin(s->d, ref, me->id, s->write, true, &a);
    if (!rc && (offset < a->start || offset + len > (unsigned)a->start + a->length)) {
        grant_unpin(s->d, a, ref, s->write);
        rc = HV_GNTST_GENERAL_ERROR;
    }
    if (!rc)
        frame = a->frame;
    unlock(g);
    if (rc)
        return rc;
    s->pin = a;
    return hold_page(s, frame, HV_GNTST_GENERAL_ERROR, HV_GNTST_GENERAL_ERROR);
}

static struct domain *domain_of(struct domain *me, struct domain **held, domid_t id)
{
    if (id == HV_DOMID_SELF || id == me->id)
        return me;
    if (*held && (*held)->id == id)
        return *held;
    if (*held)
        domain_put(*held);
    *held = domain_get(id);
    return *held;
}

static int open_side(struct domain *me, struct domain **held, struct side *s,
                     const struct hv_gnttab_copy_ptr *p, bool gref, unsigned int len)
{
    int rc;

    s->pg = NULL;
    s->pin = NULL;
    if (p->offset + len > PAGE_SIZE)
        return HV_GNTST_BAD_COPY_ARG;
    s->d = domain_of(me, held, p->domid);
    /* Others' frames are reached by grants alone. */
    if (!gref && s->d != me)
        return HV_GNTST_PERMISSION_DENIED;
    if (!s->d)
        return HV_GNTST_BAD_DOMAIN;
    rc = gref
             ? open_grant(me, s, p->u.ref, p->offset, len)
             : hold_page(s, mk_mfn(p->u.gmfn), HV_GNTST_BAD_PAGE, HV_GNTST_GENERAL_ERROR);
    if (!rc)
        s->at += p->offset;
    return rc;
}

static void close_side(struct side *s)
{
    if (s->pg && s->write)
        page_put_writable(s->pg);
    if (s->pg)
        page_put_fast(s->pg);
    if (s->pin) {
        lock(s->d->grant);
        unpin(s->d->grant, s);
        unlock(s->d->grant);
    }
}

static int copy_to(struct grant_copies *c, const struct side *from,
                   const struct hv_gnttab_copy *op)
{
    struct side to = {.write = true};
    int rc = open_side(c->me, &c->to, &to, &op->dest, op->flags & HV_GNTCOPY_DEST_GREF,
                       op->len);

    if (!rc && to.pg == from->pg)
        memmove(to.at, from->at, op->len);
    else if (!rc)
        map_copy(to.at, from->at, op->len);
    close_side(&to);
    return rc;
}

void grant_copy(struct grant_copies *c, struct hv_gnttab_copy *op)
{
    struct side from = {.write = false};
    int rc = open_side(c->me, &c->from, &from, &op->source,
                       op->flags & HV_GNTCOPY_SOURCE_GREF, op->len);

    if (!rc)
        rc = copy_to(c, &from, op);
    close_side(&from);
    op->status = (int16_t)rc;
}

void grant_copies_end(struct grant_copies *c)
{
    if (c->from)
        domain_put(c->from);
    if (c->to)
        domain_put(c->to);
}
