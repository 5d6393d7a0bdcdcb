/* SPDX-License-Identifier: MIT */
/*
 * Hashing, as a front end asks for it by the control ring: Microsoft's vectors for the
 * verification of RSS, rings good and hostile, and packets that are spread over queues.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fake_door.h"
#include "net_packets.h"
#include "netback/net_ctrl.h"
#include "netback/net_queue.h"
#include "unit.h"

#define CTRL_REF 0
#define DATA_REF 1
#define RING_REF 2 /* tx and rx of each queue */
#define RX_DATA  32
#define RX_SLOTS 256U
#define QUEUES   3U
#define ALL      15U

static struct net_ctrl ctrl;
static struct net_ctrl_journal state;
static struct ring_front ring, rx[QUEUES];
static struct net_device dev;
static struct net_queue queue[QUEUES];
static struct net_journal journal[QUEUES];
static int wire[QUEUES];
static uint8_t packet[2000];

static const uint8_t key[NET_HASH_KEY] = {
    0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
    0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
    0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

/* "Verifying the RSS Hash Calculation", Windows' network driver design guide. */
static const struct vector {
    const char *to, *from;
    uint16_t to_port, from_port;
    uint32_t addresses, ports;
} vectors[] = {
    {"161.142.100.80", "66.9.149.187", 1766, 2794, 0x323e8fc2, 0x51ccc178},
    {"65.69.140.83", "199.92.111.2", 4739, 14230, 0xd718262a, 0xc626b0ea},
    {"12.22.207.184", "24.19.198.95", 38024, 12898, 0xd2d0a5de, 0x5c2b394a},
    {"209.142.163.6", "38.27.205.30", 2217, 48228, 0x82989176, 0xafc7327f},
    {"202.188.127.2", "153.39.163.191", 1303, 44251, 0x5d1809c5, 0x10e828a2},
    {"3ffe:2501:200:3::1", "3ffe:2501:200:1fff::7", 1766, 2794, 0x2cc18cd5, 0x40207d3d},
    {"ff02::1", "3ffe:501:8::260:97ff:fe40:efab", 4739, 14230, 0x0f0c461c, 0xdde51bbf},
    {"fe80::200:f8ff:fe21:67cf", "3ffe:1900:4545:3:200:f8ff:fe21:67cf", 38024, 44251,
     0x4b61e985, 0x02d1feef}};
#define VECTORS (sizeof(vectors) / sizeof(vectors[0]))

#define SIZE    200U

static uint8_t *make(const struct vector *v, uint8_t proto)
{
    bool v6 = strchr(v->to, ':');
    uint8_t *l4 = v6 ? make_ipv6(packet, SIZE, proto) : make_ipv4(packet, SIZE, proto);
    uint8_t *from = packet + ETHER + (v6 ? 8 : 12);

    inet_pton(v6 ? AF_INET6 : AF_INET, v->from, from);
    inet_pton(v6 ? AF_INET6 : AF_INET, v->to, from + (v6 ? 16 : 4));
    make_tcp(l4);
    put16(l4, v->from_port);
    put16(l4 + 2, v->to_port);
    return l4;
}

static void prepare(void)
{
    fake_open();
    memset(&state, 0, sizeof(state));
    ring_front_init(&ring, fake_page[CTRL_REF], PAGE_SIZE, NET_CTRL_SLOT);
    ctrl = (struct net_ctrl){.journal = &state,
                             .domid = 1,
                             .queues = QUEUES,
                             .page = door_grants_pages(NULL, 1)};
    net_ctrl_open(&ctrl, fake_page[CTRL_REF], false);
}

static void complain(const char *line)
{
    ck_abort_msg("%s", line);
}

static void open_queues(void)
{
    dev = (struct net_device){.domid = 1,
                              .can_sg = true,
                              .complain = complain,
                              .hash = &state.hash,
                              .queues = queue,
                              .nr_queues = QUEUES};
    for (unsigned int i = 0; i < QUEUES; i++) {
        unsigned int at = RING_REF + 2 * i;
        struct ring_front tx;
        int ends[2];

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends), 0);
        wire[i] = ends[1];
        ring_front_init(&tx, fake_page[at], PAGE_SIZE, NET_TX_SLOT);
        ring_front_init(&rx[i], fake_page[at + 1], PAGE_SIZE, NET_RX_SLOT);
        ck_assert_int_eq(net_queue_open(&queue[i], &dev, fake_page[at], fake_page[at + 1],
                                        ends[0], &journal[i], false),
                         0);
    }
}

