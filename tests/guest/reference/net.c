/* SPDX-License-Identifier: MIT */
/*
 * The network's workload: the guest answers ARP, pings, and whoever sends to its echo
 * port. It sends to that port of each peer in every size, with and without checksums and
 * segments, and compares what comes back, byte by byte; then measures; then goes on in
 * small rounds for whoever takes the back end away. What is lost is sent again.
 *
 * "TCP" here is its header only, so that large packets travel with segments to be cut.
 */
#include "front/netfront.h"
#include "packet.h"
#include "reference.h"
#include "spread.h"

#define QUEUES    2
#define SLOTS     24U /* packets on their way at once */
#define ROOM      (17 * PAGE_SIZE)
#define LEAD      6U /* unused at a packet's beginning: its data are aligned then */
#define MAX_PEERS 16U
#define NET       0x0a070000U /* 10.7.0.0 */
#define PATIENCE  300         /* times that a packet is sent */
#define AGAIN_NS  200000000UL
#define ROUND_NS  20000000UL /* rounds without end leave time for others */

struct message {
    uint32_t magic, answer, number, seed;
};
#define MAGIC 0x6f63686fU

static struct netfront net;
static uint32_t own_ip;
static uint8_t in[ROOM]; /* the packet that has come, in one piece */
static struct {
    struct net_send send;
    uint8_t *room;
    bool busy;
} slot[SLOTS];

static struct {
    uint32_t ip;
    uint8_t mac[6];
    bool known;
} peer[MAX_PEERS];
static unsigned int peers;

/* Forged packets: of ours, answered with an error; of others, come here. */
static bool forges;
static unsigned int refused, forged;

/* Multicasts that came: to the group we have named, to others'. */
static struct net_send naming;
static unsigned int own_group, other_groups;

/* What is waited for. */
static uint32_t asked, open_asks, words_wrong, sent_again;
/* The first that was asked after the back end, of this connection, had heard how to
 * spread packets. What came to it before is spread as it likes, and may wait there for
 * long. */
static uint32_t spread_from;
static unsigned int spread_connection;

/* What a packet is like, beside its size. */
enum kind { UDP_SUMMED, UDP_BLANK, TCP_BLANK, TCP_SEGMENTS };
#define SEGMENT 1400U

/* The group of the guest 10.7.0.N, with N behind it. */
static const uint8_t GROUP[5] = {0x01, 0x00, 0x5e, 0x00, 0x07};

static void finished(struct net_send *s, int error)
{
    for (unsigned int i = 0; i < SLOTS; i++)
        if (&slot[i].send == s)
            slot[i].busy = false;
    refused += error == -EIO;
}

/* Where the next packet is made, or NULL. */
static uint8_t *make_room(unsigned int *n)
{
    for (*n = 0; *n < SLOTS; ++*n)
        if (!slot[*n].busy)
            return slot[*n].room + LEAD;
    return NULL;
}

static void send(unsigned int n, uint32_t size, enum kind kind)
{
    struct net_send *s = &slot[n].send;
    uint8_t *at = slot[n].room + LEAD;

    *s = (struct net_send){.queue = n, .done = finished};
    s->packet.csum_blank = kind != UDP_SUMMED;
    if (kind == TCP_SEGMENTS) {
        s->packet.gso_type = HV_NETIF_GSO_TYPE_TCPV4;
        s->packet.gso_size = SEGMENT;
    }
    while (size) {
        uint32_t rest = (uint32_t)(PAGE_SIZE - (uintptr_t)at % PAGE_SIZE);

        rest = rest < size ? rest : size;
        s->packet.piece[s->packet.nr++] = (struct net_piece){at, rest};
        at += rest;
        size -= rest;
    }
    slot[n].busy = !netfront_send(&net, s);
    netfront_kick(&net);
}

/* ---- What comes ---- */

static uint32_t ip_at(const uint8_t *p)
{
    return get16(p) << 16 | get16(p + 2);
}

static uint32_t word(const uint8_t *p)
{
    uint32_t w;

    memcpy(&w, p, 4);
    return w;
}

static void take_arp(uint32_t size)
{
    const uint8_t *from = in + ETHER + 8;
    unsigned int n;
    uint8_t *p;

    if (size < ETHER + 28)
        return;
    for (unsigned int i = 0; i < peers; i++)
        if (peer[i].ip == ip_at(from + 6)) {
            memcpy(peer[i].mac, from, 6);
            peer[i].known = true;
        }
    if (get16(in + ETHER + 6) != 1 || ip_at(in + ETHER + 24) != own_ip)
        return;
    p = make_room(&n);
    if (p)
        send(n, packet_arp(p, true, net.mac, own_ip, from, ip_at(from + 6)), UDP_SUMMED);
}

