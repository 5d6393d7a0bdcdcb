/* SPDX-License-Identifier: MIT */
/* grant_table_op: batches of operations, each with a status of its own. A handler does
 * entry i; the loop here copies it in, runs it, copies it back and stops for softirqs. */
#include "comm/grant.h"
#include "abi/grant_table.h"
#include "call/call.h"
#include "mm/mmu.h"
#include "port/ipi.h"

#define UNMAP_BATCH 16

static domid_t real_id(const struct hcall *h, domid_t id)
{
    return id == HV_DOMID_SELF ? h->d->id : id;
}

static int16_t status_of(int err)
{
    return err == -ESRCH   ? HV_GNTST_BAD_DOMAIN
           : err == -EPERM ? HV_GNTST_PERMISSION_DENIED
                           : HV_GNTST_GENERAL_ERROR;
}

static long do_map(struct hcall *h, vaddr_t at)
{
    struct hv_gnttab_map_grant_ref op;

    if (copy_in(&op, at))
        return -EFAULT;
    grant_map(h->v, &op);
    return copy_out(at, &op) ? -EFAULT : 0;
}

static long do_copy(struct grant_copies *c, vaddr_t at)
{
    struct hv_gnttab_copy op;

    if (copy_in(&op, at))
        return -EFAULT;
    grant_copy(c, &op);
    return guest_write(at + offsetof(struct hv_gnttab_copy, status), &op.status,
                       sizeof(op.status))
               ? -EFAULT
               : 0;
}

static int16_t setup(struct domain *d, const struct hv_gnttab_setup_table *op)
{
    if (op->nr_frames > grant_max_frames(d) || grant_grow(d, op->nr_frames))
        return HV_GNTST_GENERAL_ERROR;
    for (unsigned i = 0; i < op->nr_frames; i++) {
        mfn_t m;

        if (grant_get_frame(d, i, false, &m) ||
            guest_write(op->frame_list + i * 8, &m.n, 8))
            return HV_GNTST_BAD_VIRT_ADDR;
    }
    return HV_GNTST_OKAY;
}

static long do_setup(struct hcall *h, vaddr_t at)
{
    struct hv_gnttab_setup_table op;
    struct domain *d;
    int err;

    if (copy_in(&op, at))
        return -EFAULT;
    d = call_target(h, op.dom, &err);
    op.status = d ? setup(d, &op) : status_of(err);
    if (d)
        domain_put(d);
    return guest_write(at + offsetof(struct hv_gnttab_setup_table, status), &op.status, 2)
               ? -EFAULT
               : 0;
}

static int16_t statuses(struct domain *d, const struct hv_gnttab_get_status_frames *op)
{
    if (grant_version(d) != 2)
        return HV_GNTST_GENERAL_ERROR;
    for (unsigned i = 0; i < op->nr_frames; i++) {
        mfn_t m;

        if (grant_get_frame(d, i, true, &m))
            return HV_GNTST_GENERAL_ERROR;
        if (guest_write(op->frame_list + i * 8, &m.n, 8))
            return HV_GNTST_BAD_VIRT_ADDR;
    }
    return HV_GNTST_OKAY;
}

static long do_statuses(struct hcall *h, vaddr_t at)
{
    struct hv_gnttab_get_status_frames op;
    struct domain *d;
    int err;

    if (copy_in(&op, at))
        return -EFAULT;
    d = call_target(h, op.dom, &err);
    op.status = d ? statuses(d, &op) : status_of(err);
    if (d)
        domain_put(d);
    return guest_write(at + offsetof(struct hv_gnttab_get_status_frames, status),
                       &op.status, 2)
               ? -EFAULT
               : 0;
}

static long do_query(struct hcall *h, vaddr_t at)
{
    struct hv_gnttab_query_size op;
    struct domain *d;
    int err;

    if (copy_in(&op, at))
        return -EFAULT;
    d = call_target(h, op.dom, &err);
    op.status = d ? HV_GNTST_OKAY : status_of(err);
    if (d) {
        op.nr_frames = grant_frames(d);
        op.max_nr_frames = grant_max_frames(d);
        domain_put(d);
    }
    return copy_out(at, &op) ? -EFAULT : 0;
}

static long do_set_version(struct hcall *h, vaddr_t at)
{
    struct hv_gnttab_set_version op;
    long rc;

    if (copy_in(&op, at))
        return -EFAULT;
    rc = grant_set_version(h->d, op.version);
    op.version = grant_version(h->d);
    return copy_out(at, &op) ? -EFAULT : rc;
}

static long do_get_version(struct hcall *h, vaddr_t at)
{
    struct hv_gnttab_get_version op;
    struct domain *d;

    if (copy_in(&op, at))
        return -EFAULT;
    d = domain_get(real_id(h, op.dom));
    if (!d)
        return -ESRCH;
    op.version = grant_version(d);
    domain_put(d);
    return copy_out(at, &op) ? -EFAULT : 0;
}

