/* SPDX-License-Identifier: MIT */
/*
 * What a front end asks for by the control ring: that packets to it carry a hash of their
 * flow, and come by the queue that it has for that hash. No pointers: it outlives the
 * worker, and may be half changed when that is killed.
 *
 * Reference: Xen public interface, io/netif.h, "Hash types", "Hash algorithms".
 */
#ifndef NETBACK_NET_HASH_H
#define NETBACK_NET_HASH_H

#include <stdbool.h>
#include <stdint.h>

#define NET_HASH_KEY     40U /* bytes: for two IPv6 addresses and ports */
#define NET_HASH_MAPPING 128U
#define NET_HASH_TYPES                                                                   \
    (HV_NETIF_CTRL_HASH_TYPE_IPV4 | HV_NETIF_CTRL_HASH_TYPE_IPV4_TCP |                   \
     HV_NETIF_CTRL_HASH_TYPE_IPV6 | HV_NETIF_CTRL_HASH_TYPE_IPV6_TCP)

struct net_hash {
    uint32_t algorithm; /* HV_NETIF_CTRL_HASH_ALGORITHM_* */
    uint32_t types;     /* HV_NETIF_CTRL_HASH_TYPE_* that are wanted */
    uint8_t key[NET_HASH_KEY];
    uint32_t entries; /* of queue[]; 0: the hash itself, modulo the number of queues */
    uint32_t queue[NET_HASH_MAPPING];
};

/* A packet's: `type` is the number of a bit of HV_NETIF_CTRL_HASH_TYPE_*. */
struct net_flow {
    bool hashed;
    uint8_t type;
    uint32_t value;
};

/* Toeplitz' hash of n bytes, at most four less than the key's. */
uint32_t net_toeplitz(const uint8_t key[NET_HASH_KEY], const uint8_t *data,
                      unsigned int n);

/* Whether hashing is wanted. NULL: there is no control ring. */
bool net_hash_wanted(const struct net_hash *h);
/* The hash of a packet, of the most specific type that is wanted. */
struct net_flow net_hash_flow(const struct net_hash *h, const uint8_t *packet,
                              uint32_t size);
/* The queue for it, of so many. */
unsigned int net_hash_queue(const struct net_hash *h, uint32_t value,
                            unsigned int queues);

#endif
