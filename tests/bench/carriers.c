/* SPDX-License-Identifier: MIT */
/*
 * Three ways by which a process gives packets to dom0's kernel and takes them from it: a
 * tap, packet sockets on one end of a pair of interfaces, and a tap served by vhost-net.
 * What each costs, for one packet at a time and for sixteen, small or of 64 KiB in
 * segments; hvnetd's own work is not in it. Given, they end in the IP layer, as their
 * address is nobody's. Taken, they are put on the interface by a packet socket, which
 * costs the same each time.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/vhost.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "measure.h"

#define HEADER sizeof(struct virtio_net_hdr)
#define LARGE  65000U
#define SMALL  60U
#define BATCH  16U
#define ROUNDS 64U
#define ROOM   (LARGE + 4096)
#define ETHER  14U
#define SLOTS  32U

static uint8_t *room[BATCH]; /* a packet each, its header before it */

#define MUST(what)                                                                       \
    do {                                                                                 \
        if ((what) < 0) {                                                                \
            fprintf(stderr, "carriers: line %d: %s\n", __LINE__, strerror(errno));       \
            exit(1);                                                                     \
        }                                                                                \
    } while (0)

/* ---- Packets ---- */

static uint16_t ip_sum(const uint8_t *ip)
{
    uint32_t sum = 0;

    for (int i = 0; i < 20; i += 2)
        sum += (uint32_t)ip[i] << 8 | ip[i + 1];
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t) ~(sum + (sum >> 16));
}

/* TCP to 10.9.N.99, a neighbour of the interface's address. */
static void make(uint8_t *p, unsigned int size, unsigned int net, const uint8_t mac[6])
{
    uint8_t *ip = p + HEADER + ETHER, *tcp = ip + 20;
    uint16_t all = (uint16_t)(size - ETHER), sum;
    struct virtio_net_hdr h = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                               .hdr_len = ETHER + 40,
                               .gso_size = 1448,
                               .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
                               .csum_start = ETHER + 20,
                               .csum_offset = 16};

    memset(p, 0, HEADER + size);
    if (size > SMALL)
        memcpy(p, &h, sizeof(h));
    memcpy(p + HEADER, mac, 6);
    memcpy(p + HEADER + 6, "\2\0\0\0\0\1", 6);
    p[HEADER + 12] = 8;
    memcpy(ip, "\x45\0\0\0\0\0\0\0\x40\6\0\0\x0a\x09\0\2\x0a\x09\0\x63", 20);
    ip[14] = ip[18] = (uint8_t)net;
    ip[2] = (uint8_t)(all >> 8);
    ip[3] = (uint8_t)all;
    sum = ip_sum(ip);
    ip[10] = (uint8_t)(sum >> 8);
    ip[11] = (uint8_t)sum;
    tcp[12] = 0x50;
}

/* ---- Interfaces ---- */

static struct ifreq named(const char *name)
{
    struct ifreq r = {0};

    snprintf(r.ifr_name, IFNAMSIZ, "%s", name);
    return r;
}

static void mac_of(const char *name, uint8_t mac[6])
{
    struct ifreq r = named(name);
    int s = socket(AF_INET, SOCK_DGRAM, 0);

    MUST(ioctl(s, SIOCGIFHWADDR, &r));
    memcpy(mac, r.ifr_hwaddr.sa_data, 6);
    close(s);
}

static void set_up(const char *name, unsigned int net)
{
    char line[200];

    snprintf(line, sizeof(line),
             "ip addr add 10.9.%u.1/24 dev %s; ip link set %s mtu 1500 up", net, name,
             name);
    MUST(system(line) ? -1 : 0);
}

static int open_tap(const char *name, unsigned int net)
{
    struct ifreq r = named(name);
    int fd = open("/dev/net/tun", O_RDWR);

    MUST(fd);
    r.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
    MUST(ioctl(fd, TUNSETIFF, &r));
    MUST(ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4));
    set_up(name, net);
    return fd;
}

