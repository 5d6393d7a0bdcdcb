/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "abi/io/netif.h"
#include "netback/packet.h"

#define TYPE_IPV4      0x0800
#define TYPE_IPV6      0x86dd
#define TYPE_VLAN      0x8100
#define TYPE_QINQ      0x88a8
#define MAX_TAGS       2
#define MAX_OPTIONS    8 /* headers between IPv6's and the next protocol's */

#define PROTO_HOPOPTS  0
#define PROTO_TCP      6
#define PROTO_UDP      17
#define PROTO_ROUTING  43
#define PROTO_FRAGMENT 44
#define PROTO_AH       51
#define PROTO_DSTOPTS  60

/* A packet while it is read. `end` is where the innermost length that was read ends. */
struct view {
    const uint8_t *head;
    uint32_t seen, end;   /* bytes at head, bytes of the packet */
    uint32_t at, network; /* of IP's header */
    uint8_t version, proto;
    bool fragment; /* a piece of a larger packet */
    bool later;    /* not its first piece: no header of a protocol follows */
};

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

/* Whether n bytes from here are in the packet, and seen. */
static bool has(const struct view *v, uint32_t n)
{
    return v->at + n <= v->end && v->at + n <= v->seen;
}

static const char *read_ipv4(struct view *v)
{
    const uint8_t *ip = v->head + v->at;
    uint32_t header, total;
    uint16_t offset;

    if (!has(v, 20) || ip[0] >> 4 != 4)
        return "an IPv4 header is cut short";
    header = (ip[0] & 15) * 4U;
    total = get16(ip + 2);
    if (header < 20 || header > total || !has(v, header))
        return "an IPv4 header's length is wrong";
    if (total > v->end - v->at)
        return "an IPv4 packet is shorter than it says";
    offset = get16(ip + 6);
    v->version = 4;
    v->network = v->at;
    v->proto = ip[9];
    v->fragment = offset & 0x3fff;
    v->later = offset & 0x1fff;
    v->end = v->at + total;
    v->at += header;
    return NULL;
}

/* The headers between IPv6's and the next protocol's. */
static const char *read_options(struct view *v)
{
    for (unsigned int n = 0; n < MAX_OPTIONS && !v->later; n++) {
        const uint8_t *option = v->head + v->at;
        uint32_t length = 8;

        if (v->proto != PROTO_HOPOPTS && v->proto != PROTO_ROUTING &&
            v->proto != PROTO_DSTOPTS && v->proto != PROTO_FRAGMENT &&
            v->proto != PROTO_AH)
            return NULL;
        if (!has(v, 8))
            return "an IPv6 option is cut short";
        if (v->proto == PROTO_AH)
            length = (option[1] + 2U) * 4;
        else if (v->proto != PROTO_FRAGMENT)
            length = (option[1] + 1U) * 8;
        if (length > v->end - v->at)
            return "an IPv6 option's length is wrong";
        if (v->proto == PROTO_FRAGMENT) {
            v->fragment = get16(option + 2) & 0xfff9;
            v->later = get16(option + 2) & 0xfff8;
        }
        v->proto = option[0];
        v->at += length;
    }
    return v->later ? NULL : "there are too many IPv6 options";
}

static const char *read_ipv6(struct view *v)
{
    const uint8_t *ip = v->head + v->at;
    uint32_t payload;

    if (!has(v, 40) || ip[0] >> 4 != 6)
        return "an IPv6 header is cut short";
    payload = get16(ip + 4);
    if (payload > v->end - v->at - 40)
        return "an IPv6 packet is shorter than it says";
    v->version = 6;
    v->network = v->at;
    v->proto = ip[6];
    v->end = v->at + 40 + payload;
    v->at += 40;
    return read_options(v);
}

static const char *read_tcp(struct view *v, uint32_t *header)
{
    const uint8_t *tcp = v->head + v->at;

    if (!has(v, 20))
        return "a TCP header is cut short";
    *header = (tcp[12] >> 4) * 4U;
    if (*header < 20 || *header > v->end - v->at)
        return "a TCP header's length is wrong";
    return NULL;
}

