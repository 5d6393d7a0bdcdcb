/* SPDX-License-Identifier: MIT */
/* For tests of hvnetd: guests with one interface, made of files, whose taps are sockets.
 */
#ifndef NET_DAEMON_GUEST_H
#define NET_DAEMON_GUEST_H

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#define WORLD_DAEMON "fake-hvnetd"
#include "abi/io/netif.h"
#include "common/ring.h"
#include "daemon_world.h"
#include "net_packets.h"
#include "netback/packet.h"

#define TX_SLOT          sizeof(union hv_netif_tx_sring_entry)
#define RX_SLOT          sizeof(union hv_netif_rx_sring_entry)
#define GUEST_PAGES_EACH 64U
#define TX_DATA          2U  /* pages behind the rings */
#define RX_DATA          32U /* to be filled */
#define RX_PAGES         16U

/* A guest with one interface. */
struct guest {
    unsigned int domid;
    char front[64], back[64];
    struct ring_front tx, rx;
    int to_back, to_front;
    int listener, wire; /* the tap's other end */
    uint32_t first_page;
    unsigned int count; /* of packets that it has sent */
};

static uint8_t *page_of(const struct guest *g, unsigned int n)
{
    return memory + (g->first_page + n) * PAGE_SIZE;
}

/* ---- What the tools do, and the bridge ---- */

static void listen_for_tap(struct guest *g)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    char path[128];
    mode_t mask = umask(0);

    file_name(path, GUEST_TAP "vif%u.0", g->domid);
    snprintf(at.sun_path, sizeof(at.sun_path), "%.100s", path);
    g->listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    ck_assert_int_eq(bind(g->listener, (struct sockaddr *)&at, sizeof(at)), 0);
    ck_assert_int_eq(listen(g->listener, 4), 0);
    umask(mask);
}

static void attach(struct guest *g)
{
    put(g->front, "backend", g->back, 0);
    put(g->front, "state", "1", 0);
    put(g->back, "online", "1", 0);
    put(g->back, "state", "1", 0);
    put(g->back, "frontend", g->front, 0);
}

static void make_guest(struct guest *g, unsigned int domid)
{
    memset(g, 0, sizeof(*g));
    g->domid = domid;
    g->first_page = domid * GUEST_PAGES_EACH;
    g->to_back = open_pipe(GUEST_TO_BACK "-%u", domid);
    g->to_front = open_pipe(GUEST_TO_FRONT "-%u", domid);
    snprintf(g->front, sizeof(g->front), "/local/domain/%u/device/vif/0", domid);
    snprintf(g->back, sizeof(g->back), "/local/domain/0/backend/hvnet/%u/0", domid);
    listen_for_tap(g);
}

/* ---- The guest's driver ---- */

static void notify(const struct guest *g)
{
    ck_assert(write(g->to_back, "", 1) == 1 || errno == EAGAIN);
}

static void give_pages(struct guest *g, unsigned int nr)
{
    while (nr--) {
        uint32_t n = g->rx.r.req_prod_pvt;
        struct hv_netif_rx_request req = {.id = (uint16_t)n,
                                          .gref = g->first_page + RX_DATA + n % RX_PAGES};

        ck_assert(ring_front_put(&g->rx, &req, sizeof(req)));
    }
    if (ring_front_push(&g->rx))
        notify(g);
}

static void say_rings(struct guest *g)
{
    ring_front_init(&g->tx, page_of(g, 0), PAGE_SIZE, TX_SLOT);
    ring_front_init(&g->rx, page_of(g, 1), PAGE_SIZE, RX_SLOT);
    put(g->front, "tx-ring-ref", "%u", g->first_page);
    put(g->front, "rx-ring-ref", "%u", g->first_page + 1);
    put(g->front, "event-channel", "1", 0);
    put(g->front, "request-rx-copy", "1", 0);
    put(g->front, "feature-rx-notify", "1", 0);
    put(g->front, "feature-sg", "1", 0);
}

