/* SPDX-License-Identifier: MIT */
/* Packets of the reference guest: as much of ARP, IPv4, UDP and TCP as an echo needs. */
#ifndef TESTS_GUEST_REFERENCE_PACKET_H
#define TESTS_GUEST_REFERENCE_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#define ETHER      14U
#define IP         20U
#define UDP        8U
#define TCP        20U

#define TYPE_IP    0x0800
#define TYPE_ARP   0x0806
#define PROTO_ICMP 1
#define PROTO_TCP  6
#define PROTO_UDP  17
#define ECHO_PORT  7000

uint32_t get16(const uint8_t *p);

void packet_ether(uint8_t *p, const uint8_t to[6], const uint8_t from[6], uint32_t type);
/*
 * The headers of a packet of `size` bytes from IP's on; with `blank`, and the pseudo
 * header's checksum in place of its own.
 */
void packet_ip(uint8_t *ip, uint8_t proto, uint32_t to, uint32_t from, uint32_t size,
               bool blank);
/* Fills in UDP's or TCP's checksum, and compares it. */
void packet_sum(uint8_t *ip);
bool packet_sum_good(const uint8_t *ip);
/* Makes an answer to a ping of it. */
void packet_pong(uint8_t *ip);
/* Asks who has to_ip, or answers; its size. */
uint32_t packet_arp(uint8_t *p, bool answer, const uint8_t mac[6], uint32_t ip,
                    const uint8_t to_mac[6], uint32_t to_ip);

#endif
