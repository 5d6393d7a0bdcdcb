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

struct gntdev_map {
    uint32_t count;
    uint32_t pad;
    uint64_t index; /* OUT: the offset to mmap at */
    uint32_t domid;
    uint32_t ref;
};

struct gntdev_unmap {
    uint64_t index;
    uint32_t count;
    uint32_t pad;
};

#define GNTDEV_MAP   _IOC(_IOC_NONE, 'G', 0, sizeof(struct gntdev_map))
#define GNTDEV_UNMAP _IOC(_IOC_NONE, 'G', 1, sizeof(struct gntdev_unmap))

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

int door_grant_map(struct door_grants *gr, hv_domid_t domid, uint32_t ref, void **out,
                   uint64_t *index)
{
    struct gntdev_map map = {.count = 1, .domid = domid, .ref = ref};
    void *addr;
    int rc;

    if (ioctl(gr->fd, GNTDEV_MAP, &map) < 0)
        return -errno;
    addr = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, gr->fd,
                (off_t)map.index);
    if (addr == MAP_FAILED) {
        struct gntdev_unmap unmap = {.index = map.index, .count = 1};

        rc = -errno;
        ioctl(gr->fd, GNTDEV_UNMAP, &unmap);
        return rc;
    }
    *out = addr;
    *index = map.index;
    return 0;
}

void door_grant_unmap(struct door_grants *gr, void *addr, uint64_t index)
{
    struct gntdev_unmap unmap = {.index = index, .count = 1};

    munmap(addr, PAGE_SIZE);
    ioctl(gr->fd, GNTDEV_UNMAP, &unmap);
}
