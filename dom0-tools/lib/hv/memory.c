/* SPDX-License-Identifier: MIT */
/*
 * Memory of other domains: mapping it here, giving it to them, and the page-table
 * operations a builder needs. Work is batched, because each call from user space
 * passes through the kernel and then the hypervisor.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "hv/door_priv.h"

/* Extents of one populate call: their list fits the arena twice over. */
#define EXTENTS_PER_CALL 1024UL
#define OPS_PER_CALL     256UL
/* 2 MiB; larger ones are refused to guests of small machines for no gain. */
#define LARGEST_ORDER 9

int door_map(struct door *door, hv_domid_t domid, const hv_pfn_t *frames, size_t nr,
             void **out)
{
    struct privcmd_mmapbatch_v2 batch = {
        .num = (uint32_t)nr, .dom = domid, .arr = frames};
    int *err = malloc(nr * sizeof(*err));
    void *addr;
    int rc = 0;

    if (!err)
        return -ENOMEM;
    addr = mmap(NULL, nr << PAGE_SHIFT, PROT_READ | PROT_WRITE, MAP_SHARED, door->privcmd,
                0);
    if (addr == MAP_FAILED) {
        free(err);
        return -errno;
    }
    batch.addr = (uintptr_t)addr;
    batch.err = err;
    if (ioctl(door->privcmd, PRIVCMD_MMAPBATCH_V2, &batch) < 0)
        rc = -errno;
    for (size_t i = 0; i < nr && !rc; i++)
        rc = err[i];
    free(err);
    if (rc)
        munmap(addr, nr << PAGE_SHIFT);
    else
        *out = addr;
    return rc;
}

int door_map_resource(struct door *door, hv_domid_t domid, unsigned int type,
                      unsigned int id, unsigned long first, size_t nr, void **out)
{
    struct privcmd_mmap_resource res = {
        .dom = domid, .type = type, .id = id, .idx = (uint32_t)first, .num = nr};
    void *addr = mmap(NULL, nr << PAGE_SHIFT, PROT_READ | PROT_WRITE, MAP_SHARED,
                      door->privcmd, 0);
    int rc;

    if (addr == MAP_FAILED)
        return -errno;
    res.addr = (uintptr_t)addr;
    if (ioctl(door->privcmd, PRIVCMD_MMAP_RESOURCE, &res) < 0) {
        rc = -errno;
        munmap(addr, nr << PAGE_SHIFT);
        return rc;
    }
    *out = addr;
    return 0;
}

void door_unmap(void *addr, size_t nr)
{
    if (addr)
        munmap(addr, nr << PAGE_SHIFT);
}

/* One populate_physmap call. Returns how many extents were given, or an error. */
static long populate_extents(struct door *door, hv_domid_t domid, hv_pfn_t *list,
                             size_t nr, unsigned int order)
{
    struct hv_memory_reservation res = {.extent_start = (uintptr_t)list,
                                        .nr_extents = nr,
                                        .extent_order = order,
                                        .domid = domid};

    return door_call_struct(door, HV_CALL_MEMORY_OP, HV_MEM_POPULATE_PHYSMAP, &res,
                            sizeof(res));
}

static void name_frames(hv_pfn_t *frames, hv_pfn_t first, unsigned int order)
{
#pragma GCC unroll 8
    for (size_t i = 0; i < 1UL << order; i++)
        frames[i] = first + i;
}

/*
 * Populates [*pfn, end) with extents of one order as far as they go, and advances
 * *pfn. Returns 0 when all that is aligned was given, -ENOMEM when the hypervisor has
 * no more extents of this order.
 */
static int populate_order(struct door *door, hv_domid_t domid, hv_pfn_t *frames,
                          size_t *pfn, size_t end, unsigned int order)
{
    size_t size = EXTENTS_PER_CALL * sizeof(hv_pfn_t);
    hv_pfn_t *list = door_buf_get(door, size);
    long got = 0;
    size_t want;

    if (!list)
        return -ENOMEM;
    for (; (want = (end - *pfn) >> order) != 0 && got >= 0;
         *pfn += (size_t)got << order) {
        want = want < EXTENTS_PER_CALL ? want : EXTENTS_PER_CALL;
        for (size_t i = 0; i < want; i++)
            list[i] = *pfn + (i << order);
        got = populate_extents(door, domid, list, want, order);
        if (got <= 0)
            break;
        for (size_t i = 0; i < (size_t)got; i++)
            name_frames(&frames[*pfn + (i << order)], list[i], order);
    }
    door_buf_put(door, list, size);
    if (got < 0)
        return (int)got;
    return want ? -ENOMEM : 0;
}

int door_populate(struct door *door, hv_domid_t domid, hv_pfn_t *frames, size_t nr,
                  void (*progress)(void *ctx, size_t done, size_t all), void *ctx)
{
    /* In steps of 128 MiB, so that a terminal sees large guests grow. */
    const size_t step = 1UL << (27 - PAGE_SHIFT);
    int order = LARGEST_ORDER;
    size_t pfn = 0;
    int rc = 0;

    while (pfn < nr) {
        size_t end = nr - pfn > step ? pfn + step : nr;

        /* Smaller extents for a ragged end, and when large ones have run out. */
        while (order > 0 && (end - pfn) >> order == 0)
            order -= 3;
        rc = populate_order(door, domid, frames, &pfn, end, (unsigned int)order);
        if (rc == -ENOMEM && order > 0)
            order -= 3;
        else if (rc)
            break;
        if (progress)
            progress(ctx, pfn, nr);
    }
    return pfn < nr ? rc : 0;
}

int door_mmuext(struct door *door, hv_domid_t domid, const struct hv_mmuext_op *ops,
                size_t nr)
{
    struct hv_mmuext_op *buf = door_buf_get(door, nr * sizeof(*buf));
    long rc;

    if (!buf)
        return -ENOMEM;
    memcpy(buf, ops, nr * sizeof(*buf));
    rc = door_call(door, HV_CALL_MMUEXT_OP, (uintptr_t)buf, nr, 0, domid);
    door_buf_put(door, buf, nr * sizeof(*buf));
    return rc < 0 ? (int)rc : 0;
}

int door_clear_pages(struct door *door, hv_domid_t domid, const hv_pfn_t *frames,
                     size_t nr)
{
    struct hv_mmuext_op ops[OPS_PER_CALL];
    int rc = 0;

    for (size_t done = 0; done < nr && !rc;) {
        size_t n = nr - done < OPS_PER_CALL ? nr - done : OPS_PER_CALL;

        for (size_t i = 0; i < n; i++)
            ops[i] = (struct hv_mmuext_op){.cmd = HV_MMUEXT_CLEAR_PAGE,
                                           .arg1.mfn = frames[done + i]};
        rc = door_mmuext(door, domid, ops, n);
        done += n;
    }
    return rc;
}
