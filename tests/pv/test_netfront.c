/* SPDX-License-Identifier: MIT */
/*
 * A network front end on a kernel of this file's, with hvnetd's own queues as its back
 * end (the tap is a pair of sockets), and with back ends that are bad, or gone.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "net_packets.h"
#include "netfront_world.h"

/* ---- hvnetd ---- */
static struct net_device dev;
static struct net_groups groups;
static struct net_queue queue[2];
static struct net_journal journal[2];
static int wire[2];

static void complain(const char *line)
{
    ck_abort_msg("hvnetd complains: %s", line);
}

static void open_hvnetd(unsigned int n, const char *tx_ref, const char *rx_ref)
{
    int ends[2];

    dev = (struct net_device){
        .domid = 1, .can_sg = true, .groups = &groups, .complain = complain};
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends), 0);
    wire[n] = ends[1];
    ck_assert_int_eq(net_queue_open(&queue[n], &dev, ring_at(tx_ref), ring_at(rx_ref),
                                    ends[0], &journal[n], false),
                     0);
}

static void connect_hvnetd(void)
{
    offered();
    open_hvnetd(0, FRONT "/tx-ring-ref", FRONT "/rx-ring-ref");
    state(HV_XENBUS_STATE_CONNECTED);
    ck_assert_int_eq(net.state, NETFRONT_RUNNING);
}

/* hvnetd takes what is there, and tells the front end if that wants to be told. */
static void hvnetd(unsigned int n)
{
    const char *why;

    while (net_tx_run(&queue[n], &why) > 0)
        ;
    ck_assert_ptr_null(why);
    queue[n].tap_ready = true;
    while (net_rx_run(&queue[n], &why) > 0)
        ;
    ck_assert_ptr_null(why);
    net_tx_arm(&queue[n]);
    net_rx_arm(&queue[n]);
    if (net_tx_show(&queue[n]))
        event((unsigned int)net.queue[n].tx_port);
    if (net_rx_show(&queue[n]))
        event((unsigned int)net.queue[n].rx_port);
}

static unsigned int done;
static int last_error;

static void finished(struct net_send *s, int error)
{
    done++;
    last_error = error;
}

static uint8_t data[17 * FRONT_PAGE_SIZE] __attribute__((aligned(4096)));

/* A TCP packet of `size` bytes from `offset` in the first page on. */
static struct net_send packet(unsigned int offset, unsigned int size)
{
    struct net_send s = {.done = finished};
    unsigned int at = offset, end = offset + size;

    memset(data, 0, sizeof(data));
    make_tcp(make_ipv4(data + offset, size, 6));
    for (unsigned int i = ETHER + 40; i < size; i++)
        data[offset + i] = (uint8_t)(i * 7);
    while (at < end) {
        unsigned int n = FRONT_PAGE_SIZE - at % FRONT_PAGE_SIZE;

        n = n < end - at ? n : end - at;
        s.packet.piece[s.packet.nr++] = (struct net_piece){data + at, n};
        at += n;
    }
    return s;
}

/* What hvnetd has written to the wire is `size` bytes of data from offset on. */
static struct virtio_net_hdr arrived(unsigned int n, unsigned int offset,
                                     unsigned int size)
{
    static uint8_t out[70000];
    struct virtio_net_hdr header;
    struct iovec iov[2] = {{&header, sizeof(header)}, {out, sizeof(out)}};

    ck_assert_int_eq(readv(wire[n], iov, 2), (ssize_t)(sizeof(header) + size));
    ck_assert_mem_eq(out, data + offset, size);
    return header;
}

static void on_the_wire(unsigned int n, unsigned int size, struct virtio_net_hdr header)
{
    struct iovec iov[2] = {{&header, sizeof(header)}, {data, size}};

    packet(0, size);
    ck_assert_int_eq(writev(wire[n], iov, 2), (ssize_t)(sizeof(header) + size));
}