static void give_pages(unsigned int n, unsigned int nr)
{
    for (unsigned int i = 0; i < nr; i++) {
        struct hv_netif_rx_request req = {.id = (uint16_t)i, .gref = RX_DATA + i};

        ck_assert(ring_front_put(&rx[n], &req, sizeof(req)));
    }
    ring_front_push(&rx[n]);
}

/* ---- The control ring ---- */

static uint16_t next_id;

static void put_request(unsigned int type, uint32_t a, uint32_t b, uint32_t c)
{
    const struct hv_netif_ctrl_request req = {
        .id = ++next_id, .type = (uint16_t)type, .data = {a, b, c}};

    ck_assert(ring_front_put(&ring, &req, sizeof(req)));
    ring_front_push(&ring);
}

static uint32_t take_answer(unsigned int type, uint32_t *data)
{
    struct hv_netif_ctrl_response rsp;

    ck_assert_int_eq(ring_front_take(&ring, &rsp, sizeof(rsp)), 1);
    ck_assert_uint_eq(rsp.id, next_id);
    ck_assert_uint_eq(rsp.type, type);
    *data = rsp.data;
    return rsp.status;
}

static uint32_t request3(unsigned int type, uint32_t a, uint32_t b, uint32_t c)
{
    uint32_t data;
    bool notify;

    put_request(type, a, b, c);
    ck_assert_int_eq(net_ctrl_run(&ctrl, &notify), 0);
    return take_answer(type, &data);
}

static uint32_t request(unsigned int type, uint32_t a)
{
    return request3(type, a, 0, 0);
}

static uint32_t asked(unsigned int type)
{
    uint32_t data;
    bool notify;

    put_request(type, 0, 0, 0);
    ck_assert_int_eq(net_ctrl_run(&ctrl, &notify), 0);
    ck_assert_uint_eq(take_answer(type, &data), HV_NETIF_CTRL_STATUS_SUCCESS);
    return data;
}

static uint32_t set_key(uint32_t size)
{
    memcpy(fake_page[DATA_REF], key, sizeof(key));
    return request3(HV_NETIF_CTRL_TYPE_SET_HASH_KEY, DATA_REF, size, 0);
}

static uint32_t set_mapping(const uint32_t *to, uint32_t nr, uint32_t first)
{
    memcpy(fake_page[DATA_REF], to, nr * sizeof(*to));
    return request3(HV_NETIF_CTRL_TYPE_SET_HASH_MAPPING, DATA_REF, nr, first);
}

#define GOOD HV_NETIF_CTRL_STATUS_SUCCESS
#define BAD  HV_NETIF_CTRL_STATUS_INVALID_PARAMETER

static void ask_for(uint32_t types)
{
    ck_assert_uint_eq(request(HV_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM,
                              HV_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ),
                      GOOD);
    ck_assert_uint_eq(set_key(sizeof(key)), GOOD);
    ck_assert_uint_eq(request(HV_NETIF_CTRL_TYPE_SET_HASH_FLAGS, types), GOOD);
}

START_TEST(hashes_are_those_of_the_published_vectors)
{
    ask_for(ALL);
    for (size_t i = 0; i < VECTORS; i++) {
        bool v6 = strchr(vectors[i].to, ':');
        struct net_flow flow;

        make(&vectors[i], 6);
        flow = net_hash_flow(&state.hash, packet, SIZE);
        ck_assert(flow.hashed);
        ck_assert_uint_eq(flow.value, vectors[i].ports);
        ck_assert_uint_eq(flow.type, v6 ? 3 : 1);
        make_udp(make(&vectors[i], 17), 100);
        flow = net_hash_flow(&state.hash, packet, SIZE);
        ck_assert(flow.hashed);
        ck_assert_uint_eq(flow.value, vectors[i].addresses);
        ck_assert_uint_eq(flow.type, v6 ? 2 : 0);
    }
}
END_TEST

