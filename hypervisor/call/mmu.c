/* SPDX-License-Identifier: MIT */
/*
 * Hypercalls about page tables: mmu_update, mmuext_op, update_va_mapping, set_gdt,
 * update_descriptor.
 *
 * Batches are copied a few requests at a time. A batch that is preempted goes on where it
 * was: its pointer and count move, and PREEMPTED in the count says that *pdone holds what
 * earlier rounds did.
 *
 * Reference: Xen public interface, xen.h, "HYPERVISOR_mmu_update",
 * "HYPERVISOR_mmuext_op".
 */
#include "call/call.h"
#include "abi/xen.h"
#include "mm/mmu.h"

#define PREEMPTED (1u << 31)
#define CHUNK     8 /* requests copied at once */

/* Whose tables and whose frames a batch is about; references are held to others than the
 * caller. */
struct owners {
    struct domain *pt, *pg;
};

static void owner_put(struct hcall *h, struct domain *d)
{
    if (d && d != h->d && d != dom_io && d != dom_xen)
        domain_put(d);
}

static void owners_put(struct hcall *h, struct owners *o)
{
    owner_put(h, o->pt);
    owner_put(h, o->pg);
}

static int owner_get(struct hcall *h, domid_t id, struct domain **out)
{
    struct domain *d;

    *out = NULL;
    if (likely(id == HV_DOMID_SELF)) {
        *out = h->d;
        return 0;
    }
    if (id == HV_DOMID_IO) {
        *out = dom_io;
        return 0;
    }
    if (id == h->d->id) /* as Xen: oneself is named by DOMID_SELF only */
        return -ESRCH;
    if (id == HV_DOMID_XEN) {
        if (!h->d->privileged)
            return -EPERM;
        *out = dom_xen;
        return 0;
    }
    d = domain_get(id);
    if (!d)
        return -ESRCH;
    if (!h->d->privileged) {
        domain_put(d);
        return -EPERM;
    }
    *out = d;
    return 0;
}

/* The upper half of the argument, when not 0, names the owner of the tables (plus 1). */
static int owners_get(struct hcall *h, unsigned long foreign, struct owners *o)
{
    unsigned pt = (unsigned)(foreign >> 16) & 0xffff;
    int rc;

    o->pt = h->d;
    if (unlikely(pt)) {
        struct domain *d = pt - 1 == h->d->id ? h->d : domain_get(pt - 1);

        if (!d)
            return -ESRCH;
        o->pt = d;
        if (d != h->d && !h->d->privileged) {
            domain_put(d);
            return -EPERM;
        }
    }
    rc = owner_get(h, foreign & 0xffff, &o->pg);
    if (rc)
        owner_put(h, o->pt);
    return rc;
}

/* A batch: arg[0] requests, arg[1] count, arg[2] where to count them. */
struct batch {
    unsigned count, done_before, done;
    bool again;
};

static int batch_start(struct hcall *h, struct batch *b, size_t size)
{
    *b = (struct batch){.count = (unsigned)h->arg[1]};
    if (unlikely(b->count & PREEMPTED)) {
        b->count &= ~PREEMPTED;
        if (h->arg[2] && copy_in(&b->done_before, h->arg[2]))
            return -EFAULT;
    }
    if (!guest_range_ok(h->arg[0], (size_t)b->count * size))
        return -EFAULT;
    if (unlikely(mmu_pending(h->v)))
        b->again = true;
    return 0;
}

static long batch_end(struct hcall *h, struct batch *b, size_t size, long rc)
{
    unsigned done = b->done_before + b->done;

    mmu_update_end(h->v);
    if (rc == -ERESTART || (rc == 0 && unlikely(mmu_pending(h->v))))
        b->again = true;
    if (h->arg[2] && copy_out(h->arg[2], &done))
        rc = -EFAULT;
    if (b->again && (rc == 0 || rc == -ERESTART)) {
        h->arg[0] += b->done * size;
        h->arg[1] = (b->count - b->done) | PREEMPTED;
        return HCALL_AGAIN;
    }
    return rc;
}

static int tell_done(vaddr_t to, unsigned done)
{
    return to ? copy_out(to, &done) : 0;
}

/* One request about the caller's own. */
static long update_single(struct hcall *h)
{
    struct hv_mmu_update req;
    long rc;

    if (guest_read(&req, h->arg[0], sizeof(req)))
        return -EFAULT;
    rc = mmu_update_one(h->v, h->d, h->d, req.ptr, req.val);
    if (unlikely(rc == -ERESTART))
        return HCALL_AGAIN;
    if (tell_done(h->arg[2], rc == 0))
        rc = -EFAULT;
    if (unlikely(mmu_pending(h->v))) {
        h->arg[1] = PREEMPTED; /* none left, but not finished */
        return HCALL_AGAIN;
    }
    return rc;
}

/* What most calls bring. False, and nothing done: it is something else. */
static inline bool update_entry(struct hcall *h, int *rc)
{
    uint64_t req[2];

    if (unlikely(!guest_peek_pair(h->arg[0], req)) ||
        unlikely(!mmu_update_l1(h->v, req[0], req[1], rc)))
        return false;
    if (unlikely(h->arg[2]) && tell_done(h->arg[2], *rc == 0))
        *rc = -EFAULT;
    return true;
}

