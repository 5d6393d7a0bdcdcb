/* SPDX-License-Identifier: MIT */
/*
 * Event channels: event_channel_op(HV_EVTCHNOP_*, struct hv_evtchn_*).
 *
 * A port carries one bit, pending, and is masked or not. In the 2-level ABI the bits
 * are in shared_info; in the FIFO ABI every port has a 32-bit word in pages the guest
 * gives (expand_array), linked into one queue per priority per vCPU (init_control).
 *
 * Reference: Xen public interface, event_channel.h.
 */
#ifndef HV_ABI_EVENT_CHANNEL_H
#define HV_ABI_EVENT_CHANNEL_H

#include "xen.h"

#define HV_EVTCHNOP_BIND_INTERDOMAIN 0
#define HV_EVTCHNOP_BIND_VIRQ 1
#define HV_EVTCHNOP_BIND_PIRQ 2
#define HV_EVTCHNOP_CLOSE 3
#define HV_EVTCHNOP_SEND 4
#define HV_EVTCHNOP_STATUS 5
#define HV_EVTCHNOP_ALLOC_UNBOUND 6
#define HV_EVTCHNOP_BIND_IPI 7
#define HV_EVTCHNOP_BIND_VCPU 8
#define HV_EVTCHNOP_UNMASK 9
#define HV_EVTCHNOP_RESET 10
#define HV_EVTCHNOP_INIT_CONTROL 11
#define HV_EVTCHNOP_EXPAND_ARRAY 12
#define HV_EVTCHNOP_SET_PRIORITY 13

#define HV_EVTCHNSTAT_CLOSED 0
#define HV_EVTCHNSTAT_UNBOUND 1
#define HV_EVTCHNSTAT_INTERDOMAIN 2
#define HV_EVTCHNSTAT_PIRQ 3
#define HV_EVTCHNSTAT_VIRQ 4
#define HV_EVTCHNSTAT_IPI 5

#define HV_BIND_PIRQ__WILL_SHARE 1

#define HV_EVTCHN_2L_NR_CHANNELS 4096

#define HV_EVTCHN_FIFO_PRIORITY_MAX 0
#define HV_EVTCHN_FIFO_PRIORITY_DEFAULT 7
#define HV_EVTCHN_FIFO_PRIORITY_MIN 15
#define HV_EVTCHN_FIFO_MAX_QUEUES (HV_EVTCHN_FIFO_PRIORITY_MIN + 1)
/* Bit numbers in an event word; the low bits link to the next port. */
#define HV_EVTCHN_FIFO_PENDING 31
#define HV_EVTCHN_FIFO_MASKED 30
#define HV_EVTCHN_FIFO_LINKED 29
#define HV_EVTCHN_FIFO_BUSY 28
#define HV_EVTCHN_FIFO_LINK_BITS 17
#define HV_EVTCHN_FIFO_LINK_MASK ((1 << HV_EVTCHN_FIFO_LINK_BITS) - 1)
#define HV_EVTCHN_FIFO_NR_CHANNELS (1 << HV_EVTCHN_FIFO_LINK_BITS)

#ifndef __ASSEMBLY__

typedef uint32_t hv_evtchn_port_t;
typedef uint32_t hv_event_word_t;

/* A new port in dom, waiting for remote_dom to bind to it. */
struct hv_evtchn_alloc_unbound {
    hv_domid_t dom, remote_dom; /* IN */
    hv_evtchn_port_t port;      /* OUT */
};

/* A new port joined to a waiting one; it starts pending. */
struct hv_evtchn_bind_interdomain {
    hv_domid_t remote_dom;        /* IN */
    hv_evtchn_port_t remote_port; /* IN */
    hv_evtchn_port_t local_port;  /* OUT */
};

struct hv_evtchn_bind_virq {
    uint32_t virq;         /* IN: HV_VIRQ_* */
    uint32_t vcpu;         /* IN */
    hv_evtchn_port_t port; /* OUT */
};

struct hv_evtchn_bind_pirq {
    uint32_t pirq;         /* IN */
    uint32_t flags;        /* IN: HV_BIND_PIRQ__* */
    hv_evtchn_port_t port; /* OUT */
};

struct hv_evtchn_bind_ipi {
    uint32_t vcpu;         /* IN */
    hv_evtchn_port_t port; /* OUT */
};

struct hv_evtchn_close {
    hv_evtchn_port_t port; /* IN */
};

struct hv_evtchn_send {
    hv_evtchn_port_t port; /* IN */
};

struct hv_evtchn_status {
    hv_domid_t dom;        /* IN */
    hv_evtchn_port_t port; /* IN */
    uint32_t status;       /* OUT: HV_EVTCHNSTAT_* */
    uint32_t vcpu;         /* OUT */
    union {
        struct {
            hv_domid_t dom;
        } unbound;
        struct {
            hv_domid_t dom;
            hv_evtchn_port_t port;
        } interdomain;
        uint32_t pirq;
        uint32_t virq;
    } u; /* OUT: by status */
};

struct hv_evtchn_bind_vcpu {
    hv_evtchn_port_t port; /* IN */
    uint32_t vcpu;         /* IN */
};

struct hv_evtchn_unmask {
    hv_evtchn_port_t port; /* IN */
};

/* Closes every port and goes back to the 2-level ABI. */
struct hv_evtchn_reset {
    hv_domid_t dom; /* IN */
};

struct hv_evtchn_init_control {
    uint64_t control_gfn; /* IN */
    uint32_t offset;      /* IN: of the control block in that page, 8-aligned */
    uint32_t vcpu;        /* IN */
    uint8_t link_bits;    /* OUT */
    uint8_t _pad[7];
};

struct hv_evtchn_expand_array {
    uint64_t array_gfn; /* IN */
};

struct hv_evtchn_set_priority {
    hv_evtchn_port_t port; /* IN */
    uint32_t priority;     /* IN: 0 first .. 15 last */
};

/* Argument of the old event_channel_op_compat hypercall. */
struct hv_evtchn_op {
    uint32_t cmd; /* HV_EVTCHNOP_* up to UNMASK */
    union {
        struct hv_evtchn_alloc_unbound alloc_unbound;
        struct hv_evtchn_bind_interdomain bind_interdomain;
        struct hv_evtchn_bind_virq bind_virq;
        struct hv_evtchn_bind_pirq bind_pirq;
        struct hv_evtchn_bind_ipi bind_ipi;
        struct hv_evtchn_close close;
        struct hv_evtchn_send send;
        struct hv_evtchn_status status;
        struct hv_evtchn_bind_vcpu bind_vcpu;
        struct hv_evtchn_unmask unmask;
    } u;
};

/* One per vCPU, inside a guest page. */
struct hv_evtchn_fifo_control_block {
    uint32_t ready; /* bit q: queue q has events */
    uint32_t _rsvd;
    uint32_t head[HV_EVTCHN_FIFO_MAX_QUEUES];
};

#endif /* !__ASSEMBLY__ */
#endif
