/* SPDX-License-Identifier: MIT */
/*
 * The few calls of Linux's /dev/xen/privcmd and /dev/xen/evtchn that the benchmark makes.
 * Reference: Linux, include/uapi/xen/privcmd.h and evtchn.h.
 */
#ifndef BENCH_XEN_DEV_H
#define BENCH_XEN_DEV_H
#include <stdint.h>
#include <sys/ioctl.h>

#include "abi/xen.h"

struct privcmd_call {
    uint64_t op, arg[5];
};
struct evtchn_bind_remote {
    uint32_t remote_domain, remote_port;
};
struct evtchn_port {
    uint32_t port;
};

#define XEN_DEV_HYPERCALL    _IOC(_IOC_NONE, 'P', 0, sizeof(struct privcmd_call))
#define XEN_DEV_NO_SUCH_CALL _IOC(_IOC_NONE, 'P', 200, 0)
#define XEN_DEV_BIND_INTERDOMAIN                                                         \
    _IOC(_IOC_NONE, 'E', 1, sizeof(struct evtchn_bind_remote))
#define XEN_DEV_BIND_UNBOUND _IOC(_IOC_NONE, 'E', 2, sizeof(struct evtchn_port))
#define XEN_DEV_NOTIFY       _IOC(_IOC_NONE, 'E', 4, sizeof(struct evtchn_port))

#endif
