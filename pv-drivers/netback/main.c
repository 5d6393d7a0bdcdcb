/* SPDX-License-Identifier: MIT */
/*
 * hvnetd: network interfaces for guests. What the two ends tell each other in XenStore.
 *
 * Reference: Xen public interface, io/netif.h, the comments at its beginning.
 */
#include <errno.h>
#include <linux/capability.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "common/backend.h"
#include "common/worker.h"
#include "daemon/log.h"
#include "netback/net_worker.h"
#include "netback/tap.h"

#define MAX_PORT         (1U << 17)
#define MAX_MTU          65521U
#define MULTICAST_FILTER "request-multicast-control"

/* To make tap devices, to be somebody else. */
#define CAPABILITIES (1ULL << CAP_NET_ADMIN | 1ULL << CAP_SETUID | 1ULL << CAP_SETGID)

/* Our part of a device. */
struct net_own {
    char name[IFNAMSIZ];     /* of the tap device */
    int tap;                 /* its first queue */
    struct net_state *state; /* of its workers */
};

static void choose_name(const struct device *dev, char out[IFNAMSIZ])
{
    char *name = xenbus_read(dev->daemon->xs, dev->back, "vifname");

    if (name && *name)
        snprintf(out, IFNAMSIZ, "%s", name);
    else
        snprintf(out, IFNAMSIZ, "vif%u.%u", dev->domid, dev->devid);
    free(name);
}