static int open_packet(const char *name, int protocol)
{
    struct sockaddr_ll at = {.sll_family = AF_PACKET,
                             .sll_protocol = (uint16_t)(protocol << 8 | protocol >> 8),
                             .sll_ifindex = (int)if_nametoindex(name)};
    int s = socket(AF_PACKET, SOCK_RAW, 0), on = 1, size = 8 << 20;

    MUST(s);
    MUST(setsockopt(s, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)));
    MUST(setsockopt(s, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)));
    MUST(setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)));
    MUST(setsockopt(s, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)));
    MUST(bind(s, (struct sockaddr *)&at, sizeof(at)));
    return s;
}

/* ---- Carriers ---- */

struct carrier {
    const char *name, *interface; /* interface: dom0's end */
    int fd;
    void (*give)(struct carrier *c, unsigned int nr, unsigned int size);
    void (*take)(struct carrier *c, unsigned int nr, unsigned int size);
};

static void give_by_write(struct carrier *c, unsigned int nr, unsigned int size)
{
    for (unsigned int i = 0; i < nr; i++)
        MUST(write(c->fd, room[i], HEADER + size));
}

static void take_by_read(struct carrier *c, unsigned int nr, unsigned int size)
{
    for (unsigned int i = 0; i < nr; i++)
        if (read(c->fd, room[i], ROOM) != (ssize_t)(HEADER + size))
            MUST(-1);
}

/* The same for sockets, several at once. */
static void by_messages(struct carrier *c, unsigned int nr, unsigned int size, bool take)
{
    struct mmsghdr m[BATCH] = {0};
    struct iovec iov[BATCH];

    for (unsigned int i = 0; i < nr; i++) {
        iov[i] = (struct iovec){room[i], take ? ROOM : HEADER + size};
        m[i].msg_hdr.msg_iov = &iov[i];
        m[i].msg_hdr.msg_iovlen = 1;
    }
    for (unsigned int done = 0; done < nr;) {
        int n = take ? recvmmsg(c->fd, m + done, nr - done, MSG_WAITFORONE, NULL)
                     : sendmmsg(c->fd, m + done, nr - done, 0);

        MUST(n);
        done += (unsigned int)n;
    }
    for (unsigned int i = 0; i < nr; i++)
        if (m[i].msg_len != HEADER + size)
            MUST(-1);
}

static void give_by_messages(struct carrier *c, unsigned int nr, unsigned int size)
{
    by_messages(c, nr, size, false);
}

static void take_by_messages(struct carrier *c, unsigned int nr, unsigned int size)
{
    by_messages(c, nr, size, true);
}

/* ---- vhost-net: a ring in our memory, whose other end is a thread of the kernel ---- */

static struct ring {
    struct vring v;
    int kick, call;
    uint16_t next, seen;
} ring[2]; /* 0: what we take, 1: what we give */

