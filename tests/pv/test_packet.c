/* SPDX-License-Identifier: MIT */
/* What is believed of a packet's headers. */
#include "abi/io/netif.h"
#include "net_packets.h"
#include "netback/packet.h"
#include "unit.h"

#define SIZE 1000U

static uint8_t packet[SIZE];
static struct packet_claim claim;
static struct virtio_net_hdr header;

static void prepare(void)
{
    claim = (struct packet_claim){.size = SIZE};
}

static void passes(void)
{
    const char *why = packet_check(packet, &claim, &header);

    ck_assert_msg(!why, "refused: %s", why);
}

static void is_dropped(const char *want)
{
    const char *why = packet_check(packet, &claim, &header);

    ck_assert_msg(why != NULL, "it passes: %s", want);
    ck_assert_msg(strstr(why, want) != NULL, "%s, not %s", why, want);
}

static uint8_t *tcp4(void)
{
    uint8_t *tcp = make_ipv4(packet, SIZE, 6);

    make_tcp(tcp);
    return tcp;
}

START_TEST(plain_packets_pass_as_they_are)
{
    tcp4();
    passes();
    ck_assert_uint_eq(header.flags, 0);
    ck_assert_uint_eq(header.gso_type, VIRTIO_NET_HDR_GSO_NONE);
    make_udp(make_ipv4(packet, SIZE, 17), SIZE - ETHER - 20);
    passes();
    make_udp(make_ipv6(packet, SIZE, 17), SIZE - ETHER - 40);
    passes();
    make_ipv4(packet, SIZE, 1);
    passes();
    make_ether(packet, 0x0806);
    passes();
    claim.size = PACKET_MIN;
    passes();
    claim.size = SIZE;
    claim.validated = true;
    tcp4();
    passes();
    ck_assert_uint_eq(header.flags, VIRTIO_NET_HDR_F_DATA_VALID);
}
END_TEST

START_TEST(a_frame_may_be_longer_than_its_packet)
{
    make_udp(make_ipv4(packet, 60, 17), 60 - ETHER - 20);
    passes();
    put16(packet + ETHER + 2, 30);
    put16(packet + ETHER + 24, 10);
    passes();
}
END_TEST

