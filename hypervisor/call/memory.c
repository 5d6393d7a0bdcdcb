/* SPDX-License-Identifier: MIT */
/*
 * memory_op: how much memory a domain has, and what the machine's memory looks like.
 * Changing the reservation is call/memory_res.c's.
 *
 * Reference: Xen public interface, memory.h.
 */
#include "call/memory.h"
#include "abi/memory.h"
#include "call/call.h"
#include "comm/grant.h"
#include "kern/heap.h"
#include "lib/rangeset.h"
#include "mm/page.h"
#include "port/map.h"
#include "port/upcall.h"

#define CMD_SHIFT 6 /* above it: the extent to start from */
#define E820_MAX  128

static long domain_number(struct hcall *h, uint64_t (*get)(const struct domain *d))
{
    struct hv_memory_domain arg;
    struct domain *d;
    long n;
    int rc;

    if (copy_in(&arg, h->arg[1]))
        return -EFAULT;
    d = call_target(h, arg.domid, &rc);
    if (!d)
        return rc;
    n = (long)MIN(get(d), (uint64_t)INT64_MAX);
    domain_put(d);
    return n;
}

static uint64_t maximum_gpfn(const struct domain *d)
{
    return d->shared->arch.max_pfn ? d->shared->arch.max_pfn - 1 : 0;
}

static long machphys_mapping(struct hcall *h)
{
    struct hv_machphys_mapping m = {.v_start = HV_MACH2PHYS_VIRT_START,
                                    .v_end = HV_MACH2PHYS_VIRT_END,
                                    .max_mfn = HV_MACH2PHYS_NR_ENTRIES - 1};

    return copy_out(h->arg[1], &m) ? -EFAULT : 0;
}

static long machphys_mfn_list(struct hcall *h, bool compat)
{
    struct hv_machphys_mfn_list l;
    uint64_t last = INVALID_MFN.n;
    unsigned i = 0, n;

    if (copy_in(&l, h->arg[1]))
        return -EFAULT;
    n = compat ? 0 : MIN(l.max_extents, (uint32_t)m2p_pieces());
    for (; i < n; i++) {
        mfn_t m = m2p_piece(i, h->d->privileged);

        last = mfn_eq(m, INVALID_MFN) ? last : m.n; /* a hole repeats what was before */
        if (last == INVALID_MFN.n)
            break;
        if (copy_out(l.extent_start + i * sizeof(last), &last))
            return -EFAULT;
    }
    l.nr_extents = i;
    return copy_out(h->arg[1], &l) ? -EFAULT : 0;
}

static long put_map(struct hcall *h, struct hv_memory_map *m,
                    const struct hv_e820entry *e, unsigned n)
{
    if (m->buffer) {
        n = MIN(n, m->nr_entries);
        if (guest_write(m->buffer, e, n * sizeof(*e)))
            return -EFAULT;
    }
    m->nr_entries = n;
    return copy_out(h->arg[1], m) ? -EFAULT : 0;
}

/* The map with the frames that the caller may not touch put in as reserved where it had
 * nothing, so that no kernel takes them for free address space. */
struct map_build {
    struct hv_e820entry e[E820_MAX];
    unsigned n, next;   /* entries made; the boot map's next one */
    uint64_t told;      /* end of the last entry */
    unsigned long seen; /* frames looked at */
};

static void map_add(struct map_build *b, uint64_t start, uint64_t end, uint32_t type)
{
    if (start >= end || b->n == E820_MAX)
        return;
    b->e[b->n++] = (struct hv_e820entry){start, end - start, type};
    b->told = end;
}

/* What the boot map has below `end`, and as reserved what it leaves out of the hole. */
static void map_hole(struct map_build *b, uint64_t start, uint64_t end)
{
    const struct boot_info *bi = boot_info_get();

    for (; b->next < bi->ranges && bi->map[b->next].start < end; b->next++) {
        const struct boot_range *r = &bi->map[b->next];

        map_add(b, MAX(start, b->told), r->start, HV_E820_RESERVED);
        map_add(b, r->start, r->end, r->type);
    }
    map_add(b, MAX(start, b->told), end, HV_E820_RESERVED);
}

static int map_permitted(void *arg, unsigned long first, unsigned long last)
{
    struct map_build *b = arg;

    if (first > b->seen)
        map_hole(b, (uint64_t)b->seen << PAGE_SHIFT, (uint64_t)first << PAGE_SHIFT);
    b->seen = last + 1;
    return 0;
}