static long do_swap(struct hcall *h, vaddr_t at)
{
    struct hv_gnttab_swap_grant_ref op;

    if (copy_in(&op, at))
        return -EFAULT;
    op.status = (int16_t)grant_swap(h->d, op.ref_a, op.ref_b);
    return copy_out(at, &op) ? -EFAULT : 0;
}

static const struct {
    long (*one)(struct hcall *h, vaddr_t at);
    size_t size;
    bool single; /* takes exactly one */
} ops[] = {
    [HV_GNTTABOP_MAP_GRANT_REF] = {do_map, sizeof(struct hv_gnttab_map_grant_ref), false},
    [HV_GNTTABOP_SETUP_TABLE] = {do_setup, sizeof(struct hv_gnttab_setup_table), true},
    [HV_GNTTABOP_QUERY_SIZE] = {do_query, sizeof(struct hv_gnttab_query_size), true},
    [HV_GNTTABOP_SET_VERSION] = {do_set_version, sizeof(struct hv_gnttab_set_version),
                                 true},
    [HV_GNTTABOP_GET_STATUS_FRAMES] = {do_statuses,
                                       sizeof(struct hv_gnttab_get_status_frames), true},
    [HV_GNTTABOP_GET_VERSION] = {do_get_version, sizeof(struct hv_gnttab_get_version),
                                 true},
    [HV_GNTTABOP_SWAP_GRANT_REF] = {do_swap, sizeof(struct hv_gnttab_swap_grant_ref),
                                    false},
};

/* Unmapping in batches: one TLB flush for all, and only then are the pages let go. */
static long unmap_batch(struct hcall *h, vaddr_t at, unsigned n, bool replace)
{
    struct grant_release r[UNMAP_BATCH];
    unsigned done = 0;
    long rc = 0;

    for (; done < n && !rc; done++) {
        struct hv_gnttab_unmap_grant_ref op = {0};
        struct hv_gnttab_unmap_and_replace rep;
        vaddr_t status;

        if (replace ? copy_in(&rep, at) : copy_in(&op, at)) {
            rc = -EFAULT;
            break;
        }
        if (replace) {
            op.host_addr = rep.host_addr;
            op.handle = rep.handle;
        }
        grant_unmap(h->v, &op, replace ? rep.new_addr : 0, &r[done]);
        status = at + (replace ? offsetof(struct hv_gnttab_unmap_and_replace, status)
                               : offsetof(struct hv_gnttab_unmap_grant_ref, status));
        if (guest_write(status, &op.status, sizeof(op.status)))
            rc = -EFAULT;
        at += replace ? sizeof(rep) : sizeof(op);
    }
    mmu_update_end(h->v);
    for (unsigned i = 0; i < done; i++)
        grant_release(&r[i]);
    return rc;
}

static long unmap_all(struct hcall *h, unsigned count, bool replace)
{
    size_t size = replace ? sizeof(struct hv_gnttab_unmap_and_replace)
                          : sizeof(struct hv_gnttab_unmap_grant_ref);

    while (count) {
        unsigned n = MIN(count, (unsigned)UNMAP_BATCH);
        long rc = unmap_batch(h, h->arg[1], n, replace);

        if (rc)
            return rc;
        count -= n;
        h->arg[1] += n * size;
        h->arg[2] = count;
        if (count && hcall_preempt())
            return HCALL_AGAIN;
    }
    return 0;
}

static long copy_all(struct hcall *h, unsigned count)
{
    struct grant_copies c = {.me = h->d};
    long rc = 0;

    while (count && !(rc = do_copy(&c, h->arg[1]))) {
        h->arg[1] += sizeof(struct hv_gnttab_copy);
        h->arg[2] = --count;
        if (count && hcall_preempt()) {
            rc = HCALL_AGAIN;
            break;
        }
    }
    grant_copies_end(&c);
    return rc;
}

HCALL(call_grant_table_op)
{
    unsigned cmd = (unsigned)h->arg[0], count = (unsigned)h->arg[2];
    long rc;

    if ((int)count < 0)
        return -EINVAL;
    if (cmd == HV_GNTTABOP_UNMAP_GRANT_REF || cmd == HV_GNTTABOP_UNMAP_AND_REPLACE)
        return unmap_all(h, count, cmd == HV_GNTTABOP_UNMAP_AND_REPLACE);
    if (cmd == HV_GNTTABOP_COPY)
        return copy_all(h, count);
    if (cmd >= ARRAY_SIZE(ops) || !ops[cmd].one)
        return -ENOSYS;
    if (ops[cmd].single && count != 1)
        return -EINVAL;
    while (count) {
        rc = ops[cmd].one(h, h->arg[1]);
        if (rc)
            return rc;
        h->arg[1] += ops[cmd].size;
        h->arg[2] = --count;
        if (count && hcall_preempt())
            return HCALL_AGAIN;
    }
    return 0;
}