START_TEST(only_what_is_asked_for_is_hashed)
{
    ask_for(HV_NETIF_CTRL_HASH_TYPE_IPV4);
    make(&vectors[0], 6);
    ck_assert_uint_eq(net_hash_flow(&state.hash, packet, SIZE).value,
                      vectors[0].addresses);
    make(&vectors[5], 6);
    ck_assert(!net_hash_flow(&state.hash, packet, SIZE).hashed);
    ask_for(HV_NETIF_CTRL_HASH_TYPE_IPV4_TCP);
    make_udp(make(&vectors[0], 17), 100);
    ck_assert(!net_hash_flow(&state.hash, packet, SIZE).hashed);
    /* A piece of a packet has no ports that could be relied on. */
    ask_for(ALL);
    make(&vectors[0], 6);
    put16(packet + ETHER + 6, 0x2000);
    ck_assert_uint_eq(net_hash_flow(&state.hash, packet, SIZE).value,
                      vectors[0].addresses);
    /* Nor has what is cut short, or lies. */
    make(&vectors[0], 6);
    ck_assert(!net_hash_flow(&state.hash, packet, 40).hashed);
    ck_assert(!net_hash_flow(&state.hash, packet, 10).hashed);
    packet[ETHER] = 0x4f;
    put16(packet + ETHER + 2, 20);
    ck_assert(!net_hash_flow(&state.hash, packet, SIZE).hashed);
    make_ether(packet, 0x0806);
    ck_assert(!net_hash_flow(&state.hash, packet, SIZE).hashed);
}
END_TEST

START_TEST(requests_are_answered_as_they_deserve)
{
    static const uint32_t good[] = {0, 2, 1, 0}, bad[] = {0, 1, QUEUES, 0};
    uint32_t data;
    bool notify;

    put_request(HV_NETIF_CTRL_TYPE_GET_HASH_FLAGS, 0, 0, 0);
    ck_assert_int_eq(net_ctrl_run(&ctrl, &notify), 0);
    ck_assert_uint_eq(take_answer(HV_NETIF_CTRL_TYPE_GET_HASH_FLAGS, &data),
                      HV_NETIF_CTRL_STATUS_NOT_SUPPORTED);
    ck_assert_uint_eq(request(HV_NETIF_CTRL_TYPE_SET_HASH_FLAGS, ALL), BAD);
    ck_assert_uint_eq(request(HV_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, 2), BAD);
    ask_for(ALL);
    ck_assert_uint_eq(asked(HV_NETIF_CTRL_TYPE_GET_HASH_FLAGS), ALL);
    ck_assert_uint_eq(request(HV_NETIF_CTRL_TYPE_SET_HASH_FLAGS, 16), BAD);
    ck_assert_uint_eq(set_key(NET_HASH_KEY + 1), BAD);
    ck_assert_mem_eq(state.hash.key, key, sizeof(key));
    ck_assert_uint_eq(set_key(4), GOOD);
    ck_assert_uint_eq(state.hash.key[4], 0);
    ck_assert_uint_eq(asked(HV_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE), NET_HASH_MAPPING);
    ck_assert_uint_eq(request(HV_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, 129), BAD);
    ck_assert_uint_eq(set_mapping(good, 4, 0), BAD); /* there is no table yet */
    ck_assert_uint_eq(request(HV_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, 8), GOOD);
    ck_assert_uint_eq(set_mapping(good, 4, 4), GOOD);
    ck_assert_uint_eq(set_mapping(good, 4, 5), BAD);
    ck_assert_uint_eq(set_mapping(good, 4, 0xfffffffe), BAD);
    ck_assert_uint_eq(set_mapping(bad, 4, 0), BAD);
    ck_assert_uint_eq(state.hash.queue[1], 0); /* all of it or nothing */
    ck_assert_uint_eq(state.hash.queue[5], 2);
    ck_assert_uint_eq(
        request3(HV_NETIF_CTRL_TYPE_SET_HASH_MAPPING, DATA_REF, 0xffffffff, 0), BAD);
    for (unsigned int type = 8; type < 12; type++)
        ck_assert_uint_eq(request(type, 0), HV_NETIF_CTRL_STATUS_NOT_SUPPORTED);
}
END_TEST

