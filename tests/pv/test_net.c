/* SPDX-License-Identifier: MIT */
/*
 * A network queue between a ring and a tap, which is a pair of sockets here, with
 * frontends good and hostile, and with backends that are killed.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fake_door.h"
#include "net_packets.h"
#include "netback/net_queue.h"
#include "netback/net_write.h"
#include "unit.h"

#define TX_REF  0
#define RX_REF  1
#define TX_DATA 16
#define RX_DATA 300

static struct ring_front tx, rx;
static struct net_device dev;
static struct net_queue queue;
static struct net_journal journal;
static struct io_uring ring;
static struct net_groups groups;
static int wire; /* the tap's other end */
static char complaint[128];
static const char *why;

/* What comes out of the wire, or goes in. */
static struct virtio_net_hdr header;
static uint8_t packet[70000];
static unsigned int rx_asked;

static void complain(const char *line)
{
    snprintf(complaint, sizeof(complaint), "%s", line);
}

static void open_queue(int tap, bool recover)
{
    ck_assert_int_eq(net_queue_open(&queue, &dev, fake_page[TX_REF], fake_page[RX_REF],
                                    tap, &journal, recover),
                     0);
}

static void prepare(void)
{
    int ends[2];

    fake_open();
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends), 0);
    wire = ends[1];
    ring_front_init(&tx, fake_page[TX_REF], PAGE_SIZE, NET_TX_SLOT);
    ring_front_init(&rx, fake_page[RX_REF], PAGE_SIZE, NET_RX_SLOT);
    dev = (struct net_device){
        .domid = 1, .can_sg = true, .groups = &groups, .complain = complain};
    if (!net_write_ring(&ring, NET_BATCH))
        dev.ring = &ring;
    open_queue(ends[0], false);
}

/* The guest puts a slot of `size` bytes of the packet from `from` on into page n. */
static void slot(unsigned int n, unsigned int from, unsigned int size, unsigned int said,
                 unsigned int flags)
{
    struct hv_netif_tx_request req = {.gref = TX_DATA + n,
                                      .offset = (uint16_t)(n * 8),
                                      .flags = (uint16_t)flags,
                                      .id = (uint16_t)(n + 100),
                                      .size = (uint16_t)said};

    if (size)
        memcpy(fake_page[TX_DATA + n] + req.offset, packet + from, size);
    ck_assert(ring_front_put(&tx, &req, sizeof(req)));
}

static void extra(const struct hv_netif_extra_info *info)
{
    struct hv_netif_tx_request req;

    memset(&req, 0, sizeof(req));
    memcpy(&req, info, sizeof(*info));
    ck_assert(ring_front_put(&tx, &req, sizeof(req)));
}

static int send_all(void)
{
    int rc;

    ring_front_push(&tx);
    do
        rc = net_tx_run(&queue, &why);
    while (rc > 0);
    net_tx_show(&queue);
    return rc;
}

/* The next packet on the wire is this one. */
static void arrives(unsigned int size)
{
    static uint8_t got[70000];
    struct iovec iov[2] = {{&header, sizeof(header)}, {got, sizeof(got)}};

    ck_assert_int_eq(readv(wire, iov, 2), (ssize_t)(sizeof(header) + size));
    ck_assert_mem_eq(got, packet, size);
}

static void nothing_arrives(void)
{
    ck_assert_int_lt(read(wire, packet, sizeof(packet)), 0);
}

static void answered(unsigned int id, int status)
{
    struct hv_netif_tx_response rsp;

    ck_assert_int_eq(ring_front_take(&tx, &rsp, sizeof(rsp)), 1);
    ck_assert_int_eq(rsp.status, status);
    if (status != HV_NETIF_RSP_NULL)
        ck_assert_uint_eq(rsp.id, id);
}

static void tcp_of(unsigned int size)
{
    uint8_t *tcp = make_ipv4(packet, size, 6);

    make_tcp(tcp);
    for (unsigned int i = ETHER + 40; i < size; i++)
        packet[i] = (uint8_t)(i * 7);
}