/* Sends it back, its addresses exchanged already. */
static void send_back(uint32_t size, enum kind kind)
{
    unsigned int n;
    uint8_t *p = make_room(&n);

    if (!p)
        return;
    memcpy(p, in, size);
    packet_ether(p, in + 6, net.mac, TYPE_IP);
    send(n, size, kind);
}

static uint32_t word_of(const struct message *m, uint32_t i)
{
    return i * 2654435761U + m->seed;
}

/* Counts the words behind the message that are not what they should be. */
static uint32_t compare(const struct message *m, const uint8_t *data, uint32_t size)
{
    uint32_t wrong = 0;

    for (uint32_t i = 0; i + 4 <= size; i += 4)
        wrong += word(data + i) != word_of(m, i);
    return wrong;
}

static void take_echo(const struct net_packet *packet, uint32_t header)
{
    uint8_t *ip = in + ETHER, *data = ip + header + sizeof(struct message);
    uint32_t size = get16(ip + 2), wrong;
    enum kind kind = packet->gso_type      ? TCP_SEGMENTS
                     : !packet->csum_blank ? UDP_SUMMED
                     : ip[9] == PROTO_TCP  ? TCP_BLANK
                                           : UDP_BLANK;
    struct message m;

    if (size < header + sizeof(m))
        return;
    memcpy(&m, ip + header, sizeof(m));
    wrong = compare(&m, data, size - header - (uint32_t)sizeof(m));
    if (m.magic != MAGIC || (!packet->csum_good && !packet_sum_good(ip)))
        wrong++;
    words_wrong += wrong;
    if (m.answer) {
        if (m.number >= spread_from && net.connections == spread_connection)
            spread_check(&net, packet, ip);
        if (m.number == asked && open_asks)
            open_asks--;
        return;
    }
    m.answer = 1;
    packet_ip(ip, ip[9], ip_at(ip + 12), own_ip, size, kind != UDP_SUMMED);
    memcpy(ip + header, &m, sizeof(m));
    if (kind == UDP_SUMMED)
        packet_sum(ip);
    send_back(ETHER + size, kind);
}

/* Whether a length in its headers is more than there is. */
static bool lies(const uint8_t *ip, uint32_t size)
{
    uint32_t all = get16(ip + 2), rest = all - IP;

    if (all > size || (ip[0] & 15U) * 4 > all)
        return true;
    return ip[9] == PROTO_TCP   ? (ip[IP + 12] >> 4) * 4U > rest
           : ip[9] == PROTO_UDP ? get16(ip + IP + 4) > rest
                                : false;
}

static void take_ip(const struct net_packet *packet)
{
    uint8_t *ip = in + ETHER;
    bool whole = !(get16(ip + 6) & 0x3fff);

    if (packet->size >= ETHER + IP + TCP && ip_at(ip + 16) == own_ip && whole)
        forged += lies(ip, packet->size - ETHER);
    if (packet->size < ETHER + IP + UDP || ip[0] != 0x45 || ip_at(ip + 16) != own_ip ||
        get16(ip + 2) > packet->size - ETHER || !whole)
        return;
    if (ip[9] == PROTO_ICMP && ip[IP] == 8) {
        packet_pong(ip);
        send_back(ETHER + get16(ip + 2), UDP_SUMMED);
    } else if (ip[9] == PROTO_UDP && get16(ip + IP + 2) == ECHO_PORT) {
        take_echo(packet, IP + UDP);
    } else if (ip[9] == PROTO_TCP && get16(ip + IP + 2) == ECHO_PORT) {
        take_echo(packet, IP + TCP);
    }
}

static void receive(struct netfront *f, const struct net_packet *p)
{
    uint32_t at = 0;

    for (unsigned int i = 0; i < p->nr && at + p->piece[i].size <= ROOM; i++) {
        memcpy(in + at, p->piece[i].data, p->piece[i].size);
        at += p->piece[i].size;
    }
    if (at != p->size || at < ETHER)
        return;
    if (in[0] == GROUP[0] && in[2] == GROUP[2] && in[4] == GROUP[4]) {
        own_group += in[5] == (own_ip & 255);
        other_groups += in[5] != (own_ip & 255);
        return; /* no echo is asked for */
    }
    if (get16(in + 12) == TYPE_ARP)
        take_arp(at);
    else if (get16(in + 12) == TYPE_IP)
        take_ip(p);
}