START_TEST(it_connects_and_says_what_it_can)
{
    connect_hvnetd();
    ck_assert_mem_eq(net.mac, "\x00\x16\x3e\x0a\xbc\x03", 6);
    ck_assert(net.sg && net.csum && net.gso_v4 && !net.gso_v6 && !net.csum_v6);
    ck_assert_str_eq(value_of(FRONT "/request-rx-copy"), "1");
    ck_assert_str_eq(value_of(FRONT "/feature-gso-tcpv6"), "1");
    ck_assert_str_ne(value_of(FRONT "/event-channel-tx"),
                     value_of(FRONT "/event-channel-rx"));
    ck_assert_str_eq(value_of(FRONT "/multi-queue-num-queues"), "1");
    ck_assert_uint_eq(grants(), RINGS + NETFRONT_SLOTS);
    ck_assert_uint_eq(ready, 1);
}
END_TEST

START_TEST(a_packet_goes_out_as_it_is)
{
    struct net_send s = packet(100, 500);

    connect_hvnetd();
    s.packet.csum_blank = true;
    ck_assert_int_eq(netfront_send(&net, &s), 0);
    ck_assert_uint_eq(done, 0);
    netfront_kick(&net);
    ck_assert_uint_eq(port[net.queue[0].tx_port].sent, 1);
    hvnetd(0);
    ck_assert_uint_eq(arrived(0, 100, 500).flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
    ck_assert(done == 1 && !last_error);
    ck_assert_uint_eq(grants(), RINGS + NETFRONT_SLOTS);
}
END_TEST

START_TEST(a_large_packet_goes_out_whole_with_its_segments)
{
    struct net_send s = packet(100, 65000);
    struct virtio_net_hdr header;

    connect_hvnetd();
    s.packet.csum_blank = true;
    s.packet.gso_type = HV_NETIF_GSO_TYPE_TCPV4;
    s.packet.gso_size = 1448;
    for (unsigned int round = 0; round < 40; round++) {
        ck_assert_int_eq(netfront_send(&net, &s), 0);
        netfront_kick(&net);
        hvnetd(0);
        header = arrived(0, 100, 65000);
        ck_assert_uint_eq(header.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
        ck_assert_uint_eq(header.gso_size, 1448);
        ck_assert(done == round + 1 && !last_error);
    }
    ck_assert_uint_eq(grants(), RINGS + NETFRONT_SLOTS);
}
END_TEST

START_TEST(a_full_ring_says_when_there_is_room_again)
{
    static struct net_send s[NETFRONT_SLOTS + 1];
    unsigned int n = 0;

    connect_hvnetd();
    ready = 0;
    for (; n <= NETFRONT_SLOTS; n++) {
        s[n] = packet(0, 100);
        if (netfront_send(&net, &s[n]))
            break;
    }
    ck_assert_uint_eq(n, NETFRONT_SLOTS);
    ck_assert_int_eq(netfront_send(&net, &s[n]), -EAGAIN);
    netfront_kick(&net);
    hvnetd(0);
    ck_assert_uint_eq(done, NETFRONT_SLOTS);
    ck_assert_uint_eq(ready, 1);
    ck_assert_int_eq(netfront_send(&net, &s[n]), 0);
}
END_TEST

START_TEST(what_the_back_end_does_not_take_is_refused_at_once)
{
    struct net_send large = packet(0, 5000), blank = packet(0, 100), cut = packet(0, 100),
                    odd = packet(0, 100), none = {.done = finished};

    set("feature-sg", "0");
    set("feature-gso-tcpv4", "0");
    set("feature-no-csum-offload", "1");
    connect_hvnetd();
    ck_assert_int_eq(netfront_send(&net, &large), -EOPNOTSUPP);
    blank.packet.csum_blank = true;
    ck_assert_int_eq(netfront_send(&net, &blank), -EOPNOTSUPP);
    cut.packet.gso_type = HV_NETIF_GSO_TYPE_TCPV4;
    ck_assert_int_eq(netfront_send(&net, &cut), -EOPNOTSUPP);
    ck_assert_int_eq(netfront_send(&net, &none), -EINVAL);
    odd.packet.piece[0].size = 4097;
    ck_assert_int_eq(netfront_send(&net, &odd), -EINVAL);
    odd.packet.piece[0].size = 0;
    ck_assert_int_eq(netfront_send(&net, &odd), -EINVAL);
    ck_assert_uint_eq(grants(), RINGS + NETFRONT_SLOTS);
    ck_assert_uint_eq(done, 0);
}
END_TEST

START_TEST(groups_are_named_and_forgotten)
{
    static const uint8_t group[6] = {1, 0, 0x5e, 1, 2, 3};
    struct net_send s = {.done = finished};

    net.want_groups = true;
    connect_hvnetd();
    ck_assert_str_eq(value_of(FRONT "/request-multicast-control"), "1");
    ck_assert_int_eq(netfront_group(&net, &s, group, true), -EOPNOTSUPP);
    set("feature-multicast-control", "1");
    net.groups = true;
    for (unsigned int n = 1; n < 3; n++) {
        ck_assert_int_eq(netfront_group(&net, &s, group, n == 1), 0);
        netfront_kick(&net);
        hvnetd(0);
        ck_assert_uint_eq(done, n);
        ck_assert_int_eq(last_error, 0);
        ck_assert_uint_eq(groups.nr, n == 1);
    }
    ck_assert_mem_eq(groups.addr[0], group, 6);
    ck_assert_uint_eq(grants(), RINGS + NETFRONT_SLOTS);
    /* Also one that nobody answers any more has no page to be taken back. */
    ck_assert_int_eq(netfront_group(&net, &s, group, true), 0);
    state(HV_XENBUS_STATE_CLOSING);
    ck_assert_int_eq(last_error, -ENETDOWN);
    ck_assert_uint_eq(grants(), 0);
}
END_TEST

START_TEST(without_grants_a_packet_is_refused_whole)
{
    struct net_send s = packet(0, 5 * 4096);

    connect_hvnetd();
    grants_left = 3;
    ck_assert_int_eq(netfront_send(&net, &s), -ENOSPC);
    ck_assert_uint_eq(grants_left, 3);
    grants_left = 5;
    ck_assert_int_eq(netfront_send(&net, &s), 0);
    netfront_kick(&net);
    hvnetd(0);
    arrived(0, 0, 5 * 4096);
    ck_assert_uint_eq(grants_left, 5);
}
END_TEST

START_TEST(a_packet_comes_in_as_it_is)
{
    connect_hvnetd();
    on_the_wire(0, 1000, (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM});
    hvnetd(0);
    ck_assert(came == 1 && last.size == 1000 && last.csum_blank && last.csum_good);
    ck_assert_mem_eq(got, data, 1000);
    on_the_wire(0, 300, (struct virtio_net_hdr){.flags = 0});
    hvnetd(0);
    ck_assert(came == 2 && last.size == 300 && !last.csum_blank && !last.csum_good);
    ck_assert_uint_eq(grants(), RINGS + NETFRONT_SLOTS);
}
END_TEST

START_TEST(large_packets_come_in_whole_with_their_segments)
{
    struct virtio_net_hdr header = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                    .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
                                    .gso_size = 1448};

    connect_hvnetd();
    for (unsigned int i = 0; i < 60; i++) {
        unsigned int size = 65000 - i * 999;

        on_the_wire(0, size, header);
        hvnetd(0);
        ck_assert(came == i + 1 && last.size == size);
        ck_assert(last.gso_type == HV_NETIF_GSO_TYPE_TCPV4 && last.gso_size == 1448);
        ck_assert_mem_eq(got, data, size);
    }
    ck_assert_uint_eq(grants(), RINGS + NETFRONT_SLOTS);
}
END_TEST

START_TEST(packets_take_the_queue_they_name)
{
    struct net_send one = packet(0, 200), two = packet(0, 200);

    set("multi-queue-max-queues", "8");
    offered();
    ck_assert_str_eq(value_of(FRONT "/multi-queue-num-queues"), "2");
    open_hvnetd(0, FRONT "/queue-0/tx-ring-ref", FRONT "/queue-0/rx-ring-ref");
    open_hvnetd(1, FRONT "/queue-1/tx-ring-ref", FRONT "/queue-1/rx-ring-ref");
    state(HV_XENBUS_STATE_CONNECTED);
    ck_assert_uint_eq(ports(), 4);
    one.queue = 4;
    two.queue = 7;
    ck_assert_int_eq(netfront_send(&net, &one), 0);
    ck_assert_int_eq(netfront_send(&net, &two), 0);
    netfront_kick(&net);
    hvnetd(1);
    ck_assert_uint_eq(done, 1);
    arrived(1, 0, 200);
    hvnetd(0);
    ck_assert_uint_eq(done, 2);
    arrived(0, 0, 200);
    on_the_wire(1, 400, (struct virtio_net_hdr){.flags = 0});
    hvnetd(1);
    ck_assert(came == 1 && last.size == 400);
}
END_TEST

START_TEST(one_event_channel_serves_both_ways_if_the_back_end_has_no_two)
{
    struct net_send s = packet(0, 200);

    set("feature-split-event-channels", "0");
    connect_hvnetd();
    ck_assert_uint_eq(ports(), 1);
    ck_assert_str_eq(value_of(FRONT "/event-channel"),
                     value_of(FRONT "/event-channel-rx"));
    ck_assert_int_eq(netfront_send(&net, &s), 0);
    netfront_kick(&net);
    hvnetd(0);
    on_the_wire(0, 400, (struct virtio_net_hdr){.flags = 0});
    hvnetd(0);
    ck_assert(came == 1 && done == 1);
}
END_TEST

START_TEST(when_the_back_end_goes_packets_are_lost_and_when_it_comes_they_flow)
{
    struct net_send first = packet(0, 9000), second = packet(0, 200);

    for (unsigned int round = 1; round < 4; round++) {
        connect_hvnetd();
        ck_assert_int_eq(netfront_send(&net, &first), 0);
        netfront_kick(&net);
        state(HV_XENBUS_STATE_CLOSING);
        ck_assert_uint_eq(said(), HV_XENBUS_STATE_CLOSED);
        ck_assert(done == 2 * round - 1 && last_error == -ENETDOWN);
        ck_assert_int_eq(netfront_send(&net, &second), -ENETDOWN);
        ck_assert(grants() == 0 && pages_out == 0 && ports() == 0);
        state(HV_XENBUS_STATE_CLOSED);
        ck_assert_uint_eq(said(), HV_XENBUS_STATE_INITIALISING);
        connect_hvnetd();
        ck_assert_uint_eq(net.connections, 2 * round);
        ck_assert_int_eq(netfront_send(&net, &second), 0);
        netfront_kick(&net);
        hvnetd(0);
        arrived(0, 0, 200);
        on_the_wire(0, 200, (struct virtio_net_hdr){.flags = 0});
        hvnetd(0);
        ck_assert(came == round && done == 2 * round && !last_error);
        state(HV_XENBUS_STATE_CLOSING);
        state(HV_XENBUS_STATE_CLOSED);
    }
}
END_TEST

START_TEST(unplugged_it_ends)
{
    struct net_send s = packet(0, 200);

    connect_hvnetd();
    ck_assert_int_eq(netfront_send(&net, &s), 0);
    set("online", "0");
    state(HV_XENBUS_STATE_CLOSING);
    ck_assert_uint_eq(said(), HV_XENBUS_STATE_CLOSED);
    ck_assert(net.state == NETFRONT_GONE && done == 1 && last_error == -ENETDOWN);
    ck_assert(grants() == 0 && pages_out == 0 && ports() == 0);
    ck_assert_int_eq(netfront_send(&net, &s), -ENETDOWN);
}
END_TEST

START_TEST(a_back_end_that_only_exchanges_pages_is_none)
{
    set("feature-rx-copy", "0");
    state(HV_XENBUS_STATE_INIT_WAIT);
    ck_assert_int_eq(net.state, NETFRONT_GONE);
    ck_assert_uint_eq(said(), HV_XENBUS_STATE_CLOSED);
}
END_TEST

/* ---- Back ends that lie ---- */

static struct hv_netif_tx_request taken(void)
{
    struct hv_netif_tx_request r;

    ck_assert_int_eq(ring_back_take(&tx, &r, sizeof(r)), 1);
    return r;
}

static void answer_tx(unsigned int id, int status)
{
    struct hv_netif_tx_response r = {.id = (uint16_t)id, .status = (int16_t)status};

    ring_back_answer(&tx, &r, sizeof(r));
    ring_back_push(&tx);
    event((unsigned int)net.queue[0].tx_port);
}

static struct hv_netif_tx_request one_sent(void)
{
    static struct net_send s;

    s = packet(0, 200);
    connect_own();
    ck_assert_int_eq(netfront_send(&net, &s), 0);
    netfront_kick(&net);
    return taken();
}

static void ended(unsigned int packets)
{
    ck_assert_int_eq(net.state, NETFRONT_GONE);
    ck_assert_uint_eq(done, packets);
    ck_assert_uint_eq(ports(), 0);
    ck_assert_uint_eq(said(), HV_XENBUS_STATE_CLOSED);
}

START_TEST(an_error_is_told_of_its_packet)
{
    struct net_send s = packet(0, 9000);
    unsigned int id[3];

    connect_own();
    ck_assert_int_eq(netfront_send(&net, &s), 0);
    netfront_kick(&net);
    for (unsigned int i = 0; i < 3; i++)
        id[i] = taken().id;
    answer_tx(id[0], HV_NETIF_RSP_OKAY);
    answer_tx(id[1], HV_NETIF_RSP_DROPPED);
    ck_assert_uint_eq(done, 0);
    answer_tx(id[2], HV_NETIF_RSP_OKAY);
    ck_assert(done == 1 && last_error == -EIO && net.lost == 1);
    ck_assert_int_eq(net.state, NETFRONT_RUNNING);
}
END_TEST

START_TEST(an_answer_nobody_asked_for_ends_the_connection)
{
    answer_tx(one_sent().id + 1U, HV_NETIF_RSP_OKAY);
    ended(1);
    ck_assert(grants() == 0 && pages_out == 0);
}
END_TEST

START_TEST(an_answer_for_no_slot_at_all_ends_the_connection)
{
    one_sent();
    answer_tx(65535, HV_NETIF_RSP_OKAY);
    ended(1);
}
END_TEST

START_TEST(an_answer_with_its_page_still_mapped_ends_the_connection)
{
    struct hv_netif_tx_request r = one_sent();

    grant[r.gref].mapped = true;
    answer_tx(r.id, HV_NETIF_RSP_OKAY);
    ended(0);
    ck_assert_uint_eq(grants(), 1);
    /* Who sent it hears of it when the page is its own again. */
    grant[r.gref].mapped = false;
    look();
    ck_assert(done == 1 && last_error == -ENETDOWN && grants() == 0 && pages_out == 0);
}
END_TEST

START_TEST(what_a_back_end_that_goes_has_mapped_stays_as_it_is_until_it_lets_go)
{
    struct net_send s = packet(0, 200), again = packet(0, 200);
    unsigned int ref[3], mapped = 0;

    connect_own();
    ref[mapped++] = net.queue[0].ring_ref[0];
    ref[mapped++] = net.queue[0].buffer[7].ref;
    ck_assert_int_eq(netfront_send(&net, &s), 0);
    netfront_kick(&net);
    ref[mapped++] = taken().gref;
    for (unsigned int i = 0; i < mapped; i++)
        grant[ref[i]].mapped = true;
    state(HV_XENBUS_STATE_CLOSING);
    ck_assert_uint_eq(said(), HV_XENBUS_STATE_CLOSED);
    ck_assert(done == 0 && grants() == mapped && pages_out == 2);
    for (unsigned int i = 0; i < mapped; i++)
        grant[ref[i]].mapped = false;
    state(HV_XENBUS_STATE_CLOSED);
    ck_assert(done == 1 && last_error == -ENETDOWN && grants() == 0 && pages_out == 0);
    /* All numbers are free again. */
    connect_own();
    for (unsigned int n = 0; n < NETFRONT_SLOTS; n++)
        ck_assert_int_eq(netfront_send(&net, &again), 0);
    ck_assert_int_eq(netfront_send(&net, &again), -EAGAIN);
}
END_TEST

START_TEST(a_back_end_that_never_lets_go_costs_its_slots_only)
{
    struct net_send again = packet(0, 200);
    struct hv_netif_tx_request r = one_sent();

    grant[r.gref].mapped = true;
    state(HV_XENBUS_STATE_CLOSING);
    state(HV_XENBUS_STATE_CLOSED);
    connect_own();
    for (unsigned int n = 1; n < NETFRONT_SLOTS; n++)
        ck_assert_int_eq(netfront_send(&net, &again), 0);
    ck_assert_int_eq(netfront_send(&net, &again), -EAGAIN);
    ck_assert_uint_eq(done, 0);
    grant[r.gref].mapped = false;
    look();
    ck_assert(done == 1 && last_error == -ENETDOWN);
    ck_assert_int_eq(netfront_send(&net, &again), 0);
}
END_TEST

START_TEST(an_answer_for_a_packet_of_an_earlier_connection_ends_this_one)
{
    struct hv_netif_tx_request r = one_sent();

    grant[r.gref].mapped = true;
    state(HV_XENBUS_STATE_CLOSING);
    state(HV_XENBUS_STATE_CLOSED);
    connect_own();
    answer_tx(r.id, HV_NETIF_RSP_OKAY);
    ended(0);
}
END_TEST

START_TEST(more_answers_than_requests_end_the_connection)
{
    one_sent();
    tx.r.rsp_prod_pvt += 5;
    ring_back_push(&tx);
    event((unsigned int)net.queue[0].tx_port);
    ended(1);
}
END_TEST

START_TEST(pieces_beyond_their_page_are_dropped_with_their_packet_only)
{
    connect_own();
    rx_piece(4096, 1, 0);
    rx_piece(100, 0, HV_NETRXF_MORE_DATA);
    rx_piece(1, 4096, 0);
    rx_piece(100, 65535, 0);
    rx_piece(HV_NETIF_RSP_ERROR, 0, 0);
    rx_piece(100, 0, HV_NETRXF_MORE_DATA);
    rx_piece(0, 0, 0);
    rx_show();
    ck_assert(came == 0 && net.dropped == 5);
    rx_piece(96, 4000, 0);
    rx_show();
    ck_assert(came == 1 && last.size == 96 && net.state == NETFRONT_RUNNING);
    ck_assert_uint_eq(grants(), RINGS + NETFRONT_SLOTS);
}
END_TEST

START_TEST(a_packet_that_comes_bit_by_bit_is_whole_at_its_end)
{
    struct hv_netif_extra_info gso = {.type = HV_NETIF_EXTRA_TYPE_GSO,
                                      .u.gso = {.type = 1, .size = 100}};

    connect_own();
    rx_piece(10, 0, HV_NETRXF_MORE_DATA | HV_NETRXF_EXTRA_INFO);
    rx_show();
    answer_rx(&gso);
    rx_show();
    rx_piece(20, 0, HV_NETRXF_MORE_DATA);
    rx_show();
    ck_assert_uint_eq(came, 0);
    rx_piece(30, 0, 0);
    rx_show();
    ck_assert(came == 1 && last.size == 60 && last.nr == 3 && last.gso_size == 100);
}
END_TEST

START_TEST(a_packet_without_end_is_dropped_and_takes_no_page_for_good)
{
    connect_own();
    for (unsigned int round = 0; round < 3 * NETFRONT_SLOTS; round++) {
        rx_piece(4096, 0, HV_NETRXF_MORE_DATA);
        rx_show();
    }
    rx_piece(4096, 0, 0);
    rx_piece(60, 0, 0);
    rx_show();
    ck_assert(came == 1 && net.dropped == 1 && last.size == 60);
    ck_assert_uint_eq(grants(), RINGS + NETFRONT_SLOTS);
}
END_TEST

START_TEST(extras_without_end_are_dropped_too)
{
    struct hv_netif_extra_info odd = {.type = 9, .flags = HV_NETIF_EXTRA_FLAG_MORE};

    connect_own();
    rx_piece(60, 0, HV_NETRXF_EXTRA_INFO);
    for (unsigned int round = 0; round < NETFRONT_SLOTS; round++) {
        answer_rx(&odd);
        rx_show();
    }
    odd.flags = 0;
    answer_rx(&odd);
    rx_show();
    ck_assert(came == 0 && net.dropped == 1 && net.state == NETFRONT_RUNNING);
}
END_TEST

START_TEST(a_slot_that_is_not_its_own_ends_the_connection)
{
    struct hv_netif_rx_response r = {.id = 5, .status = 100};

    connect_own();
    answer_rx(&r);
    rx_show();
    ended(0);
    ck_assert(grants() == 0 && pages_out == 0);
}
END_TEST

START_TEST(a_page_that_is_still_mapped_is_never_looked_at)
{
    unsigned int ref;

    connect_own();
    ref = net.queue[0].buffer[0].ref;
    grant[ref].mapped = true;
    rx_piece(100, 0, 0);
    rx_show();
    ended(0);
    ck_assert_uint_eq(came, 0);
    /* It stays the back end's, and granted: nobody else gets it. */
    ck_assert(grants() == 1 && pages_out == 1);
}
END_TEST

static void take_grants(struct netfront *f, const struct net_packet *p)
{
    grants_left = 0;
    came++;
}

START_TEST(pages_wait_for_grants)
{
    connect_own();
    /* Whoever receives takes the grants that the packet's page gave back. */
    net.receive = take_grants;
    for (unsigned int i = 0; i < 10; i++)
        rx_piece(100, 0, 0);
    rx_show();
    ck_assert_uint_eq(came, 10);
    ck_assert_uint_eq(hv_ring_free(&net.queue[0].rx.r), 10);
    net.receive = receive;
    grants_left = 100;
    rx_piece(100, 0, 0);
    rx_show();
    ck_assert_uint_eq(came, 11);
    ck_assert_uint_eq(hv_ring_free(&net.queue[0].rx.r), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        it_connects_and_says_what_it_can,
        a_packet_goes_out_as_it_is,
        a_large_packet_goes_out_whole_with_its_segments,
        a_full_ring_says_when_there_is_room_again,
        what_the_back_end_does_not_take_is_refused_at_once,
        groups_are_named_and_forgotten,
        without_grants_a_packet_is_refused_whole,
        a_packet_comes_in_as_it_is,
        large_packets_come_in_whole_with_their_segments,
        packets_take_the_queue_they_name,
        one_event_channel_serves_both_ways_if_the_back_end_has_no_two,
        when_the_back_end_goes_packets_are_lost_and_when_it_comes_they_flow,
        unplugged_it_ends,
        a_back_end_that_only_exchanges_pages_is_none,
        an_error_is_told_of_its_packet,
        an_answer_nobody_asked_for_ends_the_connection,
        an_answer_for_no_slot_at_all_ends_the_connection,
        an_answer_with_its_page_still_mapped_ends_the_connection,
        what_a_back_end_that_goes_has_mapped_stays_as_it_is_until_it_lets_go,
        a_back_end_that_never_lets_go_costs_its_slots_only,
        an_answer_for_a_packet_of_an_earlier_connection_ends_this_one,
        more_answers_than_requests_end_the_connection,
        pieces_beyond_their_page_are_dropped_with_their_packet_only,
        a_packet_that_comes_bit_by_bit_is_whole_at_its_end,
        a_packet_without_end_is_dropped_and_takes_no_page_for_good,
        extras_without_end_are_dropped_too,
        a_slot_that_is_not_its_own_ends_the_connection,
        a_page_that_is_still_mapped_is_never_looked_at,
        pages_wait_for_grants,
        NULL};

    return unit_run("netfront", prepare, tests);
}
