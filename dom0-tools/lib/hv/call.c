/* SPDX-License-Identifier: MIT */
/*
 * Hypercalls by /dev/xen/privcmd, and memory fit to be an argument of them.
 *
 * The hypervisor reads arguments at addresses of this process and cannot take a page
 * fault there, so they must stay present and writable. Memory mapped from
 * /dev/xen/hypercall has that quality by construction; without that file we lock
 * ordinary memory, which is enough unless the kernel migrates pages.
 *
 * Buffers are taken as from a stack: one arena serves everything small, so that a
 * command costs one mmap for all its calls.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/version.h"
#include "abi/event_channel.h"
#include "hv/door_priv.h"

static void *map_locked(int fd, size_t size)
{
    int flags = fd >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED;
    void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);

    if (mem == MAP_FAILED)
        return NULL;
    if (fd < 0) {
        madvise(mem, size, MADV_DONTFORK);
        memset(mem, 0, size);
    }
    return mem;
}

int door_open(struct door **out)
{
    struct door *door = calloc(1, sizeof(*door));
    int rc;

    if (!door)
        return -ENOMEM;
    door->privcmd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
    if (door->privcmd < 0) {
        rc = -errno;
        goto free_door;
    }
    door->hypercall = open("/dev/xen/hypercall", O_RDWR | O_CLOEXEC);
    door->arena = map_locked(door->hypercall, DOOR_ARENA_SIZE);
    if (!door->arena) {
        rc = -ENOMEM;
        goto close_files;
    }
    *out = door;
    return 0;

close_files:
    if (door->hypercall >= 0)
        close(door->hypercall);
    close(door->privcmd);
free_door:
    free(door);
    return rc;
}

void door_close(struct door *door)
{
    if (!door)
        return;
    munmap(door->arena, DOOR_ARENA_SIZE);
    if (door->hypercall >= 0)
        close(door->hypercall);
    close(door->privcmd);
    free(door);
}

static size_t rounded(size_t size)
{
    return (size + 15) & ~(size_t)15;
}

void *door_buf_get(struct door *door, size_t size)
{
    void *mem;

    if (size > DOOR_ARENA_SIZE - door->arena_used)
        return map_locked(door->hypercall, size);
    mem = door->arena + door->arena_used;
    door->arena_used += rounded(size);
    return memset(mem, 0, size);
}

void door_buf_put(struct door *door, void *buf, size_t size)
{
    char *mem = buf;

    if (!mem)
        return;
    if (mem >= door->arena && mem < door->arena + DOOR_ARENA_SIZE)
        door->arena_used = (size_t)(mem - door->arena);
    else
        munmap(mem, size);
}

long door_call(struct door *door, uint64_t op, uint64_t a0, uint64_t a1, uint64_t a2,
               uint64_t a3)
{
    struct privcmd_hypercall call = {.op = op, .arg = {a0, a1, a2, a3}};
    int rc = ioctl(door->privcmd, PRIVCMD_HYPERCALL, &call);

    return rc < 0 ? -errno : rc;
}

long door_call_struct(struct door *door, uint64_t op, uint64_t cmd, void *arg,
                      size_t size)
{
    void *buf = door_buf_get(door, size);
    long rc;

    if (!buf)
        return -ENOMEM;
    memcpy(buf, arg, size);
    rc = door_call(door, op, cmd, (uintptr_t)buf, 0, 0);
    memcpy(arg, buf, size);
    door_buf_put(door, buf, size);
    return rc;
}

int door_domctl(struct door *door, struct hv_domctl *op)
{
    struct hv_domctl *buf = door_buf_get(door, sizeof(*buf));
    int rc;

    if (!buf)
        return -ENOMEM;
    op->interface_version = HV_DOMCTL_INTERFACE_VERSION;
    *buf = *op;
    rc = (int)door_call(door, HV_CALL_DOMCTL, (uintptr_t)buf, 0, 0, 0);
    *op = *buf;
    door_buf_put(door, buf, sizeof(*buf));
    return rc;
}

int door_sysctl(struct door *door, struct hv_sysctl *op)
{
    struct hv_sysctl *buf = door_buf_get(door, sizeof(*buf));
    int rc;

    if (!buf)
        return -ENOMEM;
    op->interface_version = HV_SYSCTL_INTERFACE_VERSION;
    *buf = *op;
    rc = (int)door_call(door, HV_CALL_SYSCTL, (uintptr_t)buf, 0, 0, 0);
    *op = *buf;
    door_buf_put(door, buf, sizeof(*buf));
    return rc;
}

int door_version(struct door *door)
{
    return (int)door_call(door, HV_CALL_XEN_VERSION, HV_VER_VERSION, 0, 0, 0);
}

int door_version_text(struct door *door, unsigned int cmd, void *out, size_t size)
{
    long rc = door_call_struct(door, HV_CALL_XEN_VERSION, cmd, out, size);

    return rc < 0 ? (int)rc : 0;
}

int door_evtchn_alloc(struct door *door, hv_domid_t domid, hv_domid_t remote,
                      uint32_t *port)
{
    struct hv_evtchn_alloc_unbound op = {.dom = domid, .remote_dom = remote};
    long rc = door_call_struct(door, HV_CALL_EVENT_CHANNEL_OP, HV_EVTCHNOP_ALLOC_UNBOUND,
                               &op, sizeof(op));

    *port = op.port;
    return rc < 0 ? (int)rc : 0;
}

int door_evtchn_status(struct door *door, struct hv_evtchn_status *op)
{
    long rc = door_call_struct(door, HV_CALL_EVENT_CHANNEL_OP, HV_EVTCHNOP_STATUS, op,
                               sizeof(*op));

    return rc < 0 ? (int)rc : 0;
}