START_TEST(pages_that_are_not_granted_change_nothing)
{
    ask_for(ALL);
    fake_granted[DATA_REF] = false;
    ck_assert_uint_eq(set_key(8), BAD);
    ck_assert_mem_eq(state.hash.key, key, sizeof(key));
    ck_assert_uint_eq(set_key(0), GOOD); /* without a byte nothing is read */
    ck_assert_uint_eq(request(HV_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, 8), GOOD);
    ck_assert_uint_eq(request3(HV_NETIF_CTRL_TYPE_SET_HASH_MAPPING, 99999, 8, 0), BAD);
}
END_TEST

START_TEST(an_index_out_of_range_ends_the_device)
{
    bool notify;

    ring.r.req_prod_pvt += 1000;
    put_request(HV_NETIF_CTRL_TYPE_GET_HASH_FLAGS, 0, 0, 0);
    ck_assert_int_eq(net_ctrl_run(&ctrl, &notify), -EPROTO);
}
END_TEST

START_TEST(a_backend_that_is_killed_is_followed_by_one_that_knows_the_hash)
{
    static const uint32_t map[] = {1, 2};
    struct hv_ring_index *idx = (void *)fake_page[CTRL_REF];
    uint32_t data;
    bool notify;

    ask_for(ALL);
    ck_assert_uint_eq(request(HV_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, 2), GOOD);
    ck_assert_uint_eq(set_mapping(map, 2, 0), GOOD);
    net_ctrl_open(&ctrl, fake_page[CTRL_REF], true);
    ck_assert_uint_eq(asked(HV_NETIF_CTRL_TYPE_GET_HASH_FLAGS), ALL);
    ck_assert_uint_eq(net_hash_queue(&state.hash, 7, QUEUES), 2);
    /* Killed when the answer stood in the ring, where its request had been, unseen. */
    put_request(HV_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE, 0, 0, 0);
    ck_assert_int_eq(net_ctrl_run(&ctrl, &notify), 0);
    idx->rsp_prod--;
    net_ctrl_open(&ctrl, fake_page[CTRL_REF], true);
    ck_assert_uint_eq(take_answer(HV_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE, &data), GOOD);
    ck_assert_uint_eq(data, NET_HASH_MAPPING);
    ck_assert_int_eq(net_ctrl_run(&ctrl, &notify), 0);
    ck_assert_int_eq(ring_front_take(&ring, &data, sizeof(data)), 0);
    /* Killed before it had looked at the request. */
    put_request(HV_NETIF_CTRL_TYPE_GET_HASH_FLAGS, 0, 0, 0);
    net_ctrl_open(&ctrl, fake_page[CTRL_REF], true);
    ck_assert_int_eq(net_ctrl_run(&ctrl, &notify), 0);
    ck_assert_uint_eq(take_answer(HV_NETIF_CTRL_TYPE_GET_HASH_FLAGS, &data), GOOD);
    /* A driver that begins anew has to ask anew. */
    net_ctrl_open(&ctrl, fake_page[CTRL_REF], false);
    ck_assert(!net_hash_wanted(&state.hash));
}
END_TEST

/* ---- Packets ---- */

static void on_the_wire(unsigned int n, unsigned int gso_size)
{
    struct virtio_net_hdr header = {.gso_type = gso_size ? VIRTIO_NET_HDR_GSO_TCPV4
                                                         : VIRTIO_NET_HDR_GSO_NONE,
                                    .gso_size = (uint16_t)gso_size};
    struct iovec iov[2] = {{&header, sizeof(header)}, {packet, SIZE}};

    ck_assert_int_gt(writev(wire[n], iov, 2), 0);
    queue[n].tap_ready = true;
}

/* All that has come by the wire of queue n goes to the guest. */
static void receive(unsigned int n)
{
    const char *why;

    while (net_rx_run(&queue[n], &why) > 0)
        ;
    ck_assert_ptr_null(why);
    for (unsigned int i = 0; i < QUEUES; i++)
        net_rx_show(&queue[i]);
}

static unsigned int answers(unsigned int n)
{
    return (unsigned int)hv_ring_responses(&rx[n].r);
}