START_TEST(checksums_are_asked_for_where_they_belong)
{
    claim.csum_blank = true;
    tcp4();
    passes();
    ck_assert_uint_eq(header.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
    ck_assert_uint_eq(header.csum_start, ETHER + 20);
    ck_assert_uint_eq(header.csum_offset, 16);
    make_udp(make_ipv6(packet, SIZE, 17), SIZE - ETHER - 40);
    passes();
    ck_assert_uint_eq(header.csum_start, ETHER + 40);
    ck_assert_uint_eq(header.csum_offset, 6);
    make_ipv4(packet, SIZE, 1);
    is_dropped("checksum is asked for where there is none");
    make_ether(packet, 0x0806);
    is_dropped("checksum is asked for where there is none");
    tcp4();
    put16(packet + ETHER + 6, 0x2000); /* the first fragment */
    is_dropped("checksum is asked for where there is none");
}
END_TEST

START_TEST(segments_are_asked_for_of_tcp_only)
{
    claim.csum_blank = true;
    claim.gso_type = HV_NETIF_GSO_TYPE_TCPV4;
    claim.gso_size = 500;
    tcp4()[12] = 8 << 4;
    passes();
    ck_assert_uint_eq(header.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
    ck_assert_uint_eq(header.gso_size, 500);
    ck_assert_uint_eq(header.hdr_len, ETHER + 20 + 32);
    claim.gso_type = HV_NETIF_GSO_TYPE_TCPV6;
    is_dropped("what is no TCP");
    make_tcp(make_ipv6(packet, SIZE, 6));
    passes();
    ck_assert_uint_eq(header.gso_type, VIRTIO_NET_HDR_GSO_TCPV6);
    make_udp(make_ipv6(packet, SIZE, 17), SIZE - ETHER - 40);
    is_dropped("what is no TCP");
    make_tcp(make_ipv6(packet, SIZE, 6));
    claim.gso_size = 1;
    is_dropped("makes no sense");
    claim.gso_size = 0xffff;
    is_dropped("makes no sense");
    claim.gso_size = 500;
    claim.csum_blank = false;
    is_dropped("checksum that is not blank");
}
END_TEST

START_TEST(forged_ipv4_lengths_are_dropped)
{
    tcp4();
    put16(packet + ETHER + 2, SIZE - ETHER + 1);
    is_dropped("shorter than it says");
    put16(packet + ETHER + 2, 19);
    is_dropped("length is wrong");
    tcp4();
    packet[ETHER] = 0x44;
    is_dropped("length is wrong");
    packet[ETHER] = 0x65;
    is_dropped("cut short");
    tcp4();
    claim.size = ETHER + 19;
    is_dropped("cut short");
    packet[ETHER] = 0x4f; /* options that are not there */
    claim.size = ETHER + 40;
    put16(packet + ETHER + 2, 40);
    is_dropped("length is wrong");
}
END_TEST

START_TEST(forged_ipv6_lengths_are_dropped)
{
    uint8_t *next = make_ipv6(packet, SIZE, 0);

    put16(packet + ETHER + 4, SIZE - ETHER - 39);
    is_dropped("shorter than it says");
    make_ipv6(packet, SIZE, 0);
    next[0] = 6;
    next[1] = 255; /* an option of 2 KiB */
    is_dropped("option's length is wrong");
    next[1] = 0;
    make_tcp(next + 8);
    passes();
    memset(next, 0, 200); /* options without end */
    is_dropped("too many IPv6 options");
    put16(packet + ETHER + 4, 4);
    is_dropped("option is cut short");
    make_ipv6(packet, SIZE, 44)[0] = 6;
    put16(packet + ETHER + 42, 8); /* a later fragment: anything may follow */
    passes();
    put16(packet + ETHER + 42, 0);
    is_dropped("TCP header's length");
}
END_TEST

START_TEST(forged_tcp_and_udp_lengths_are_dropped)
{
    uint8_t *udp;

    tcp4()[12] = 4 << 4;
    is_dropped("TCP header's length is wrong");
    claim.size = ETHER + 20 + 24;
    make_tcp(make_ipv4(packet, claim.size, 6));
    passes();
    packet[ETHER + 20 + 12] = 15 << 4;
    is_dropped("TCP header's length is wrong");
    claim.size = ETHER + 20 + 19;
    make_ipv4(packet, claim.size, 6);
    is_dropped("TCP header is cut short");
    claim.size = SIZE;
    udp = make_ipv4(packet, SIZE, 17);
    make_udp(udp, SIZE - ETHER - 19);
    is_dropped("UDP header's length is wrong");
    make_udp(udp, 7);
    is_dropped("UDP header's length is wrong");
    make_udp(udp, 2000);
    put16(packet + ETHER + 6, 0x2000); /* of all its fragments */
    passes();
}
END_TEST

START_TEST(tags_are_looked_behind)
{
    uint8_t inner[SIZE];

    make_tcp(make_ipv4(inner, SIZE - 4, 6));
    memcpy(packet, inner, 12);
    put16(packet + 12, 0x8100);
    put16(packet + 14, 5);
    memcpy(packet + 16, inner + 12, SIZE - 16);
    claim.csum_blank = true;
    passes();
    ck_assert_uint_eq(header.csum_start, ETHER + 4 + 20);
    put16(packet + 18 + 2, SIZE);
    is_dropped("shorter than it says");
    claim.size = ETHER + 2;
    is_dropped("VLAN tag is cut short");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {plain_packets_pass_as_they_are,
                                  a_frame_may_be_longer_than_its_packet,
                                  checksums_are_asked_for_where_they_belong,
                                  segments_are_asked_for_of_tcp_only,
                                  forged_ipv4_lengths_are_dropped,
                                  forged_ipv6_lengths_are_dropped,
                                  forged_tcp_and_udp_lengths_are_dropped,
                                  tags_are_looked_behind,
                                  NULL};

    return unit_run("packet", prepare, tests);
}