HCALL(call_mmu_update)
{
    struct hv_mmu_update req[CHUNK];
    struct owners o;
    struct batch b;
    long rc;
    int one;

    if (likely(h->arg[1] == 1 && h->arg[3] == HV_DOMID_SELF)) {
        if (likely(update_entry(h, &one)))
            return one;
        if (!mmu_pending(h->v))
            return update_single(h);
    }
    rc = batch_start(h, &b, sizeof(req[0]));
    if (unlikely(rc))
        return rc;
    rc = owners_get(h, h->arg[3], &o);
    if (unlikely(rc))
        return rc;
    while (b.done < b.count && !b.again) {
        unsigned n = MIN(b.count - b.done, (unsigned)CHUNK);

        if (guest_read(req, h->arg[0] + b.done * sizeof(req[0]), n * sizeof(req[0]))) {
            rc = -EFAULT;
            break;
        }
        rc = mmu_update_list(h->v, o.pt, o.pg, req, n, &b.done);
        if (likely(rc == 0))
            rc = mmu_pending(h->v);
        if (rc)
            break;
        b.again = b.done < b.count && hcall_preempt();
    }
    owners_put(h, &o);
    return batch_end(h, &b, sizeof(req[0]), rc);
}

#define VCPU_WORDS (HV_MAX_VCPUS / 64)

static int flush_bitmap(struct hcall *h, vaddr_t handle, vaddr_t va)
{
    uint64_t vcpus[VCPU_WORDS] = {0};

    if (guest_read(vcpus, handle, (h->d->max_vcpus + 7) / 8))
        return -EINVAL; /* as Xen answers */
    mmu_flush_vcpus(h->v, vcpus, va);
    return 0;
}

static int ext_one(struct hcall *h, struct domain *pg_owner,
                   const struct hv_mmuext_op *op)
{
    switch (op->cmd) {
    case HV_MMUEXT_TLB_FLUSH_MULTI:
    case HV_MMUEXT_INVLPG_MULTI:
        if (pg_owner != h->d)
            return -EPERM;
        return flush_bitmap(h, op->arg2.vcpumask,
                            op->cmd == HV_MMUEXT_INVLPG_MULTI ? op->arg1.linear_addr
                                                              : ~0ull);
    default:
        return mmu_ext(h->v, pg_owner, op);
    }
}

HCALL(call_mmuext_op)
{
    struct hv_mmuext_op op;
    struct domain *pg_owner;
    struct batch b;
    long rc = batch_start(h, &b, sizeof(op));

    if (unlikely(rc))
        return rc;
    rc = owner_get(h, (domid_t)h->arg[3], &pg_owner);
    if (unlikely(rc))
        return rc;
    while (b.done < b.count && !b.again) {
        if (copy_in(&op, h->arg[0] + b.done * sizeof(op))) {
            rc = -EFAULT;
            break;
        }
        rc = ext_one(h, pg_owner, &op);
        if (likely(rc == 0)) {
            b.done++;
            rc = mmu_pending(h->v);
        }
        if (rc)
            break;
        b.again = b.done < b.count && hcall_preempt();
    }
    owner_put(h, pg_owner);
    return batch_end(h, &b, sizeof(op), rc);
}

/* arg: va, value, flags, then the frame's owner. The flags' upper part may be the address
 * of a vCPU bitmap. */
static long update_va(struct hcall *h, struct domain *pg_owner)
{
    vaddr_t va = h->arg[0];
    unsigned long flags = h->arg[2], flush = flags & HV_UVMF_FLUSHTYPE_MASK,
                  where = flags & ~HV_UVMF_FLUSHTYPE_MASK;
    long rc;

    if (unlikely(mmu_pending(h->v)))
        return HCALL_AGAIN;
    rc = mmu_update_va(h->v, pg_owner, va, h->arg[1], flags);
    if (unlikely(rc == -ERESTART))
        return HCALL_AGAIN;
    if (unlikely(flush != HV_UVMF_NONE && where > HV_UVMF_ALL) &&
        flush_bitmap(h, where, flush == HV_UVMF_INVLPG ? va : ~0ull))
        rc = -EFAULT;
    return rc;
}

HCALL(call_update_va_mapping)
{
    return update_va(h, h->d);
}

HCALL(call_update_va_mapping_otherdomain)
{
    struct domain *pg_owner;
    long rc = owner_get(h, (domid_t)h->arg[3], &pg_owner);

    if (rc)
        return rc;
    rc = update_va(h, pg_owner);
    owner_put(h, pg_owner);
    return rc;
}

HCALL(call_set_gdt)
{
    unsigned entries = (unsigned)h->arg[1], n = (entries + 511) / 512;
    uint64_t list[HV_FIRST_RESERVED_GDT_PAGE];
    mfn_t frames[HV_FIRST_RESERVED_GDT_PAGE];

    if (entries > HV_FIRST_RESERVED_GDT_ENTRY)
        return -EINVAL;
    if (n && guest_read(list, h->arg[0], n * sizeof(list[0])))
        return -EFAULT;
    for (unsigned i = 0; i < n; i++)
        frames[i] = mk_mfn(list[i]);
    return mmu_set_gdt(h->v, frames, n, entries);
}

HCALL(call_update_descriptor)
{
    return mmu_update_descriptor(h->d, h->arg[0], h->arg[1]);
}
