/* SPDX-License-Identifier: MIT */
/*
 * Network devices over two shared rings (transmit and receive, as the guest sees them)
 * and, if both ends want it, a control ring.
 *
 * A packet is a chain of slots while MORE_DATA is set. EXTRA_INFO in the first slot says
 * that the next slots are struct hv_netif_extra_info.
 *
 * Reference: Xen public interface, io/netif.h.
 */
#ifndef HV_ABI_IO_NETIF_H
#define HV_ABI_IO_NETIF_H

#include "ring.h"
#include "../grant_table.h"

#define HV_NETIF_NR_SLOTS_MIN 18 /* slots of one packet a back end must take */
#define HV_NETIF_MAX_TX_SIZE 0xffff

/* Transmit flags. */
#define HV_NETTXF_CSUM_BLANK (1U << 0)     /* checksum still to be filled in */
#define HV_NETTXF_DATA_VALIDATED (1U << 1) /* no need to check it */
#define HV_NETTXF_MORE_DATA (1U << 2)
#define HV_NETTXF_EXTRA_INFO (1U << 3)

/* Receive flags. */
#define HV_NETRXF_DATA_VALIDATED (1U << 0)
#define HV_NETRXF_CSUM_BLANK (1U << 1)
#define HV_NETRXF_MORE_DATA (1U << 2)
#define HV_NETRXF_EXTRA_INFO (1U << 3)
#define HV_NETRXF_GSO_PREFIX (1U << 4)

#define HV_NETIF_EXTRA_TYPE_NONE 0
#define HV_NETIF_EXTRA_TYPE_GSO 1
#define HV_NETIF_EXTRA_TYPE_MCAST_ADD 2
#define HV_NETIF_EXTRA_TYPE_MCAST_DEL 3
#define HV_NETIF_EXTRA_TYPE_HASH 4
#define HV_NETIF_EXTRA_TYPE_MAX 5
#define HV_NETIF_EXTRA_FLAG_MORE (1U << 0)
#define HV_NETIF_GSO_TYPE_NONE 0
#define HV_NETIF_GSO_TYPE_TCPV4 1
#define HV_NETIF_GSO_TYPE_TCPV6 2

#define HV_NETIF_RSP_DROPPED (-2)
#define HV_NETIF_RSP_ERROR (-1)
#define HV_NETIF_RSP_OKAY 0
#define HV_NETIF_RSP_NULL 1 /* answer to a slot of extra info */

/* Control ring. */
#define HV_NETIF_CTRL_HASH_TYPE_IPV4 (1 << 0)
#define HV_NETIF_CTRL_HASH_TYPE_IPV4_TCP (1 << 1)
#define HV_NETIF_CTRL_HASH_TYPE_IPV6 (1 << 2)
#define HV_NETIF_CTRL_HASH_TYPE_IPV6_TCP (1 << 3)
#define HV_NETIF_CTRL_HASH_ALGORITHM_NONE 0
#define HV_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ 1
#define HV_NETIF_CTRL_TYPE_INVALID 0
#define HV_NETIF_CTRL_TYPE_GET_HASH_FLAGS 1
#define HV_NETIF_CTRL_TYPE_SET_HASH_FLAGS 2
#define HV_NETIF_CTRL_TYPE_SET_HASH_KEY 3
#define HV_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE 4
#define HV_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE 5
#define HV_NETIF_CTRL_TYPE_SET_HASH_MAPPING 6
#define HV_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM 7
#define HV_NETIF_CTRL_TYPE_GET_GREF_MAPPING_SIZE 8
#define HV_NETIF_CTRL_TYPE_ADD_GREF_MAPPING 9
#define HV_NETIF_CTRL_TYPE_DEL_GREF_MAPPING 10
#define HV_NETIF_CTRL_STATUS_SUCCESS 0
#define HV_NETIF_CTRL_STATUS_NOT_SUPPORTED 1
#define HV_NETIF_CTRL_STATUS_INVALID_PARAMETER 2
#define HV_NETIF_CTRL_STATUS_BUFFER_OVERFLOW 3
#define HV_NETIF_CTRLF_GREF_READONLY (1U << 0)

struct hv_netif_tx_request {
    hv_grant_ref_t gref;
    uint16_t offset;
    uint16_t flags; /* HV_NETTXF_* */
    uint16_t id;
    uint16_t size; /* of the whole packet in the first slot, else of this one */
};

struct hv_netif_extra_info {
    uint8_t type;  /* HV_NETIF_EXTRA_TYPE_* */
    uint8_t flags; /* HV_NETIF_EXTRA_FLAG_MORE */
    union {
        struct {
            uint16_t size; /* of a segment's payload */
            uint8_t type;  /* HV_NETIF_GSO_TYPE_* */
            uint8_t pad;
            uint16_t features;
        } gso;
        struct {
            uint8_t addr[6];
        } mcast;
        struct {
            uint8_t type;
            uint8_t algorithm;
            uint8_t value[4];
        } hash;
        uint16_t pad[3];
    } u;
};

struct hv_netif_tx_response {
    uint16_t id;
    int16_t status; /* HV_NETIF_RSP_* */
};

struct hv_netif_rx_request {
    uint16_t id;
    uint16_t pad;
    hv_grant_ref_t gref;
};

struct hv_netif_rx_response {
    uint16_t id;
    uint16_t offset;
    uint16_t flags; /* HV_NETRXF_* */
    int16_t status; /* bytes received, or HV_NETIF_RSP_* */
};

struct hv_netif_ctrl_request {
    uint16_t id;
    uint16_t type; /* HV_NETIF_CTRL_TYPE_* */
    uint32_t data[3];
};

struct hv_netif_ctrl_response {
    uint16_t id;
    uint16_t type;
    uint32_t status; /* HV_NETIF_CTRL_STATUS_* */
    uint32_t data;
};

struct hv_netif_gref {
    hv_grant_ref_t ref;
    uint16_t flags; /* HV_NETIF_CTRLF_GREF_* */
    uint16_t status;
};

HV_RING_TYPES(hv_netif_tx, struct hv_netif_tx_request, struct hv_netif_tx_response);
HV_RING_TYPES(hv_netif_rx, struct hv_netif_rx_request, struct hv_netif_rx_response);
HV_RING_TYPES(hv_netif_ctrl, struct hv_netif_ctrl_request,
              struct hv_netif_ctrl_response);

#endif
