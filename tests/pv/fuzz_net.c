/* SPDX-License-Identifier: MIT */
/*
 * A frontend that writes anything at all into its rings and its pages, in any order: the
 * queue either serves it or ends it, touches nothing that is not granted, answers no more
 * than it took, and no packet that reaches the wire lies about its lengths.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fake_door.h"
#include "net_packets.h"
#include "netback/net_ctrl.h"
#include "netback/net_queue.h"
#include "netback/packet.h"

struct input {
    const uint8_t *at;
    size_t left;
};

static struct net_device dev;
static struct net_groups groups;
static struct net_queue queue;
static struct net_journal journal;
static struct net_ctrl ctrl;
static struct net_ctrl_journal hashing;
static int ends[2];

static void complain(const char *line)
{
}

static uint32_t take(struct input *in, size_t size)
{
    uint32_t value = 0;
    size_t n = size < in->left ? size : in->left;

    memcpy(&value, in->at, n);
    in->at += n;
    in->left -= n;
    return value;
}

static void open_once(void)
{
    static bool opened;
    char rest[100];

    if (!opened) {
        dev = (struct net_device){.domid = 1, .groups = &groups, .complain = complain};
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends))
            abort();
        queue.tx_pages = NULL;
    }
    opened = true;
    /* What an earlier input left on the way. */
    while (read(ends[0], rest, sizeof(rest)) > 0 || read(ends[1], rest, sizeof(rest)) > 0)
        ;
}

/* A slot that is nearly right: what is random in it has only a few values. */
static void write_tx(struct input *in, uint8_t *ring, uint32_t at)
{
    static const uint16_t sizes[] = {0, 1, 13, 14, 60, 200, 4000, 4096, 65535};
    struct hv_netif_tx_request req = {.gref = 16 + take(in, 1) % 8,
                                      .offset =
                                          take(in, 1) & 1 ? 0 : (uint16_t)take(in, 2),
                                      .flags = (uint16_t)(take(in, 1) & 15),
                                      .id = (uint16_t)at,
                                      .size = sizes[take(in, 1) % 9]};
    uint8_t *slot = ring + sizeof(struct hv_ring_index) + at % 256 * NET_TX_SLOT;

    memcpy(slot, &req, sizeof(req));
    if (take(in, 1) & 1) {
        slot[0] = (uint8_t)(take(in, 1) % 6); /* an extra, or rubbish */
        slot[1] = (uint8_t)(take(in, 1) & 1);
    }
}

static void write_ctrl(struct input *in)
{
    static const uint32_t words[] = {0, 1, 15, 16, 17, 40, 128, 129, 0xffffffff};
    struct hv_ring_index *idx = (void *)fake_page[2];
    struct hv_netif_ctrl_request req = {
        .type = (uint16_t)(take(in, 1) % 12),
        .data = {words[take(in, 1) % 9], words[take(in, 1) % 9], words[take(in, 1) % 9]}};

    memcpy(fake_page[2] + sizeof(*idx) + idx->req_prod++ % 128 * NET_CTRL_SLOT, &req,
           sizeof(req));
}

/* False: the device has ended. */
static bool run_ctrl(void)
{
    bool notify;

    if (net_ctrl_run(&ctrl, &notify) < 0)
        return false;
    if (ctrl.ring.r.rsp_prod_pvt != ctrl.ring.r.req_cons ||
        hashing.hash.entries > NET_HASH_MAPPING)
        abort();
    for (unsigned int i = 0; i < NET_HASH_MAPPING; i++)
        if (hashing.hash.queue[i] >= ctrl.queues)
            abort();
    return net_ctrl_arm(&ctrl) >= 0;
}

static void write_page(struct input *in)
{
    uint8_t *page = fake_page[16 + take(in, 1) % 8];
    uint32_t size = 60 + take(in, 1);

    if (take(in, 1) & 1)
        make_tcp(make_ipv4(page, size, 6));
    else
        make_udp(make_ipv6(page, size, 17), size - ETHER - 40);
    for (unsigned int n = take(in, 1) % 4; n; n--)
        page[take(in, 1)] = (uint8_t)take(in, 1);
}

