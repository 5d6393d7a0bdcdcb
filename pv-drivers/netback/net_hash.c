/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "abi/io/netif.h"
#include "netback/net_hash.h"
#include "netback/packet.h"

/* A window of 32 bits moves over the key, a bit for each bit of the data. */
uint32_t net_toeplitz(const uint8_t key[NET_HASH_KEY], const uint8_t *data,
                      unsigned int n)
{
    uint64_t window = 0; /* those 32 bits, and below them the next eight */
    uint32_t hash = 0;

    for (unsigned int i = 0; i < 4; i++)
        window = window << 8 | key[i];
    for (unsigned int i = 0; i < n; i++) {
        window = window << 8 | key[i + 4];
        for (unsigned int bit = 0; bit < 8; bit++)
            if (data[i] & (0x80U >> bit))
                hash ^= (uint32_t)(window >> (8 - bit));
    }
    return hash;
}

bool net_hash_wanted(const struct net_hash *h)
{
    return h && h->algorithm != HV_NETIF_CTRL_HASH_ALGORITHM_NONE && h->types;
}

struct net_flow net_hash_flow(const struct net_hash *h, const uint8_t *packet,
                              uint32_t size)
{
    struct packet_place at;
    uint8_t input[NET_HASH_KEY - 4];
    unsigned int addresses, type;

    if (!packet_find(packet, size, &at))
        return (struct net_flow){.hashed = false};
    addresses = at.version == 4 ? 8 : 32;
    type = at.version == 4 ? 0 : 2;
    memcpy(input, packet + at.network + (at.version == 4 ? 12 : 8), addresses);
    if (at.tcp && (h->types >> (type + 1) & 1)) {
        memcpy(input + addresses, packet + at.transport, 4);
        addresses += 4;
        type++;
    }
    if (!(h->types >> type & 1))
        return (struct net_flow){.hashed = false};
    return (struct net_flow){.hashed = true,
                             .type = (uint8_t)type,
                             .value = net_toeplitz(h->key, input, addresses)};
}

unsigned int net_hash_queue(const struct net_hash *h, uint32_t value, unsigned int queues)
{
    uint32_t entries = h->entries;

    /* Each entry was checked; but one that was killed may have left half of a table. */
    return (entries && entries <= NET_HASH_MAPPING ? h->queue[value % entries] : value) %
           queues;
}