/* ---- What is asked ---- */

/* Until something happens, or the time has come. */
static void wait_until(uint64_t ns)
{
    if (store_fired()) {
        netfront_look(&net);
        return;
    }
    port_alarm(ns);
    port_wait();
}

static void ask(unsigned int to, enum kind kind, uint32_t size)
{
    bool tcp = kind >= TCP_BLANK;
    uint32_t header = IP + (tcp ? TCP : UDP);
    struct message m = {.magic = MAGIC, .number = asked, .seed = asked * 977 + size};
    unsigned int n;
    uint8_t *p = make_room(&n), *data;

    if (!p)
        return;
    packet_ether(p, peer[to].mac, net.mac, TYPE_IP);
    packet_ip(p + ETHER, tcp ? PROTO_TCP : PROTO_UDP, peer[to].ip, own_ip, header + size,
              kind != UDP_SUMMED);
    memcpy(p + ETHER + header, &m, sizeof(m));
    data = p + ETHER + header + sizeof(m);
    for (uint32_t i = 0; i + 4 <= size - sizeof(m); i += 4) {
        uint32_t w = word_of(&m, i);

        memcpy(data + i, &w, 4);
    }
    if (kind == UDP_SUMMED)
        packet_sum(p + ETHER);
    send(n, ETHER + header + size, kind);
}

static bool resolve(unsigned int to)
{
    for (int tries = 0; !peer[to].known && tries < PATIENCE; tries++) {
        static const uint8_t nobody[6];
        uint64_t end = now_ns() + AGAIN_NS;
        unsigned int n;
        uint8_t *p = make_room(&n);

        if (p)
            send(n, packet_arp(p, false, net.mac, own_ip, nobody, peer[to].ip),
                 UDP_SUMMED);
        while (!peer[to].known && now_ns() < end)
            wait_until(end);
    }
    return peer[to].known;
}

static void name_group(void)
{
    uint8_t mac[6];

    memcpy(mac, GROUP, sizeof(GROUP));
    mac[5] = (uint8_t)own_ip;
    naming.done = finished;
    if (netfront_group(&net, &naming, mac, true))
        say("no groups\n");
    netfront_kick(&net);
}

/* Sends to a peer's group: the bridge shows that to everybody. */
static void call_group(unsigned int to)
{
    uint8_t mac[6], *p;
    unsigned int n;

    p = make_room(&n);
    if (!p)
        return;
    memcpy(mac, GROUP, sizeof(GROUP));
    mac[5] = (uint8_t)peer[to].ip;
    packet_ether(p, mac, net.mac, TYPE_IP);
    packet_ip(p + ETHER, PROTO_UDP, peer[to].ip, own_ip, 60, false);
    packet_sum(p + ETHER);
    send(n, ETHER + 60, UDP_SUMMED);
}

/* Sends packets whose headers tell wrong lengths: of all, of IP's header, TCP's, UDP's.
 */
#define FORGERIES 4
static void forge(unsigned int to)
{
    for (unsigned int kind = 0; kind < FORGERIES && resolve(to); kind++) {
        unsigned int n;
        uint8_t *p = make_room(&n), *ip = p + ETHER;

        if (!p)
            return;
        packet_ether(p, peer[to].mac, net.mac, TYPE_IP);
        packet_ip(ip, kind == 2 ? PROTO_TCP : PROTO_UDP, peer[to].ip, own_ip, 50, false);
        if (kind == 0)
            ip[2] = 1;
        else if (kind == 1)
            ip[0] = 0x4f;
        else if (kind == 2)
            ip[IP + 12] = 0xf0;
        else
            ip[IP + 4] = 1;
        send(n, ETHER + 100, UDP_SUMMED);
        while (slot[n].busy && net.state == NETFRONT_RUNNING)
            wait_until(now_ns() + AGAIN_NS);
    }
    say("forged: %u of %u refused\n", refused, FORGERIES);
}

/* `count` packets at once, and all of their answers; all again if some stay away. */
static bool exchange(unsigned int to, enum kind kind, uint32_t size, uint32_t count)
{
    if (!resolve(to))
        return false;
    words_wrong = 0;
    for (int tries = 0; tries < PATIENCE && net.state != NETFRONT_GONE; tries++) {
        uint64_t end = now_ns() + AGAIN_NS;

        asked++;
        if (!net.spread || net.connections != spread_connection)
            spread_from = asked + 1;
        spread_connection = net.connections;
        open_asks = count;
        for (uint32_t i = 0; i < count; i++)
            ask(to, kind, size);
        while (open_asks && now_ns() < end && net.state != NETFRONT_GONE)
            wait_until(end);
        if (!open_asks)
            return !words_wrong;
        sent_again++;
    }
    return false;
}

