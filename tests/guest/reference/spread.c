/* SPDX-License-Identifier: MIT */
/*
 * Received packets are to be hashed and spread over the queues as we say. Each is
 * checked: the hash is computed here once more, from the other end of the definition, bit
 * by bit.
 */
#include "spread.h"
#include "guest.h"
#include "packet.h"
#include "reference.h"

#define TYPE_ADDRESSES 0
#define TYPE_PORTS     1

const struct netfront_hash spread_hash = {
    .types = HV_NETIF_CTRL_HASH_TYPE_IPV4 | HV_NETIF_CTRL_HASH_TYPE_IPV4_TCP,
    .key = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
            0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
            0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
            0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa},
    .entries = 8,
    .queue = {1, 0, 0, 1, 1, 0, 0, 1}};

static unsigned int right, wrong, plain, by_queue[NETFRONT_MAX_QUEUES];

static uint32_t key_bit(unsigned int n)
{
    return spread_hash.key[n / 8] >> (7 - n % 8) & 1;
}

static uint32_t toeplitz(const uint8_t *data, unsigned int bytes)
{
    uint32_t hash = 0;

    for (unsigned int n = 0; n < bytes * 8; n++) {
        uint32_t window = 0;

        if (!(data[n / 8] >> (7 - n % 8) & 1))
            continue;
        for (unsigned int i = 0; i < 32; i++)
            window = window << 1 | key_bit(n + i);
        hash ^= window;
    }
    return hash;
}

void spread_check(const struct netfront *f, const struct net_packet *p, const uint8_t *ip)
{
    bool tcp = ip[9] == PROTO_TCP;

    /* Until the back end has heard all, it does what it likes. */
    if (!f->spread)
        return;
    by_queue[p->queue]++;
    if (!p->hashed) {
        plain++;
        return;
    }
    /* Addresses and ports stand behind each other when there are no options. */
    if (p->hash_type == (tcp ? TYPE_PORTS : TYPE_ADDRESSES) &&
        p->hash == toeplitz(ip + 12, tcp ? 12 : 8) &&
        p->queue == spread_hash.queue[p->hash % spread_hash.entries] % f->nr_queues)
        right++;
    else
        wrong++;
}

void spread_say(const struct netfront *f)
{
    say("hashes: %s, %u right, %u wrong, %u without, by queue %u and %u\n",
        f->spread ? "agreed" : "not agreed", right, wrong, plain, by_queue[0],
        by_queue[1]);
}