static const char *read_udp(struct view *v)
{
    const uint8_t *udp = v->head + v->at;

    if (!has(v, 8))
        return "a UDP header is cut short";
    /* The length spans all fragments. */
    if (get16(udp + 4) < 8 || (!v->fragment && get16(udp + 4) > v->end - v->at))
        return "a UDP header's length is wrong";
    return NULL;
}

/* The network's header, behind Ethernet's and its tags. */
static const char *read_network(struct view *v)
{
    uint16_t type = get16(v->head + 12);

    v->at = 14;
    for (unsigned int n = 0; n < MAX_TAGS && (type == TYPE_VLAN || type == TYPE_QINQ);
         n++) {
        if (!has(v, 4))
            return "a VLAN tag is cut short";
        type = get16(v->head + v->at + 2);
        v->at += 4;
    }
    if (type == TYPE_IPV4)
        return read_ipv4(v);
    if (type == TYPE_IPV6)
        return read_ipv6(v);
    return NULL;
}

bool packet_find(const uint8_t *packet, uint32_t size, struct packet_place *out)
{
    struct view v = {
        .head = packet, .seen = size < PACKET_HEAD ? size : PACKET_HEAD, .end = size};

    if (size < PACKET_MIN || read_network(&v) || !v.version)
        return false;
    *out =
        (struct packet_place){.version = v.version,
                              .network = v.network,
                              .tcp = v.proto == PROTO_TCP && !v.fragment && has(&v, 20),
                              .transport = v.at};
    return true;
}

static const char *ask_checksum(const struct view *v, struct virtio_net_hdr *out)
{
    if (v->fragment || !v->version || (v->proto != PROTO_TCP && v->proto != PROTO_UDP))
        return "a checksum is asked for where there is none";
    out->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    out->csum_start = (uint16_t)v->at;
    out->csum_offset = v->proto == PROTO_TCP ? 16 : 6;
    out->hdr_len = (uint16_t)(v->at + (v->proto == PROTO_TCP ? 20 : 8));
    return NULL;
}

static const char *ask_segments(const struct view *v, const struct packet_claim *claim,
                                uint32_t header, struct virtio_net_hdr *out)
{
    uint8_t version = claim->gso_type == HV_NETIF_GSO_TYPE_TCPV4 ? 4 : 6;

    if (v->version != version || v->proto != PROTO_TCP)
        return "segments are asked for of what is no TCP";
    if (!claim->csum_blank)
        return "segments are asked for with a checksum that is not blank";
    if (claim->gso_size < PACKET_MIN_GSO || claim->gso_size > claim->size)
        return "segments of a size that makes no sense are asked for";
    out->gso_type = version == 4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
    out->gso_size = claim->gso_size;
    out->hdr_len = (uint16_t)(v->at + header);
    return NULL;
}

const char *packet_check(const uint8_t *head, const struct packet_claim *claim,
                         struct virtio_net_hdr *out)
{
    struct view v = {.head = head,
                     .seen = claim->size < PACKET_HEAD ? claim->size : PACKET_HEAD,
                     .end = claim->size};
    const char *why = NULL;
    uint32_t header = 0;

    memset(out, 0, sizeof(*out));
    if (claim->size < PACKET_MIN)
        return "a packet is shorter than an Ethernet header";
    why = read_network(&v);
    if (!why && v.version && !v.later && v.proto == PROTO_TCP)
        why = read_tcp(&v, &header);
    else if (!why && v.version && !v.later && v.proto == PROTO_UDP)
        why = read_udp(&v);
    if (!why && claim->csum_blank)
        why = ask_checksum(&v, out);
    else if (!why && claim->validated)
        out->flags = VIRTIO_NET_HDR_F_DATA_VALID;
    if (!why && claim->gso_type != HV_NETIF_GSO_TYPE_NONE)
        why = ask_segments(&v, claim, header, out);
    return why;
}