static int open_net(struct device *dev, char what[200], const char **why)
{
    struct net_own *own = dev->own;
    char *bridge = xenbus_read(dev->daemon->xs, dev->back, "bridge");
    uint64_t mtu = 0;
    bool joins = bridge && *bridge;

    choose_name(dev, own->name);
    xenbus_number(dev->daemon->xs, dev->back, "mtu", MAX_MTU, &mtu);
    own->state = mmap(NULL, sizeof(*own->state), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (own->state == MAP_FAILED)
        *why = "out of memory", own->tap = -ENOMEM;
    else
        own->tap = tap_open(own->name, joins ? bridge : NULL, (unsigned int)mtu, why);
    if (own->tap < 0 && own->state != MAP_FAILED)
        munmap(own->state, sizeof(*own->state));
    snprintf(what, 200, "%s%s%.60s", own->name, joins ? " in bridge " : "",
             joins ? bridge : "");
    free(bridge);
    return own->tap < 0 ? own->tap : 0;
}

static void close_net(struct device *dev)
{
    struct net_own *own = dev->own;

    close(own->tap);
    munmap(own->state, sizeof(*own->state));
}

static unsigned int most_queues(void)
{
    unsigned int cpus = (unsigned int)get_nprocs();

    return cpus < NET_MAX_QUEUES ? cpus : NET_MAX_QUEUES;
}

static void offer_net(const struct device *dev, struct offer *o)
{
    offer_number(o, "feature-sg", 1);
    offer_number(o, "feature-gso-tcpv4", 1);
    offer_number(o, "feature-gso-tcpv6", 1);
    offer_number(o, "feature-ipv6-csum-offload", 1);
    offer_number(o, "feature-rx-copy", 1);
    offer_number(o, "feature-rx-flip", 0);
    offer_number(o, "feature-multicast-control", 1);
    offer_number(o, "feature-dynamic-multicast-control", 1);
    offer_number(o, "feature-ctrl-ring", 1);
    offer_number(o, "feature-split-event-channels", 1);
    offer_number(o, "multi-queue-max-queues", most_queues());
}

static bool flag(const struct device *dev, const char *name)
{
    uint64_t value = 0;

    xenbus_number(dev->daemon->xs, dev->front, name, UINT32_MAX, &value);
    return value;
}

static const char *read_queue(struct xs_handle *xs, const char *dir,
                              struct net_config *cfg, unsigned int i)
{
    uint64_t tx_ref, rx_ref, tx_port, rx_port;

    if (!xenbus_number(xs, dir, "tx-ring-ref", UINT32_MAX, &tx_ref) ||
        !xenbus_number(xs, dir, "rx-ring-ref", UINT32_MAX, &rx_ref))
        return "its tx-ring-ref or rx-ring-ref is missing or no reference";
    if (!xenbus_number(xs, dir, "event-channel-tx", MAX_PORT, &tx_port) ||
        !xenbus_number(xs, dir, "event-channel-rx", MAX_PORT, &rx_port)) {
        if (!xenbus_number(xs, dir, "event-channel", MAX_PORT, &tx_port))
            return "its event-channel is missing or no port";
        rx_port = tx_port;
    }
    cfg->queue[i].tx_ref = (uint32_t)tx_ref;
    cfg->queue[i].rx_ref = (uint32_t)rx_ref;
    cfg->queue[i].tx_port = (uint32_t)tx_port;
    cfg->queue[i].rx_port = (uint32_t)rx_port;
    return NULL;
}

static const char *read_queues(const struct device *dev, struct net_config *cfg)
{
    struct xs_handle *xs = dev->daemon->xs;
    char path[XENBUS_PATH + 24];
    const char *why = NULL;
    uint64_t queues = 1;

    xenbus_number(xs, dev->front, "multi-queue-num-queues", UINT32_MAX, &queues);
    if (!queues || queues > most_queues())
        return "its multi-queue-num-queues is not what was offered";
    cfg->nr_queues = (unsigned int)queues;
    if (queues == 1)
        return read_queue(xs, dev->front, cfg, 0);
    for (unsigned int i = 0; i < queues && !why; i++) {
        snprintf(path, sizeof(path), "%s/queue-%u", dev->front, i);
        why = read_queue(xs, path, cfg, i);
    }
    return why;
}

static const char *read_ctrl(const struct device *dev, struct net_config *cfg)
{
    struct xs_handle *xs = dev->daemon->xs;
    char *ring = xenbus_read(xs, dev->front, "ctrl-ring-ref");
    uint64_t ref, port;

    cfg->has_ctrl = ring;
    free(ring);
    if (!cfg->has_ctrl)
        return NULL;
    if (!xenbus_number(xs, dev->front, "ctrl-ring-ref", UINT32_MAX, &ref))
        return "its ctrl-ring-ref is no reference";
    if (!xenbus_number(xs, dev->front, "event-channel-ctrl", MAX_PORT, &port))
        return "its event-channel-ctrl is missing or no port";
    cfg->ctrl_ref = (uint32_t)ref;
    cfg->ctrl_port = (uint32_t)port;
    return NULL;
}

/* "BYTES,MICROSECONDS"; what is not that is no limit, as for Linux's backend. */
static void read_rate(const struct device *dev, struct net_config *cfg)
{
    char *rate = xenbus_read(dev->daemon->xs, dev->back, "rate");
    unsigned int us;
    uint64_t bytes;

    if (rate && sscanf(rate, "%lu,%u", &bytes, &us) == 2 && bytes && us) {
        cfg->credit_bytes = bytes < UINT32_MAX ? bytes : UINT32_MAX;
        cfg->credit_us = us;
    }
    free(rate);
}

/* What the kernel may leave to the guest. It does not tell IPv4 from IPv6 in this. */
static unsigned int offloads(const struct device *dev)
{
    unsigned int flags = 0;

    if (flag(dev, "feature-no-csum-offload") || !flag(dev, "feature-ipv6-csum-offload"))
        return 0;
    flags |= TUN_F_CSUM;
    if (!flag(dev, "feature-sg"))
        return flags;
    if (flag(dev, "feature-gso-tcpv4"))
        flags |= TUN_F_TSO4;
    if (flag(dev, "feature-gso-tcpv6"))
        flags |= TUN_F_TSO6;
    return flags;
}

static void close_queues(const struct net_config *cfg, unsigned int nr)
{
    for (unsigned int i = 1; i < nr; i++)
        close(cfg->queue[i].tap);
}

static const char *spawn(struct device *dev, struct net_config *cfg)
{
    const struct net_own *own = dev->own;
    unsigned int nr = 1;
    int rc;

    cfg->queue[0].tap = own->tap;
    rc = tap_offload(own->tap, offloads(dev));
    for (; nr < cfg->nr_queues && !rc; nr++) {
        cfg->queue[nr].tap = tap_add_queue(own->name);
        if (cfg->queue[nr].tap < 0) {
            rc = cfg->queue[nr].tap;
            break;
        }
    }
    if (!rc)
        rc = tap_carrier(own->tap, true);
    if (!rc)
        rc = worker_spawn(net_worker, cfg, &dev->worker, &dev->control.fd);
    close_queues(cfg, nr);
    return rc ? strerror(-rc) : NULL;
}

/* Whether the guest wants only the groups it names; it may change its mind. */
static void follow_filter(struct device *dev)
{
    __atomic_store_n(&((struct net_own *)dev->own)->state->groups.filter,
                     flag(dev, MULTICAST_FILTER), __ATOMIC_RELAXED);
}

static const char *start_net(struct device *dev, bool recover)
{
    struct net_config cfg = {.domid = dev->domid,
                             .recover = recover,
                             .can_sg = flag(dev, "feature-sg"),
                             .rx_notify = flag(dev, "feature-rx-notify"),
                             .state = ((struct net_own *)dev->own)->state,
                             .user = dev->daemon->user};
    const char *why;

    if (!flag(dev, "request-rx-copy"))
        return "it does not ask for its packets to be copied (request-rx-copy)";
    /* An earlier worker may have known which groups the guest wants. If nobody does any
     * more, because the daemon was killed, too, it gets all. */
    if (!recover)
        cfg.state->groups = (struct net_groups){.known = true};
    follow_filter(dev);
    read_rate(dev, &cfg);
    why = read_queues(dev, &cfg);
    if (!why)
        why = read_ctrl(dev, &cfg);
    return why ? why : spawn(dev, &cfg);
}

/* Workers' pages are granted to dom0 itself; Linux allows 1024 of them at first. */
static void allow_pages(struct daemon *d)
{
    int fd = open("/sys/module/xen_gntalloc/parameters/limit", O_WRONLY | O_CLOEXEC);

    /* Without, copies cost more, and that is all. */
    if (fd >= 0 && write(fd, "65536", 5) < 0)
        log_line("the limit of xen_gntalloc stays: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
}

int main(int argc, char **argv)
{
    static const struct backend_class class = {.name = "hvnetd",
                                               .root = "/local/domain/0/backend/hvnet",
                                               .what = "network interface",
                                               .own_size = sizeof(struct net_own),
                                               .capabilities = CAPABILITIES,
                                               .open = open_net,
                                               .close = close_net,
                                               .offer = offer_net,
                                               .start = start_net,
                                               .watched = MULTICAST_FILTER,
                                               .changed = follow_filter,
                                               .ready = allow_pages};

    return backend_main(&class, argc, argv);
}