static long machine_memory_map(struct hcall *h)
{
    struct map_build b = {.n = 0};
    struct hv_memory_map m;

    if (!h->d->privileged)
        return -EPERM;
    if (copy_in(&m, h->arg[1]))
        return -EFAULT;
    spin_lock(&h->d->lock);
    (void)rangeset_each(h->d->iomem, map_permitted, &b);
    spin_unlock(&h->d->lock);
    map_hole(&b, ~0ull, ~0ull);
    if (m.nr_entries < b.n)
        return -EINVAL;
    return put_map(h, &m, b.e, b.n);
}

static long memory_map(struct hcall *h)
{
    struct hv_e820entry e[E820_MAX];
    struct hv_memory_map m;
    unsigned n = dom_get_e820(h->d, e, E820_MAX);

    if (!n)
        return -ENOSYS;
    return copy_in(&m, h->arg[1]) ? -EFAULT : put_map(h, &m, e, n);
}

static long set_memory_map(struct hcall *h)
{
    struct hv_foreign_memory_map f;
    struct hv_e820entry *e;
    struct domain *d;
    int rc;

    if (copy_in(&f, h->arg[1]))
        return -EFAULT;
    if (f.map.nr_entries > E820_MAX)
        return -EINVAL;
    if (!h->d->privileged)
        return -EPERM;
    d = call_target(h, f.domid, &rc);
    if (!d)
        return rc;
    rc = -ENOMEM;
    e = heap_alloc(MAX(f.map.nr_entries, 1u) * sizeof(*e));
    if (!e)
        goto put;
    if (guest_read(e, f.map.buffer, f.map.nr_entries * sizeof(*e))) {
        heap_free(e);
        rc = -EFAULT;
        goto put;
    }
    dom_set_e820(d, e, f.map.nr_entries);
    rc = 0;
put:
    domain_put(d);
    return rc;
}

/* Claims are answered but not kept: whoever builds a domain finds out when it populates
 * it. */
static long claim_pages(struct hcall *h)
{
    struct hv_memory_reservation r;
    struct domain *d;
    int rc;

    if (copy_in(&r, h->arg[1]))
        return -EFAULT;
    if (r.extent_start || r.extent_order || r.mem_flags)
        return -EINVAL;
    if (!h->d->privileged)
        return -EPERM;
    d = call_target(h, r.domid, &rc);
    if (!d)
        return rc;
    if (!r.nr_extents)
        rc = 0;
    else if (dom_tot_pages(d) > r.nr_extents)
        rc = -EINVAL;
    else
        rc = r.nr_extents - dom_tot_pages(d) > page_alloc_usable_count() ? -ENOMEM : 0;
    domain_put(d);
    return rc;
}

/* The caller sees machine frames, and maps them with mmu_update in the name of their
 * owner. */
static long resource_frames(struct domain *d, const struct hv_mem_acquire_resource *r)
{
    bool status = r->id == HV_MEM_RESOURCE_GRANT_TABLE_ID_STATUS;

    if (r->type != HV_MEM_RESOURCE_GRANT_TABLE)
        return -EOPNOTSUPP;
    if (r->id > HV_MEM_RESOURCE_GRANT_TABLE_ID_STATUS)
        return -EINVAL;
    for (uint32_t i = 0; i < r->nr_frames; i++) {
        mfn_t m;
        int rc = grant_get_frame(d, (unsigned)(r->frame + i), status, &m);

        if (rc)
            return rc;
        if (copy_out(r->frame_list + i * sizeof(m.n), &m.n))
            return -EFAULT;
    }
    return 0;
}

static long resource_size(const struct domain *d, struct hv_mem_acquire_resource *r)
{
    if (r->type != HV_MEM_RESOURCE_GRANT_TABLE)
        return -EOPNOTSUPP;
    if (r->id > HV_MEM_RESOURCE_GRANT_TABLE_ID_STATUS)
        return -EINVAL;
    r->nr_frames = r->id == HV_MEM_RESOURCE_GRANT_TABLE_ID_STATUS
                       ? grant_max_status_frames(d)
                       : grant_max_frames(d);
    return 0;
}

