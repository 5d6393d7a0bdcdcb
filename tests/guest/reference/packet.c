/* SPDX-License-Identifier: MIT */
/* See packet.h. */
#include "packet.h"
#include "guest.h"

static void put16(uint8_t *p, uint32_t n)
{
    p[0] = (uint8_t)(n >> 8);
    p[1] = (uint8_t)n;
}

uint32_t get16(const uint8_t *p)
{
    return (uint32_t)(p[0] << 8 | p[1]);
}

/* Adds n bytes to a sum as IP's checksum is made. */
static uint32_t add(uint32_t sum, const uint8_t *p, uint32_t n)
{
    uint64_t all = sum;

    for (; n > 1; n -= 2, p += 2)
        all += get16(p);
    if (n)
        all += (uint32_t)*p << 8;
    while (all >> 16)
        all = (all & 0xffff) + (all >> 16);
    return (uint32_t)all;
}

/* Of a packet from its IP header on: protocol, length and addresses. */
static uint32_t pseudo_sum(const uint8_t *ip)
{
    return add(ip[9] + get16(ip + 2) - IP, ip + 12, 8);
}

void packet_ether(uint8_t *p, const uint8_t to[6], const uint8_t from[6], uint32_t type)
{
    memcpy(p, to, 6);
    memcpy(p + 6, from, 6);
    put16(p + 12, type);
}

static uint8_t *checksum_at(uint8_t *ip)
{
    return ip + IP + (ip[9] == PROTO_TCP ? 16 : 6);
}

void packet_ip(uint8_t *ip, uint8_t proto, uint32_t to, uint32_t from, uint32_t size,
               bool blank)
{
    memset(ip, 0, IP + TCP);
    ip[0] = 0x45;
    put16(ip + 2, size);
    ip[6] = 0x40; /* not to be cut */
    ip[8] = 64;
    ip[9] = proto;
    put16(ip + 12, from >> 16);
    put16(ip + 14, from);
    put16(ip + 16, to >> 16);
    put16(ip + 18, to);
    put16(ip + 10, ~add(0, ip, IP));
    put16(ip + IP, ECHO_PORT);
    put16(ip + IP + 2, ECHO_PORT);
    if (proto == PROTO_TCP) {
        ip[IP + 12] = TCP / 4 << 4;
        ip[IP + 13] = 0x18; /* ACK, PSH */
    } else {
        put16(ip + IP + 4, size - IP);
    }
    if (blank)
        put16(checksum_at(ip), pseudo_sum(ip));
}

void packet_sum(uint8_t *ip)
{
    uint32_t sum = ~add(pseudo_sum(ip), ip + IP, get16(ip + 2) - IP) & 0xffff;

    put16(checksum_at(ip), sum || ip[9] == PROTO_TCP ? sum : 0xffff);
}

bool packet_sum_good(const uint8_t *ip)
{
    return add(pseudo_sum(ip), ip + IP, get16(ip + 2) - IP) == 0xffff;
}

/* Addresses change places, and a request becomes an answer: the sum follows. */
void packet_pong(uint8_t *ip)
{
    uint8_t from[4];

    memcpy(from, ip + 12, 4);
    memcpy(ip + 12, ip + 16, 4);
    memcpy(ip + 16, from, 4);
    ip[IP] = 0;
    put16(ip + IP + 2, 0);
    put16(ip + IP + 2, ~add(0, ip + IP, get16(ip + 2) - IP));
}

uint32_t packet_arp(uint8_t *p, bool answer, const uint8_t mac[6], uint32_t ip,
                    const uint8_t to_mac[6], uint32_t to_ip)
{
    static const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

    packet_ether(p, answer ? to_mac : all, mac, TYPE_ARP);
    memcpy(p + ETHER, "\0\1\10\0\6\4\0", 7);
    p[ETHER + 7] = answer ? 2 : 1;
    memcpy(p + ETHER + 8, mac, 6);
    put16(p + ETHER + 14, ip >> 16);
    put16(p + ETHER + 16, ip);
    memcpy(p + ETHER + 18, to_mac, 6);
    put16(p + ETHER + 24, to_ip >> 16);
    put16(p + ETHER + 26, to_ip);
    return ETHER + 28;
}
