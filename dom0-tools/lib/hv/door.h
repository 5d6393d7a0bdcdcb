/* SPDX-License-Identifier: MIT */
/*
 * The doors through which a program in dom0 reaches the hypervisor: the kernel's
 * /dev/xen/{privcmd,hypercall,evtchn} files. Nothing here knows of XenStore or of what
 * a domain is to a user.
 *
 * Every function that can fail returns a negative errno value. A handle belongs to one
 * thread.
 *
 * Reference: Linux include/uapi/xen/{privcmd,evtchn}.h and the hypervisor's abi/.
 */
#ifndef DOOR_H
#define DOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/xen.h"
#include "abi/domctl.h"
#include "abi/sysctl.h"
#include "abi/memory.h"

#define PAGE_SHIFT 12
#define PAGE_SIZE  (1UL << PAGE_SHIFT)

struct door;

/* Opens privcmd. -ENOENT: not running as dom0 of a hypervisor. */
int door_open(struct door **out);
void door_close(struct door *door);

/*
 * Memory that the hypervisor may read and write during a call: zeroed, at least 16
 * byte aligned. Give back in the reverse order of taking. NULL when there is none.
 */
void *door_buf_get(struct door *door, size_t size);
void door_buf_put(struct door *door, void *buf, size_t size);

/* A raw hypercall. Pointers among the arguments must be door buffers. */
long door_call(struct door *door, uint64_t op, uint64_t a0, uint64_t a1, uint64_t a2,
               uint64_t a3);

/* The same for a call whose argument is one structure, copied in and back. */
long door_call_struct(struct door *door, uint64_t op, uint64_t cmd, void *arg,
                      size_t size);

/* Both fill in the interface version; handles inside must be door buffers. */
int door_domctl(struct door *door, struct hv_domctl *op);
int door_sysctl(struct door *door, struct hv_sysctl *op);

/*
 * Maps frames (frame numbers as the domain has them: machine frames for PV) of a
 * domain read-write and contiguously. Every frame must be mappable.
 */
int door_map(struct door *door, hv_domid_t domid, const hv_pfn_t *frames, size_t nr,
             void **out);
/* Maps part of a resource (HV_MEM_RESOURCE_*). */
int door_map_resource(struct door *door, hv_domid_t domid, unsigned int type,
                      unsigned int id, unsigned long first, size_t nr, void **out);
void door_unmap(void *addr, size_t nr);

/*
 * Gives memory to a domain: frames[i] for pfn i, i in [0, nr). Uses the largest
 * extents that can be had. On -ENOMEM part of it may have been given.
 */
int door_populate(struct door *door, hv_domid_t domid, hv_pfn_t *frames, size_t nr,
                  void (*progress)(void *ctx, size_t done, size_t all), void *ctx);

/* Page-table operations on behalf of another domain, all in one call. */
int door_mmuext(struct door *door, hv_domid_t domid, const struct hv_mmuext_op *ops,
                size_t nr);
/* Fills frames of a domain with zeros, without mapping them. */
int door_clear_pages(struct door *door, hv_domid_t domid, const hv_pfn_t *frames,
                     size_t nr);

/* A new event channel of domid that remote may bind. *port is domid's. */
int door_evtchn_alloc(struct door *door, hv_domid_t domid, hv_domid_t remote,
                      uint32_t *port);
/* op->dom and op->port say which is meant. */
int door_evtchn_status(struct door *door, struct hv_evtchn_status *op);

/* The hypervisor's version: major << 16 | minor. */
int door_version(struct door *door);
/* Text answers of xen_version: cmd HV_VER_*, at most size bytes. */
int door_version_text(struct door *door, unsigned int cmd, void *out, size_t size);

/* Event channels of this process: a file to poll, and ports bound to it. */
struct door_events;
int door_events_open(struct door_events **out);
void door_events_close(struct door_events *ev);
int door_events_fd(const struct door_events *ev);
/* All of these return a local port, or a negative errno value. */
int door_events_bind(struct door_events *ev, hv_domid_t domid, uint32_t remote_port);
int door_events_bind_virq(struct door_events *ev, unsigned int virq);
int door_events_unbind(struct door_events *ev, uint32_t port);
int door_events_notify(struct door_events *ev, uint32_t port);
/* Takes one pending port (it stays masked until door_events_unmask). -EAGAIN: none. */
int door_events_next(struct door_events *ev);
/* Whether that, and door_events_take(), wait for one; at first they do not. */
int door_events_set_wait(struct door_events *ev, bool wait);
/* Takes up to max of them at once; returns how many. */
int door_events_take(struct door_events *ev, uint32_t *ports, int max);
int door_events_unmask(struct door_events *ev, uint32_t port);
int door_events_unmask_all(struct door_events *ev, const uint32_t *ports,
                           unsigned int nr);

/* From now on this file binds event channels of domid only. */
int door_events_restrict(struct door_events *ev, hv_domid_t domid);

struct door_grants;
int door_grants_open(struct door_grants **out);
void door_grants_close(struct door_grants *gr);
/*
 * Maps granted pages of a domain read-write, one after the other in memory; *index is for
 * door_grant_unmap.
 */
int door_grant_map(struct door_grants *gr, hv_domid_t domid, const uint32_t *refs,
                   size_t nr, void **out, uint64_t *index);
void door_grant_unmap(struct door_grants *gr, void *addr, size_t nr, uint64_t index);

/*
 * Zeroed pages, one after the other, for as long as the process lives; NULL: there are
 * none. Copies to and from them are cheaper than to other memory where kernel and
 * hypervisor allow, for pieces that lie in one page.
 */
void *door_grants_pages(struct door_grants *gr, size_t nr);

/* A piece of memory to be copied between us and a granted page. */
struct door_copy {
    void *local;
    uint32_t ref;
    uint16_t offset, len; /* within the granted page */
};
/* Copies all pieces, or fails. Some may have been copied then. */
int door_grant_copy_from(struct door_grants *gr, hv_domid_t domid,
                         const struct door_copy *pieces, size_t nr);
int door_grant_copy_to(struct door_grants *gr, hv_domid_t domid,
                       const struct door_copy *pieces, size_t nr);

#endif