static long acquire_resource(struct hcall *h)
{
    struct hv_mem_acquire_resource r;
    struct domain *d;
    long rc;
    int err;

    if (copy_in(&r, h->arg[1]))
        return -EFAULT;
    if (r.pad || (!r.frame_list && r.nr_frames))
        return -EINVAL;
    if (r.domid == HV_DOMID_SELF || r.domid == h->d->id)
        return -EPERM;
    d = call_target(h, r.domid, &err);
    if (!d)
        return err;
    if (!r.frame_list) {
        rc = resource_size(d, &r);
        if (!rc && copy_out(h->arg[1], &r))
            rc = -EFAULT;
    } else if (r.frame > UINT32_MAX || r.nr_frames > 1024) {
        rc = -EINVAL;
    } else {
        rc = resource_frames(d, &r);
    }
    domain_put(d);
    return rc;
}

/* PV guests place their own memory: there is no map of ours to add to. */
static long add_to_physmap(struct hcall *h, domid_t id)
{
    int rc;
    struct domain *d = call_target(h, id, &rc);

    if (!d)
        return rc;
    domain_put(d);
    return -EACCES;
}

static long physmap_op(struct hcall *h, unsigned op)
{
    union {
        struct hv_add_to_physmap add;
        struct hv_add_to_physmap_batch batch;
        struct hv_remove_from_physmap remove;
    } u;

    switch (op) {
    case HV_MEM_ADD_TO_PHYSMAP:
        if (copy_in(&u.add, h->arg[1]))
            return -EFAULT;
        return u.add.space == HV_MAPSPACE_GMFN_FOREIGN ? -ENOSYS
                                                       : add_to_physmap(h, u.add.domid);
    case HV_MEM_ADD_TO_PHYSMAP_BATCH:
        return copy_in(&u.batch, h->arg[1]) ? -EFAULT : add_to_physmap(h, u.batch.domid);
    default:
        return copy_in(&u.remove, h->arg[1]) ? -EFAULT
                                             : add_to_physmap(h, u.remove.domid);
    }
}

static long reserved_device_memory(struct hcall *h)
{
    struct hv_reserved_device_memory_map m;

    if (copy_in(&m, h->arg[1]))
        return -EFAULT;
    m.nr_entries = 0; /* no IOMMU in use, so nothing is reserved for it */
    return copy_out(h->arg[1], &m) ? -EFAULT : 0;
}

HCALL(call_memory_op)
{
    unsigned op = h->arg[0] & ((1u << CMD_SHIFT) - 1);
    unsigned long start = h->arg[0] >> CMD_SHIFT;

    switch (op) {
    case HV_MEM_INCREASE_RESERVATION:
    case HV_MEM_DECREASE_RESERVATION:
    case HV_MEM_POPULATE_PHYSMAP:
        return memory_reservation(h, op, start);
    case HV_MEM_EXCHANGE:
        return memory_exchange(h);
    case HV_MEM_MAXIMUM_RAM_PAGE:
        return (long)map_max_mfn() - 1;
    case HV_MEM_CURRENT_RESERVATION:
        return domain_number(h, dom_tot_pages);
    case HV_MEM_MAXIMUM_RESERVATION:
        return domain_number(h, dom_max_pages);
    case HV_MEM_MAXIMUM_GPFN:
        return domain_number(h, maximum_gpfn);
    case HV_MEM_MACHPHYS_MFN_LIST:
    case HV_MEM_MACHPHYS_COMPAT_MFN_LIST:
        return machphys_mfn_list(h, op == HV_MEM_MACHPHYS_COMPAT_MFN_LIST);
    case HV_MEM_MACHPHYS_MAPPING:
        return machphys_mapping(h);
    case HV_MEM_ADD_TO_PHYSMAP:
    case HV_MEM_ADD_TO_PHYSMAP_BATCH:
    case HV_MEM_REMOVE_FROM_PHYSMAP:
        return physmap_op(h, op);
    case HV_MEM_MEMORY_MAP:
        return memory_map(h);
    case HV_MEM_SET_MEMORY_MAP:
        return set_memory_map(h);
    case HV_MEM_MACHINE_MEMORY_MAP:
        return machine_memory_map(h);
    case HV_MEM_CLAIM_PAGES:
        return claim_pages(h);
    case HV_MEM_ACQUIRE_RESOURCE:
        return acquire_resource(h);
    case HV_MEM_RESERVED_DEVICE_MEMORY_MAP:
        return reserved_device_memory(h);
    case HV_MEM_GET_VNUMAINFO:
        return -EOPNOTSUPP;
    case HV_MEM_GET_SHARING_FREED_PAGES: /* nothing is ever shared; xl reads this */
    case HV_MEM_GET_SHARING_SHARED_PAGES:
        return 0;
    default:
        return -ENOSYS;
    }
}