static void make_ring(int vhost, unsigned int n)
{
    struct ring *r = &ring[n];
    void *at = mmap(NULL, vring_size(SLOTS, 4096), PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    struct vhost_vring_state state = {n, SLOTS};
    struct vhost_vring_addr addr = {.index = n};
    struct vhost_vring_file file = {.index = n};

    vring_init(&r->v, SLOTS, at, 4096);
    MUST(ioctl(vhost, VHOST_SET_VRING_NUM, &state));
    state.num = 0;
    MUST(ioctl(vhost, VHOST_SET_VRING_BASE, &state));
    addr.desc_user_addr = (uintptr_t)r->v.desc;
    addr.avail_user_addr = (uintptr_t)r->v.avail;
    addr.used_user_addr = (uintptr_t)r->v.used;
    MUST(ioctl(vhost, VHOST_SET_VRING_ADDR, &addr));
    file.fd = r->kick = eventfd(0, 0);
    MUST(ioctl(vhost, VHOST_SET_VRING_KICK, &file));
    file.fd = r->call = eventfd(0, 0);
    MUST(ioctl(vhost, VHOST_SET_VRING_CALL, &file));
}

static void open_vhost(int tap)
{
    struct {
        struct vhost_memory m;
        struct vhost_memory_region all;
    } memory = {.m.nregions = 1, .all = {.memory_size = (1ull << 47) - 4096}};
    int vhost = open("/dev/vhost-net", O_RDWR);
    uint64_t features = 0;

    MUST(vhost);
    MUST(ioctl(vhost, VHOST_SET_OWNER));
    MUST(ioctl(vhost, VHOST_SET_FEATURES, &features));
    MUST(ioctl(vhost, VHOST_SET_MEM_TABLE, &memory));
    for (unsigned int n = 0; n < 2; n++) {
        struct vhost_vring_file file = {.index = n, .fd = tap};

        make_ring(vhost, n);
        MUST(ioctl(vhost, VHOST_NET_SET_BACKEND, &file));
    }
}

static void offer(struct ring *r, unsigned int nr, unsigned int size, unsigned int flags)
{
    for (unsigned int i = 0; i < nr; i++) {
        r->v.desc[i] = (struct vring_desc){(uintptr_t)room[i], size, (uint16_t)flags, 0};
        r->v.avail->ring[r->next++ % SLOTS] = (uint16_t)i;
    }
    __atomic_store_n(&r->v.avail->idx, r->next, __ATOMIC_RELEASE);
    if (!(__atomic_load_n(&r->v.used->flags, __ATOMIC_ACQUIRE) & VRING_USED_F_NO_NOTIFY))
        MUST(eventfd_write(r->kick, 1));
}

/* Waits until all that was offered is used. */
static void wait_used(struct ring *r)
{
    eventfd_t n;

    while (__atomic_load_n(&r->v.used->idx, __ATOMIC_ACQUIRE) != r->next)
        MUST(eventfd_read(r->call, &n));
}

static void give_by_vhost(struct carrier *c, unsigned int nr, unsigned int size)
{
    offer(&ring[1], nr, (unsigned int)HEADER + size, 0);
    wait_used(&ring[1]);
}

static void take_by_vhost(struct carrier *c, unsigned int nr, unsigned int size)
{
    offer(&ring[0], nr, ROOM, VRING_DESC_F_WRITE);
    wait_used(&ring[0]);
    for (unsigned int i = 0; i < nr; i++, ring[0].seen++)
        if (ring[0].v.used->ring[ring[0].seen % SLOTS].len != HEADER + size)
            MUST(-1);
}

/* ---- Measuring ---- */

static void fill(const struct carrier *c, unsigned int net, unsigned int size)
{
    uint8_t mac[6];

    mac_of(c->interface, mac);
    for (unsigned int i = 0; i < BATCH; i++)
        make(room[i], size, net, mac);
}

static void measure(struct carrier *c, unsigned int net, unsigned int size,
                    unsigned int nr)
{
    struct carrier put = {.fd = open_packet(c->interface, 0)};
    char op[64];
    uint64_t begin;

    for (unsigned int warm = 0; warm < 2; warm++) {
        fill(c, net, size);
        begin = measure_begin("dom0");
        for (unsigned int i = 0; i < ROUNDS; i++)
            c->give(c, nr, size);
        snprintf(op, sizeof(op), "%s: give %u of %u", c->name, nr, size);
        if (warm)
            measure_end("dom0", op, ROUNDS * nr, begin);
        begin = measure_begin("dom0");
        for (unsigned int i = 0; i < ROUNDS; i++) {
            give_by_messages(&put, nr, size);
            c->take(c, nr, size);
        }
        snprintf(op, sizeof(op), "%s: take %u of %u", c->name, nr, size);
        if (warm)
            measure_end("dom0", op, ROUNDS * nr, begin);
    }
    close(put.fd);
}

int main(void)
{
    struct carrier all[] = {
        {"tap", "tap0", -1, give_by_write, take_by_read},
        {"packet socket", "pair1", -1, give_by_messages, take_by_messages},
        {"vhost", "tap1", -1, give_by_vhost, take_by_vhost}};

    for (unsigned int i = 0; i < BATCH; i++)
        room[i] = mmap(NULL, ROOM, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    all[0].fd = open_tap("tap0", 0);
    set_up("pair1", 1);
    MUST(system("ip link set pair0 up") ? -1 : 0);
    all[1].fd = open_packet("pair0", ETH_P_ALL);
    open_vhost(open_tap("tap1", 2));
    for (unsigned int n = 0; n < 3; n++)
        for (unsigned int size = SMALL; size <= LARGE; size += LARGE - SMALL)
            for (unsigned int nr = 1; nr <= BATCH; nr += BATCH - 1)
                measure(&all[n], n, size, nr);
    return 0;
}
