/* SPDX-License-Identifier: MIT */
/*
 * What of a packet from a guest is believed. The caller has a copy of it that the guest
 * cannot change; every length in its headers is compared with what is really there, and
 * what does not fit goes no further. No state.
 *
 * Reference: RFC 791, 8200 (IP); 9293, 768 (TCP, UDP); 4302 (AH); IEEE 802.1Q; for the
 * header that the kernel takes, the Virtual I/O Device specification, "Device Operation".
 */
#ifndef NETBACK_PACKET_H
#define NETBACK_PACKET_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stdint.h>

#define PACKET_HEAD     256U /* bytes of a packet that are looked at, at most */
#define PACKET_MIN      14U  /* an Ethernet header */
#define PACKET_MIN_GSO  48U  /* payload of a segment: less would be an attack */
#define PACKET_MAX_VLAN 8U   /* two tags */

/* What the front end says of a packet. */
struct packet_claim {
    uint32_t size;
    bool csum_blank, validated;
    uint8_t gso_type; /* HV_NETIF_GSO_TYPE_* */
    uint16_t gso_size;
};

/* Where in an IP packet something is. */
struct packet_place {
    uint8_t version;    /* 4, 6 */
    uint32_t network;   /* IP's header */
    bool tcp;           /* it is TCP, and no piece of a larger packet */
    uint32_t transport; /* its header, then */
};

/* False: it is no IP packet, or its lengths are wrong. */
bool packet_find(const uint8_t *packet, uint32_t size, struct packet_place *out);

/*
 * Checks a packet whose first bytes (all of it, or at least PACKET_HEAD) are at head, and
 * makes the kernel's header for it. NULL, or why it is dropped.
 */
const char *packet_check(const uint8_t *head, const struct packet_claim *claim,
                         struct virtio_net_hdr *out);

#endif