START_TEST(a_packet_goes_out_as_it_is)
{
    tcp_of(500);
    slot(0, 0, 500, 500, HV_NETTXF_CSUM_BLANK | HV_NETTXF_DATA_VALIDATED);
    ck_assert_int_eq(send_all(), 0);
    arrives(500);
    ck_assert_uint_eq(header.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
    answered(100, HV_NETIF_RSP_OKAY);
    nothing_arrives();
}
END_TEST

START_TEST(slots_and_extras_become_one_packet_with_segments)
{
    const struct hv_netif_extra_info gso = {
        .type = HV_NETIF_EXTRA_TYPE_GSO,
        .u.gso = {.size = 1448, .type = HV_NETIF_GSO_TYPE_TCPV4}};
    unsigned int from = 10, n = 1;

    tcp_of(40000);
    slot(0, 0, 10, 40000,
         HV_NETTXF_CSUM_BLANK | HV_NETTXF_EXTRA_INFO | HV_NETTXF_MORE_DATA);
    extra(&gso);
    for (; from < 40000; from += 3990, n++) {
        unsigned int size = 40000 - from < 3990 ? 40000 - from : 3990;

        slot(n, from, size, size, from + size < 40000 ? HV_NETTXF_MORE_DATA : 0);
    }
    ck_assert_int_eq(send_all(), 0);
    arrives(40000);
    ck_assert_uint_eq(header.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
    ck_assert_uint_eq(header.gso_size, 1448);
    answered(100, HV_NETIF_RSP_OKAY);
    answered(0, HV_NETIF_RSP_NULL);
    for (unsigned int i = 1; i < n; i++)
        answered(100 + i, HV_NETIF_RSP_OKAY);
}
END_TEST

static void full_ring(void)
{
    for (unsigned int i = 0; i < 256; i++) {
        tcp_of(100);
        packet[99] = (uint8_t)i;
        slot(i, 0, 100, 100, 0);
    }
    ck_assert_int_eq(send_all(), 0);
    for (unsigned int i = 0; i < 256; i++) {
        packet[99] = (uint8_t)i;
        arrives(100);
        answered(100 + i, HV_NETIF_RSP_OKAY);
    }
}

START_TEST(a_full_ring_of_packets_goes_out_in_order)
{
    full_ring();
}
END_TEST

/* io_uring may be forbidden on a machine. */
START_TEST(a_full_ring_goes_out_one_by_one_as_well)
{
    dev.ring = NULL;
    full_ring();
}
END_TEST

START_TEST(what_the_tap_has_no_room_for_is_lost_and_nobody_waits)
{
    unsigned int arrived = 0;

    tcp_of(1500);
    for (unsigned int i = 0; i < 256; i++) {
        put16(packet + 60, i);
        slot(i, 0, 1500, 1500, 0);
    }
    ck_assert_int_eq(send_all(), 0);
    for (unsigned int i = 0; i < 256; i++)
        answered(100 + i, HV_NETIF_RSP_OKAY);
    while (read(wire, packet, sizeof(packet)) > 0)
        ck_assert_uint_eq((unsigned)packet[70] << 8 | packet[71], arrived++);
    ck_assert_uint_gt(arrived, 10);
    ck_assert_uint_lt(arrived, 256);
}
END_TEST

START_TEST(packets_that_the_kernel_does_not_take_are_errors)
{
    int refuses = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);

    open_queue(refuses, false);
    tcp_of(100);
    for (unsigned int i = 0; i < 3; i++)
        slot(i, 0, 100, 100, 0);
    ck_assert_int_eq(send_all(), 0);
    for (unsigned int i = 0; i < 3; i++)
        answered(100 + i, HV_NETIF_RSP_ERROR);
    close(refuses);
}
END_TEST

START_TEST(a_forged_packet_is_dropped_and_its_neighbours_are_not)
{
    tcp_of(100);
    slot(0, 0, 100, 100, 0);
    put16(packet + ETHER + 2, 200);
    slot(1, 0, 100, 100, 0);
    tcp_of(100);
    slot(2, 0, 100, 100, 0);
    fake_granted[TX_DATA + 3] = false;
    slot(3, 0, 100, 100, 0);
    slot(4, 0, 100, 100, 0);
    slot(5, 0, 13, 13, 0);
    ck_assert_int_eq(send_all(), 0);
    for (unsigned int i = 0; i < 3; i++)
        arrives(100);
    nothing_arrives();
    for (unsigned int i = 0; i < 6; i++)
        answered(100 + i, i & 1 ? HV_NETIF_RSP_ERROR : HV_NETIF_RSP_OKAY);
    ck_assert_str_ne(complaint, "");
}
END_TEST

static void ends_the_device(const char *want)
{
    ck_assert_int_eq(send_all(), -EPROTO);
    ck_assert_msg(strstr(why, want) != NULL, "%s, not %s", why, want);
    nothing_arrives();
}

START_TEST(an_index_out_of_range_ends_the_device)
{
    tx.r.req_prod_pvt += 1000;
    ends_the_device("index is out of range");
}
END_TEST

START_TEST(a_packet_without_an_end_ends_the_device)
{
    tcp_of(100);
    slot(0, 0, 50, 100, HV_NETTXF_MORE_DATA);
    ends_the_device("ends within a packet");
}
END_TEST

START_TEST(a_packet_of_very_many_slots_ends_the_device)
{
    for (unsigned int i = 0; i < 30; i++)
        slot(i, 0, 10, i ? 10 : 300, i < 29 ? HV_NETTXF_MORE_DATA : 0);
    ends_the_device("more slots than any may have");
}
END_TEST

START_TEST(a_packet_of_too_many_slots_is_dropped)
{
    tcp_of(190);
    for (unsigned int i = 0; i < 19; i++)
        slot(i, i * 10, 10, i ? 10 : 190, i < 18 ? HV_NETTXF_MORE_DATA : 0);
    tcp_of(100);
    slot(19, 0, 100, 100, 0);
    ck_assert_int_eq(send_all(), 0);
    arrives(100);
    for (unsigned int i = 0; i < 19; i++)
        answered(100 + i, HV_NETIF_RSP_ERROR);
    answered(119, HV_NETIF_RSP_OKAY);
}
END_TEST

START_TEST(slots_larger_than_the_packet_end_the_device)
{
    slot(0, 0, 50, 100, HV_NETTXF_MORE_DATA);
    slot(1, 0, 101, 101, 0);
    ends_the_device("larger than the packet");
}
END_TEST

START_TEST(a_slot_beyond_its_page_ends_the_device)
{
    slot(1, 0, 100, 4096, 0);
    ends_the_device("beyond its page");
}
END_TEST

START_TEST(unknown_extras_end_the_device)
{
    const struct hv_netif_extra_info odd = {.type = 77};

    slot(0, 0, 100, 100, HV_NETTXF_EXTRA_INFO);
    extra(&odd);
    ends_the_device("unknown type");
}
END_TEST

START_TEST(extras_without_end_end_the_device)
{
    const struct hv_netif_extra_info hash = {.type = HV_NETIF_EXTRA_TYPE_HASH,
                                             .flags = HV_NETIF_EXTRA_FLAG_MORE};

    slot(0, 0, 100, 100, HV_NETTXF_EXTRA_INFO);
    for (unsigned int i = 0; i < 10; i++)
        extra(&hash);
    ends_the_device("more extra information");
}
END_TEST

/* The guest gives `nr` pages to be filled. */
static void give_pages(unsigned int nr)
{
    for (unsigned int i = 0; i < nr; i++, rx_asked++) {
        struct hv_netif_rx_request req = {.id = (uint16_t)(rx_asked % 256),
                                          .gref = RX_DATA + rx_asked % 256};

        ck_assert(ring_front_put(&rx, &req, sizeof(req)));
    }
    ring_front_push(&rx);
}

static void on_the_wire(unsigned int size)
{
    struct iovec iov[2] = {{&header, sizeof(header)}, {packet, size}};

    ck_assert_int_eq(writev(wire, iov, 2), (ssize_t)(sizeof(header) + size));
    queue.tap_ready = true;
}

static int receive_all(void)
{
    int rc;

    do
        rc = net_rx_run(&queue, &why);
    while (rc > 0);
    net_rx_show(&queue);
    return rc;
}

/* The guest has the packet, in so many slots from *at on. Returns the first's flags. */
static unsigned int received(unsigned int size, bool gso)
{
    struct hv_netif_rx_response rsp;
    unsigned int from = 0, flags = 0, slots = 0;

    do {
        uint32_t at = rx.r.rsp_cons % 256;

        ck_assert_int_eq(ring_front_take(&rx, &rsp, sizeof(rsp)), 1);
        if (gso && slots == 1) {
            const struct hv_netif_extra_info *info = (const void *)&rsp;

            ck_assert_uint_eq(info->type, HV_NETIF_EXTRA_TYPE_GSO);
            ck_assert_uint_eq(info->u.gso.size, header.gso_size);
            slots++;
            continue;
        }
        ck_assert_uint_eq(rsp.id, at);
        ck_assert_int_gt(rsp.status, 0);
        ck_assert_mem_eq(fake_page[RX_DATA + at] + rsp.offset, packet + from,
                         (size_t)rsp.status);
        from += (unsigned int)rsp.status;
        if (!slots)
            flags = rsp.flags;
        slots++;
    } while (from < size);
    ck_assert_uint_eq(from, size);
    ck_assert(!(rsp.flags & HV_NETRXF_MORE_DATA));
    return flags;
}

START_TEST(a_packet_comes_in_as_it_is)
{
    give_pages(256);
    tcp_of(1000);
    memset(&header, 0, sizeof(header));
    on_the_wire(1000);
    ck_assert_int_eq(receive_all(), 0);
    ck_assert_uint_eq(received(1000, false), 0);
    header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    on_the_wire(1000);
    ck_assert_int_eq(receive_all(), 0);
    ck_assert_uint_eq(received(1000, false),
                      HV_NETRXF_CSUM_BLANK | HV_NETRXF_DATA_VALIDATED);
}
END_TEST

START_TEST(a_large_packet_comes_in_with_segments)
{
    give_pages(256);
    tcp_of(65226);
    header = (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                     .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
                                     .gso_size = 1448};
    on_the_wire(65226);
    on_the_wire(65226);
    ck_assert_int_eq(receive_all(), 0);
    for (unsigned int i = 0; i < 2; i++)
        ck_assert_uint_eq(received(65226, true),
                          HV_NETRXF_CSUM_BLANK | HV_NETRXF_DATA_VALIDATED |
                              HV_NETRXF_MORE_DATA | HV_NETRXF_EXTRA_INFO);
}
END_TEST

START_TEST(without_room_packets_wait_and_nothing_is_lost)
{
    give_pages(3);
    memset(&header, 0, sizeof(header));
    tcp_of(9000); /* three slots */
    for (unsigned int i = 0; i < 3; i++)
        on_the_wire(9000);
    ck_assert_int_eq(receive_all(), 0);
    ck_assert_uint_eq(received(9000, false), HV_NETRXF_MORE_DATA);
    ck_assert_int_eq(net_rx_arm(&queue), 0);
    give_pages(2);
    ck_assert_int_eq(net_rx_arm(&queue), 0);
    ck_assert_int_eq(receive_all(), 0);
    give_pages(4);
    ck_assert_int_eq(net_rx_arm(&queue), 1);
    ck_assert_int_eq(receive_all(), 0);
    for (unsigned int i = 0; i < 2; i++)
        ck_assert_uint_eq(received(9000, false), HV_NETRXF_MORE_DATA);
    ck_assert_int_eq(net_rx_arm(&queue), 0);
}
END_TEST

START_TEST(a_driver_without_sg_gets_no_large_packets)
{
    dev.can_sg = false;
    give_pages(256);
    memset(&header, 0, sizeof(header));
    tcp_of(5000);
    on_the_wire(5000);
    tcp_of(1000);
    on_the_wire(1000);
    ck_assert_int_eq(receive_all(), 0);
    ck_assert_uint_eq(received(1000, false), 0);
}
END_TEST

START_TEST(a_page_that_is_not_granted_is_an_error_for_its_packet_only)
{
    struct hv_netif_rx_response rsp;

    give_pages(256);
    memset(&header, 0, sizeof(header));
    fake_granted[RX_DATA] = false;
    tcp_of(1000);
    on_the_wire(1000);
    on_the_wire(1000);
    ck_assert_int_eq(receive_all(), 0);
    ck_assert_int_eq(ring_front_take(&rx, &rsp, sizeof(rsp)), 1);
    ck_assert_int_eq(rsp.status, HV_NETIF_RSP_ERROR);
    ck_assert_uint_eq(received(1000, false), 0);
}
END_TEST

static void change_group(uint8_t last, bool add)
{
    struct hv_netif_extra_info info = {.type = add ? HV_NETIF_EXTRA_TYPE_MCAST_ADD
                                                   : HV_NETIF_EXTRA_TYPE_MCAST_DEL,
                                       .u.mcast = {.addr = {1, 0, 0x5e, 0, 0, last}}};

    slot(0, 0, 0, 0, HV_NETTXF_EXTRA_INFO);
    extra(&info);
    ck_assert_int_eq(send_all(), 0);
    answered(100, HV_NETIF_RSP_OKAY);
    answered(0, HV_NETIF_RSP_NULL);
    nothing_arrives();
}

static void group_packet(uint8_t last)
{
    tcp_of(200);
    memcpy(packet, "\x01\x00\x5e\x00\x00", 5);
    packet[5] = last;
    on_the_wire(200);
    ck_assert_int_eq(receive_all(), 0);
}

START_TEST(a_guest_gets_the_groups_it_names)
{
    give_pages(256);
    memset(&header, 0, sizeof(header));
    groups.known = groups.filter = true;
    change_group(1, true);
    change_group(2, true);
    change_group(1, false);
    group_packet(1);
    group_packet(3);
    group_packet(2);
    received(200, false);
    memset(packet, 0xff, 6);
    on_the_wire(200); /* everybody's */
    ck_assert_int_eq(receive_all(), 0);
    received(200, false);
    for (unsigned int i = 0; i < 2 * NET_MAX_GROUPS; i++)
        change_group((uint8_t)i, true);
    ck_assert_uint_eq(groups.nr, NET_MAX_GROUPS);
}
END_TEST

START_TEST(beyond_its_rate_a_guest_waits)
{
    dev.credit_bytes = 1000;
    dev.credit_ns = 3600 * 1000000000ULL;
    tcp_of(600);
    for (unsigned int i = 0; i < 4; i++)
        slot(i, 0, 600, 600, 0);
    ck_assert_int_eq(send_all(), 0);
    arrives(600);
    arrives(600);
    nothing_arrives();
    ck_assert(queue.out_of_credit);
    ck_assert_int_eq(net_tx_arm(&queue), 0);
    ck_assert_uint_gt(net_credit_wait(&queue, 1), 0);
    queue.credit_until = 1; /* an hour later, or a day */
    tcp_of(600);
    ck_assert_int_eq(send_all(), 0);
    arrives(600);
    arrives(600);
}
END_TEST

static void three_packets(void)
{
    tcp_of(300);
    give_pages(10);
    memset(&header, 0, sizeof(header));
    for (unsigned int i = 0; i < 3; i++)
        slot(i, 0, 300, 300, 0);
    ring_front_push(&tx);
    on_the_wire(300);
}

static void three_answers(void)
{
    for (unsigned int i = 0; i < 3; i++)
        answered(100 + i, HV_NETIF_RSP_OKAY);
    received(300, false);
}

START_TEST(what_a_killed_backend_had_not_answered_is_done_again)
{
    three_packets();
    net_tx_run(&queue, &why);
    net_rx_run(&queue, &why);
    for (unsigned int i = 0; i < 3; i++)
        arrives(300);
    open_queue(queue.tap, true);
    on_the_wire(300);
    ck_assert_int_eq(send_all(), 0);
    ck_assert_int_eq(receive_all(), 0);
    for (unsigned int i = 0; i < 3; i++)
        arrives(300);
    three_answers();
}
END_TEST

/* An answer overwrites its request: who comes then must not look there for one. */
START_TEST(a_backend_killed_while_it_answers_is_followed_by_the_rest_of_its_answers)
{
    struct hv_ring_index *txi = (void *)fake_page[TX_REF],
                         *rxi = (void *)fake_page[RX_REF];

    three_packets();
    ck_assert_int_eq(send_all(), 0);
    ck_assert_int_eq(receive_all(), 0);
    for (unsigned int i = 0; i < 3; i++)
        arrives(300);
    txi->rsp_prod = 0; /* nothing was shown yet, all is overwritten */
    rxi->rsp_prod = 0;
    open_queue(queue.tap, true);
    ck_assert_int_eq(send_all(), 0);
    ck_assert_int_eq(receive_all(), 0);
    nothing_arrives();
    tcp_of(300);
    three_answers();
    slot(3, 0, 300, 300, 0);
    ck_assert_int_eq(send_all(), 0);
    arrives(300);
    answered(103, HV_NETIF_RSP_OKAY);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_packet_goes_out_as_it_is,
        slots_and_extras_become_one_packet_with_segments,
        a_full_ring_of_packets_goes_out_in_order,
        a_full_ring_goes_out_one_by_one_as_well,
        what_the_tap_has_no_room_for_is_lost_and_nobody_waits,
        packets_that_the_kernel_does_not_take_are_errors,
        a_forged_packet_is_dropped_and_its_neighbours_are_not,
        an_index_out_of_range_ends_the_device,
        a_packet_without_an_end_ends_the_device,
        a_packet_of_very_many_slots_ends_the_device,
        a_packet_of_too_many_slots_is_dropped,
        slots_larger_than_the_packet_end_the_device,
        a_slot_beyond_its_page_ends_the_device,
        unknown_extras_end_the_device,
        extras_without_end_end_the_device,
        a_packet_comes_in_as_it_is,
        a_large_packet_comes_in_with_segments,
        without_room_packets_wait_and_nothing_is_lost,
        a_driver_without_sg_gets_no_large_packets,
        a_page_that_is_not_granted_is_an_error_for_its_packet_only,
        a_guest_gets_the_groups_it_names,
        beyond_its_rate_a_guest_waits,
        what_a_killed_backend_had_not_answered_is_done_again,
        a_backend_killed_while_it_answers_is_followed_by_the_rest_of_its_answers,
        NULL};

    return unit_run("net", prepare, tests);
}
