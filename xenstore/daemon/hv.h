/* SPDX-License-Identifier: MIT */
/*
 * The daemon's doors to the hypervisor, through Linux's devices: event channels, grant
 * mappings and the state of domains. With --no-domains none of this is called.
 */
#ifndef DAEMON_HV_H
#define DAEMON_HV_H

#include <stdbool.h>
#include <stdint.h>

struct hv_store_domain_interface;

int hv_open(
    void); /* 0 or -errno; the grant and hypercall devices are opened when needed */
int hv_event_fd(void); /* readable when ports are pending */

/* Fills ports (each masked until hv_unmask), returns how many. */
int hv_pending(uint32_t *ports, int max);
void hv_unmask(uint32_t port);

/* These two return a local port or -errno. */
int hv_bind_domain(uint32_t domid, uint32_t remote_port);
int hv_bind_virq_dom_exc(void);
void hv_unbind(uint32_t port);
void hv_notify(uint32_t port);

/* A guest's ring page: by its well known grant, else by frame number. NULL if neither
 * works. */
struct hv_store_domain_interface *hv_map_ring(uint32_t domid, uint64_t gfn);
/* Domain 0's ring, which its kernel hands out; NULL if it does not. */
struct hv_store_domain_interface *hv_map_own_ring(void);
int hv_own_port(void); /* the kernel's end of its event channel, or -errno */
void hv_unmap_ring(struct hv_store_domain_interface *page);

enum hv_state {
    HV_STATE_UNKNOWN, /* the hypervisor does not say */
    HV_STATE_GONE,    /* there is no such domain, or it is dying */
    HV_STATE_SHUTDOWN,
    HV_STATE_RUNNING,
};
enum hv_state hv_domain_state(uint32_t domid);

#endif