static const struct {
    const char *name;
    enum kind kind;
    uint32_t size, count;
} work[] = {{"64 bytes with their checksum", UDP_SUMMED, 64, 1},
            {"1400 bytes with their checksum", UDP_SUMMED, 1400, 1},
            {"1400 bytes with a blank checksum", UDP_BLANK, 1400, 1},
            {"a burst of packets", UDP_BLANK, 1000, 8},
            {"1000 bytes of TCP", TCP_BLANK, 1000, 1},
            {"4000 bytes in segments", TCP_SEGMENTS, 4000, 1},
            {"65000 bytes in segments", TCP_SEGMENTS, 65000, 1}};
#define WORKS (sizeof(work) / sizeof(work[0]))

static bool round_of(unsigned int to)
{
    bool good = true;

    for (unsigned int i = 0; i < WORKS; i++)
        good &= exchange(to, work[i].kind, work[i].size, work[i].count);
    return good;
}

static void measure(const char *name, enum kind kind, uint32_t size, unsigned int count)
{
    uint64_t begin = now_ns();

    for (unsigned int i = 0; i < count; i++)
        exchange(0, kind, size, 1);
    say("{\"in\":\"reference\",\"op\":\"%s\",\"ns\":%lu}\n", name,
        (unsigned long)((now_ns() - begin) / count));
}

static uint32_t number(const char **s)
{
    uint32_t n = 0;

    while (**s == ' ')
        ++*s;
    for (; **s >= '0' && **s <= '9'; ++*s)
        n = n * 10 + (uint32_t)(**s - '0');
    return n;
}

/* "N COUNT": we are 10.7.0.N, and all the guests are COUNT from 10.7.0.2 on. "N COUNT 1":
 * they have multicast groups and send forged packets, too. */
static void read_place(const char *place)
{
    uint32_t own = number(&place), count = number(&place);

    forges = number(&place);
    own_ip = NET + own;
    for (uint32_t n = 2; n < 2 + count && peers < MAX_PEERS; n++)
        if (n != own)
            peer[peers++].ip = NET + n;
}

static void talk(void)
{
    for (unsigned int i = 0; peers && i < WORKS; i++)
        say("%s: %s\n", work[i].name,
            exchange(0, work[i].kind, work[i].size, work[i].count) ? "ok" : "not ok");
    for (unsigned int to = 1; to < peers; to++)
        say("10.7.0.%u: %s\n", peer[to].ip & 255, round_of(to) ? "ok" : "not ok");
    if (peers == 1) {
        measure("round trip of 64 bytes", UDP_BLANK, 64, 50);
        measure("round trip of 65000 bytes", TCP_SEGMENTS, 65000, 10);
    }
    spread_say(&net);
    if (forges) {
        name_group();
        forge(0);
    }
    for (uint32_t n = 0; net.state != NETFRONT_GONE; n++) {
        uint64_t end = now_ns() + ROUND_NS;
        bool good =
            (!peers || round_of(n % peers)) && !forged && !(net.groups && other_groups);

        if (peers && net.state != NETFRONT_GONE)
            say("round %u %s, connection %u, again %u, group %u\n", n,
                good ? "ok" : "failed", net.connections, sent_again, own_group);
        if (forges)
            call_group(n % peers);
        while (net.state != NETFRONT_GONE && now_ns() < end)
            wait_until(end);
    }
}

void net_main(const char *front, const char *place)
{
    for (unsigned int i = 0; i < SLOTS; i++)
        slot[i].room = front_pages(ROOM / PAGE_SIZE);
    read_place(place);
    net.receive = receive;
    net.hash = &spread_hash;
    net.want_groups = forges;
    if (netfront_start(&net, front, QUEUES)) {
        say("no device at %s\n", front);
        return;
    }
    store_watch(net.bus.back);
    while (net.state == NETFRONT_STARTING || net.state == NETFRONT_OFFERED)
        wait_until(now_ns() + AGAIN_NS);
    say("network interface, %u queues, %s event channels, %u peers\n", net.nr_queues,
        net.split ? "split" : "single", peers);
    talk();
    spread_say(&net);
    say("the network is gone\n");
}
