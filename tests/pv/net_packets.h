/* SPDX-License-Identifier: MIT */
/* Packets as guests send them, good in all respects. */
#ifndef NET_PACKETS_H
#define NET_PACKETS_H

#include <stdint.h>
#include <string.h>

#define ETHER 14U

static inline void put16(uint8_t *p, unsigned int n)
{
    p[0] = (uint8_t)(n >> 8);
    p[1] = (uint8_t)n;
}

static inline void make_ether(uint8_t *p, unsigned int type)
{
    memcpy(p, "\x00\x16\x3e\x01\x02\x03\x00\x16\x3e\x04\x05\x06", 12);
    put16(p + 12, type);
}

/* An IPv4 packet of `size` bytes in all, with 20 bytes of header. */
static inline uint8_t *make_ipv4(uint8_t *p, unsigned int size, uint8_t proto)
{
    uint8_t *ip = p + ETHER;

    memset(p, 0, size);
    make_ether(p, 0x0800);
    ip[0] = 0x45;
    put16(ip + 2, size - ETHER);
    ip[8] = 64;
    ip[9] = proto;
    memcpy(ip + 12, "\x0a\x07\x00\x02\x0a\x07\x00\x01", 8);
    return ip + 20;
}

static inline uint8_t *make_ipv6(uint8_t *p, unsigned int size, uint8_t proto)
{
    uint8_t *ip = p + ETHER;

    memset(p, 0, size);
    make_ether(p, 0x86dd);
    ip[0] = 0x60;
    put16(ip + 4, size - ETHER - 40);
    ip[6] = proto;
    ip[7] = 64;
    return ip + 40;
}

static inline void make_tcp(uint8_t *tcp)
{
    put16(tcp, 4000);
    put16(tcp + 2, 80);
    tcp[12] = 5 << 4;
}

static inline void make_udp(uint8_t *udp, unsigned int size)
{
    put16(udp, 4000);
    put16(udp + 2, 53);
    put16(udp + 4, size);
}

#endif
