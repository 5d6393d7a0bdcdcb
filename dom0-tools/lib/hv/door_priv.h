/* SPDX-License-Identifier: MIT */
/* What the files of lib/hv share: the handle, and the requests of Linux's files. */
#ifndef DOOR_PRIV_H
#define DOOR_PRIV_H

#include <sys/ioctl.h>

#include "hv/door.h"

#define DOOR_ARENA_SIZE 16384UL

struct door {
    int privcmd;
    int hypercall; /* /dev/xen/hypercall, -1 when the kernel has none */
    char *arena;   /* door buffers are taken from here, as a stack */
    size_t arena_used;
};

struct privcmd_hypercall {
    uint64_t op;
    uint64_t arg[5];
};

struct privcmd_mmapbatch_v2 {
    uint32_t num;
    uint16_t dom;
    uint64_t addr;
    const uint64_t *arr;
    int *err;
};

struct privcmd_mmap_resource {
    uint16_t dom;
    uint32_t type;
    uint32_t id;
    uint32_t idx;
    uint64_t num;
    uint64_t addr;
};

#define PRIVCMD_HYPERCALL    _IOC(_IOC_NONE, 'P', 0, sizeof(struct privcmd_hypercall))
#define PRIVCMD_MMAPBATCH_V2 _IOC(_IOC_NONE, 'P', 4, sizeof(struct privcmd_mmapbatch_v2))
#define PRIVCMD_MMAP_RESOURCE                                                            \
    _IOC(_IOC_NONE, 'P', 7, sizeof(struct privcmd_mmap_resource))

#endif