/* Its own look at the outer lengths, beside packet_check(). */
static bool lies(const uint8_t *p, uint32_t size)
{
    uint32_t type = p[12] << 8 | p[13];

    if (type == 0x0800)
        return size < ETHER + 20 || (p[16] << 8 | p[17]) > (int)(size - ETHER);
    if (type == 0x86dd)
        return size < ETHER + 40 || (p[18] << 8 | p[19]) > (int)(size - ETHER - 40);
    return size < ETHER;
}

static void check_wire(void)
{
    static uint8_t got[70000];
    struct virtio_net_hdr header, again;
    struct iovec iov[2] = {{&header, sizeof(header)}, {got, sizeof(got)}};
    ssize_t n;

    while ((n = readv(ends[1], iov, 2)) > 0) {
        struct packet_claim claim = {.size = (uint32_t)n - sizeof(header)};

        if (lies(got, claim.size) || packet_check(got, &claim, &again) ||
            header.csum_start + header.csum_offset + 2 > (int)claim.size)
            abort();
    }
}

static void on_the_wire(struct input *in)
{
    static uint8_t out[70000];
    struct virtio_net_hdr header = {.gso_type = (uint8_t)(take(in, 1) % 5),
                                    .flags = (uint8_t)(take(in, 1) & 3)};
    struct iovec iov[2] = {{&header, sizeof(header)}, {out, take(in, 2)}};

    if (writev(ends[1], iov, 2) < 0)
        return;
    queue.tap_ready = true;
}

/* Both ways; false: the device has ended. */
static bool run(void)
{
    const char *why;

    if (net_tx_run(&queue, &why) < 0 || net_rx_run(&queue, &why) < 0)
        return false;
    if (queue.tx_answered != queue.tx.r.req_cons ||
        queue.rx_answered != queue.rx.r.req_cons)
        abort();
    net_tx_show(&queue);
    net_rx_show(&queue);
    check_wire();
    return net_tx_arm(&queue) >= 0 && net_rx_arm(&queue) >= 0;
}

static bool step(struct input *in)
{
    struct hv_ring_index *tx = (void *)fake_page[0], *rx = (void *)fake_page[1];

    switch (take(in, 1) % 11) {
    case 0:
        write_tx(in, fake_page[0], tx->req_prod++);
        break;
    case 1:
        write_page(in);
        break;
    case 2:
        tx->req_prod = take(in, 4);
        break;
    case 3:
        rx->req_prod += take(in, 1) % 64;
        break;
    case 4:
        fake_page[take(in, 1) & 1][take(in, 2) % PAGE_SIZE] = (uint8_t)take(in, 1);
        break;
    case 5:
        on_the_wire(in);
        break;
    case 6:
        fake_granted[16 + take(in, 1) % 8] = take(in, 1) & 1;
        break;
    case 7:
        return run();
    case 8:
        write_ctrl(in);
        break;
    case 9:
        fake_page[2][take(in, 2) % PAGE_SIZE] = (uint8_t)take(in, 1);
        break;
    case 10:
        return run_ctrl();
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {.at = data, .left = size};

    fake_open();
    open_once();
    if (queue.tx_pages)
        munmap(queue.tx_pages, NET_ALL_PAGES * PAGE_SIZE);
    groups.known = true;
    groups.nr = 0;
    dev.hash = &hashing.hash;
    dev.can_sg = take(&in, 1) & 1;
    groups.filter = take(&in, 1) & 1;
    if (net_queue_open(&queue, &dev, fake_page[0], fake_page[1], ends[0], &journal,
                       take(&in, 1) & 1))
        abort();
    ctrl = (struct net_ctrl){
        .journal = &hashing, .domid = 1, .queues = 2, .page = queue.tx_pages};
    net_ctrl_open(&ctrl, fake_page[2], false);
    for (unsigned int i = 0; i < 256; i++) {
        struct hv_netif_rx_request *req =
            (void *)(fake_page[1] + sizeof(struct hv_ring_index) + i * NET_RX_SLOT);

        *req = (struct hv_netif_rx_request){.id = (uint16_t)i, .gref = 30 + i};
    }
    while (in.left && step(&in))
        ;
    check_wire();
    return 0;
}