static void connect_net(struct guest *g)
{
    wait_state(g->back, HV_XENBUS_STATE_INIT_WAIT);
    g->wire = accept(g->listener, NULL, NULL);
    say_rings(g);
    put(g->front, "state", "4", 0);
    wait_state(g->back, HV_XENBUS_STATE_CONNECTED);
    give_pages(g, RX_PAGES);
}

static void open_guest(struct guest *g, unsigned int domid)
{
    make_guest(g, domid);
    attach(g);
    connect_net(g);
}

static void tx_slot(struct guest *g, uint32_t ref, unsigned int offset, unsigned int size,
                    unsigned int flags)
{
    struct hv_netif_tx_request req = {.gref = ref,
                                      .offset = (uint16_t)offset,
                                      .flags = (uint16_t)flags,
                                      .id = (uint16_t)g->count++,
                                      .size = (uint16_t)size};

    ck_assert(ring_front_put(&g->tx, &req, sizeof(req)));
}

static void tx_show(struct guest *g)
{
    if (ring_front_push(&g->tx))
        notify(g);
}

/* Waits for an answer to what was sent: its status. */
static int tx_answer(struct guest *g)
{
    struct hv_netif_tx_response rsp;
    char bytes[64];
    int rc;

    for (int ms = 0; ms < PATIENCE_MS; ms++) {
        rc = ring_front_take(&g->tx, &rsp, sizeof(rsp));
        ck_assert_int_ge(rc, 0);
        if (rc)
            return rsp.status;
        if (ring_front_arm(&g->tx) > 0)
            continue;
        struct pollfd fd = {.fd = g->to_front, .events = POLLIN};

        if (poll(&fd, 1, 1) == 1)
            ck_assert_int_gt(read(g->to_front, bytes, sizeof(bytes)), 0);
    }
    ck_abort_msg("no answer comes");
}

/* The next packet on the wire, with the kernel's header before it: its size. */
static unsigned int from_wire(struct guest *g, uint8_t *packet, size_t room)
{
    struct virtio_net_hdr header;
    struct iovec iov[2] = {{&header, sizeof(header)}, {packet, room}};
    struct pollfd fd = {.fd = g->wire, .events = POLLIN};

    ck_assert_msg(poll(&fd, 1, PATIENCE_MS) == 1, "no packet comes");
    return (unsigned int)readv(g->wire, iov, 2) - (unsigned int)sizeof(header);
}

static bool wire_is_silent(const struct guest *g)
{
    struct pollfd fd = {.fd = g->wire, .events = POLLIN};

    return poll(&fd, 1, 0) == 0;
}

/* Packets go both ways, with what is in them. */
static void talk(struct guest *g, unsigned int rounds)
{
    uint8_t got[2000], *page = page_of(g, TX_DATA);
    struct virtio_net_hdr none = {.flags = 0};
    struct hv_netif_rx_response rsp;

    for (unsigned int i = 0; i < rounds; i++) {
        unsigned int size = 60 + (g->count * 37) % 1400;

        make_udp(make_ipv4(page, size, 17), size - ETHER - 20);
        page[size - 1] = (uint8_t)g->count;
        tx_slot(g, g->first_page + TX_DATA, 0, size, 0);
        tx_show(g);
        ck_assert_int_eq(tx_answer(g), HV_NETIF_RSP_OKAY);
        ck_assert_uint_eq(from_wire(g, got, sizeof(got)), size);
        ck_assert_mem_eq(got, page, size);

        struct iovec iov[2] = {{&none, sizeof(none)}, {got, size}};

        ck_assert_int_gt(writev(g->wire, iov, 2), 0);
        for (int ms = 0; ring_front_take(&g->rx, &rsp, sizeof(rsp)) == 0; ms++) {
            ck_assert_int_lt(ms, PATIENCE_MS * 5);
            usleep(200);
        }
        ck_assert_int_eq(rsp.status, (int)size);
        ck_assert_mem_eq(page_of(g, RX_DATA + rsp.id % RX_PAGES), got, size);
        give_pages(g, 1);
    }
}

#endif