/* The next packet by ring n carries this hash behind `gso` other extras. */
static void has_hash(unsigned int n, bool gso, uint32_t value, uint8_t type)
{
    struct hv_netif_extra_info extra;
    struct hv_netif_rx_response rsp;

    ck_assert_int_eq(ring_front_take(&rx[n], &rsp, sizeof(rsp)), 1);
    ck_assert_int_eq(rsp.status, (int)SIZE);
    ck_assert(rsp.flags & HV_NETRXF_EXTRA_INFO);
    ck_assert_int_eq(ring_front_take(&rx[n], &extra, sizeof(extra)), 1);
    if (gso) {
        ck_assert_uint_eq(extra.type, HV_NETIF_EXTRA_TYPE_GSO);
        ck_assert_uint_eq(extra.flags, HV_NETIF_EXTRA_FLAG_MORE);
        ck_assert_int_eq(ring_front_take(&rx[n], &extra, sizeof(extra)), 1);
    }
    ck_assert_uint_eq(extra.type, HV_NETIF_EXTRA_TYPE_HASH);
    ck_assert_uint_eq(extra.flags, 0);
    ck_assert_uint_eq(extra.u.hash.algorithm, HV_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ);
    ck_assert_uint_eq(extra.u.hash.type, type);
    ck_assert_uint_eq(extra.u.hash.value[0], value & 255);
    ck_assert_uint_eq(extra.u.hash.value[3], value >> 24);
}

START_TEST(the_mapping_chooses_the_queue_and_the_hash_comes_with_the_packet)
{
    static const uint32_t map[] = {2, 0, 1, 2, 0, 1, 1, 2};

    open_queues();
    ask_for(ALL);
    ck_assert_uint_eq(request(HV_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, 8), GOOD);
    ck_assert_uint_eq(set_mapping(map, 8, 0), GOOD);
    for (unsigned int n = 0; n < QUEUES; n++)
        give_pages(n, RX_SLOTS);
    for (size_t i = 0; i < VECTORS; i++) {
        unsigned int to = map[vectors[i].ports % 8], by = i % QUEUES;
        bool gso = i % 2;

        make(&vectors[i], 6);
        on_the_wire(by, gso ? 1400 : 0);
        receive(by);
        has_hash(to, gso, vectors[i].ports, strchr(vectors[i].to, ':') ? 3 : 1);
        for (unsigned int n = 0; n < QUEUES; n++)
            ck_assert_uint_eq(answers(n), 0);
    }
    /* What has no hash goes where a hash of 0 does. */
    make_ether(packet, 0x0806);
    on_the_wire(1, 0);
    receive(1);
    ck_assert_uint_eq(answers(2), 1);
    /* Without a table: by the hash itself. */
    ck_assert_uint_eq(request(HV_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, 0), GOOD);
    make(&vectors[0], 6);
    on_the_wire(0, 0);
    receive(0);
    has_hash(vectors[0].ports % QUEUES, false, vectors[0].ports, 1);
    /* Without hashing: by the queue that the kernel has chosen. */
    ck_assert_uint_eq(request(HV_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, 0), GOOD);
    on_the_wire(1, 0);
    receive(1);
    ck_assert_uint_eq(answers(1), 1);
}
END_TEST

START_TEST(a_queue_that_is_full_drops_and_stalls_no_other)
{
    static const uint32_t map[] = {0};
    static const uint32_t other[] = {1};

    open_queues();
    ask_for(ALL);
    ck_assert_uint_eq(request(HV_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, 1), GOOD);
    ck_assert_uint_eq(set_mapping(map, 1, 0), GOOD);
    give_pages(0, 4);
    give_pages(1, 4);
    make(&vectors[0], 6);
    for (unsigned int i = 0; i < 5; i++)
        on_the_wire(2, 0);
    receive(2);
    ck_assert_uint_eq(answers(0), 4); /* two packets with a hash */
    ck_assert_uint_eq(set_mapping(other, 1, 0), GOOD);
    on_the_wire(2, 0);
    receive(2);
    has_hash(1, false, vectors[0].ports, 1);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        hashes_are_those_of_the_published_vectors,
        only_what_is_asked_for_is_hashed,
        requests_are_answered_as_they_deserve,
        pages_that_are_not_granted_change_nothing,
        an_index_out_of_range_ends_the_device,
        a_backend_that_is_killed_is_followed_by_one_that_knows_the_hash,
        the_mapping_chooses_the_queue_and_the_hash_comes_with_the_packet,
        a_queue_that_is_full_drops_and_stalls_no_other,
        NULL};

    return unit_run("net hash", prepare, tests);
}
