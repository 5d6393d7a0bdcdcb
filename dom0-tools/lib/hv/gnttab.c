/* SPDX-License-Identifier: MIT */
/* Pages granted to us by other domains, by /dev/xen/gntdev. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hv/door_priv.h"

struct door_grants {
    int fd;
};

struct gntdev_ref {
    uint32_t domid;
    uint32_t ref;
};

/* Followed by the references. */
struct gntdev_map {
    uint32_t count;
    uint32_t pad;
    uint64_t index; /* OUT: the offset to mmap at */
};

struct gntdev_unmap {
    uint64_t index;
    uint32_t count;
    uint32_t pad;
};

union gntdev_place {
    void *local;
    struct {
        uint32_t ref;
        uint16_t offset;
        uint16_t domid;
    } foreign;
};

struct gntdev_piece {
    union gntdev_place source, dest;
    uint16_t len;
    uint16_t flags;
    int16_t status; /* OUT */
};

struct gntdev_copy {
    uint32_t count;
    struct gntdev_piece *pieces;
};

/* The size in the request's number is that of a map request with one reference. */
#define GNTDEV_MAP                                                                       \
    _IOC(_IOC_NONE, 'G', 0, sizeof(struct gntdev_map) + sizeof(struct gntdev_ref))
#define GNTDEV_UNMAP     _IOC(_IOC_NONE, 'G', 1, sizeof(struct gntdev_unmap))
#define GNTDEV_COPY      _IOC(_IOC_NONE, 'G', 8, sizeof(struct gntdev_copy))

#define MAX_REFS         64 /* mapped in one go */
#define COPY_STEP        32 /* pieces copied in one go */
#define COPY_FROM_DOMAIN 1  /* GNTCOPY_source_gref */
#define COPY_TO_DOMAIN   2  /* GNTCOPY_dest_gref */

int door_grants_open(struct door_grants **out)
{
    struct door_grants *gr = malloc(sizeof(*gr));

    if (!gr)
        return -ENOMEM;
    gr->fd = open("/dev/xen/gntdev", O_RDWR | O_CLOEXEC);
    if (gr->fd < 0) {
        free(gr);
        return -errno;
    }
    *out = gr;
    return 0;
}

void door_grants_close(struct door_grants *gr)
{
    if (!gr)
        return;
    close(gr->fd);
    free(gr);
}

int door_grant_map(struct door_grants *gr, hv_domid_t domid, const uint32_t *refs,
                   size_t nr, void **out, uint64_t *index)
{
    struct {
        struct gntdev_map head;
        struct gntdev_ref refs[MAX_REFS];
    } map = {.head.count = (uint32_t)nr};
    void *addr;
    int rc;

    if (!nr || nr > MAX_REFS)
        return -EINVAL;
    for (size_t i = 0; i < nr; i++)
        map.refs[i] = (struct gntdev_ref){.domid = domid, .ref = refs[i]};
    if (ioctl(gr->fd, GNTDEV_MAP, &map) < 0)
        return -errno;
    addr = mmap(NULL, nr * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, gr->fd,
                (off_t)map.head.index);
    if (addr == MAP_FAILED) {
        struct gntdev_unmap unmap = {.index = map.head.index, .count = (uint32_t)nr};

        rc = -errno;
        ioctl(gr->fd, GNTDEV_UNMAP, &unmap);
        return rc;
    }
    *out = addr;
    *index = map.head.index;
    return 0;
}

void door_grant_unmap(struct door_grants *gr, void *addr, size_t nr, uint64_t index)
{
    struct gntdev_unmap unmap = {.index = index, .count = (uint32_t)nr};

    munmap(addr, nr * PAGE_SIZE);
    ioctl(gr->fd, GNTDEV_UNMAP, &unmap);
}

static int copy_step(struct door_grants *gr, hv_domid_t domid,
                     const struct door_copy *pieces, size_t nr, uint16_t flags)
{
    struct gntdev_piece step[COPY_STEP];
    struct gntdev_copy copy = {.count = (uint32_t)nr, .pieces = step};

    for (size_t i = 0; i < nr; i++) {
        union gntdev_place local = {.local = pieces[i].local};
        union gntdev_place foreign = {.foreign = {.ref = pieces[i].ref,
                                                  .offset = pieces[i].offset,
                                                  .domid = domid}};

        step[i] =
            (struct gntdev_piece){.source = flags == COPY_FROM_DOMAIN ? foreign : local,
                                  .dest = flags == COPY_FROM_DOMAIN ? local : foreign,
                                  .len = pieces[i].len,
                                  .flags = flags};
    }
    if (ioctl(gr->fd, GNTDEV_COPY, &copy) < 0)
        return -errno;
    for (size_t i = 0; i < nr; i++)
        if (step[i].status)
            return -EFAULT;
    return 0;
}

static int copy_all(struct door_grants *gr, hv_domid_t domid,
                    const struct door_copy *pieces, size_t nr, uint16_t flags)
{
    int rc = 0;

    for (size_t done = 0, step; done < nr && !rc; done += step) {
        step = nr - done < COPY_STEP ? nr - done : COPY_STEP;
        rc = copy_step(gr, domid, pieces + done, step, flags);
    }
    return rc;
}

int door_grant_copy_from(struct door_grants *gr, hv_domid_t domid,
                         const struct door_copy *pieces, size_t nr)
{
    return copy_all(gr, domid, pieces, nr, COPY_FROM_DOMAIN);
}

int door_grant_copy_to(struct door_grants *gr, hv_domid_t domid,
                       const struct door_copy *pieces, size_t nr)
{
    return copy_all(gr, domid, pieces, nr, COPY_TO_DOMAIN);
}
