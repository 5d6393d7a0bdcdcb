/* SPDX-License-Identifier: MIT */
/*
 * hvnetd as a whole, under our xenstored, with guests made of files (fake_guest.h) and
 * taps that are sockets: what guests that lie come to, what their neighbours see of it,
 * and what is left when they are gone.
 */
#include <dirent.h>
#include <pthread.h>

#include "net_daemon_guest.h"

#define NOWHERE 99999999U /* a reference that nobody has granted */
#define CYCLES  1000U
#define CHANGED 5000U /* packets, while they are changed */

/* ---- Guests that lie ---- */

/* The device is closed with a line that says why; its neighbour does not notice. */
static void closes(struct guest *bad, struct guest *good, const char *want)
{
    char *why;

    wait_state(bad->back, HV_XENBUS_STATE_CLOSING);
    why = get(bad->back, "hotplug-error");
    ck_assert_msg(why && strstr(why, want), "'%s', not '%s'", why, want);
    free(why);
    talk(good, 20);
    ck_assert_uint_eq(state(good->back), HV_XENBUS_STATE_CONNECTED);
    /* A driver that begins anew is served anew. */
    put(bad->front, "state", "6", 0);
    wait_state(bad->back, HV_XENBUS_STATE_CLOSED);
    close(bad->wire);
    memset(page_of(bad, 0), 0, 2 * PAGE_SIZE);
    put(bad->front, "state", "1", 0);
    connect_net(bad);
    talk(bad, 3);
}

START_TEST(rings_that_lie_close_their_interface_and_no_other)
{
    struct guest bad, good;
    struct hv_ring_index *idx;

    open_guest(&good, 1);
    open_guest(&bad, 2);
    talk(&bad, 10);
    idx = (void *)page_of(&bad, 0);
    idx->req_prod += 1000;
    notify(&bad);
    closes(&bad, &good, "index is out of range");
    tx_slot(&bad, bad.first_page + TX_DATA, 0, 100, HV_NETTXF_MORE_DATA);
    tx_show(&bad);
    closes(&bad, &good, "the ring ends within a packet");
    tx_slot(&bad, bad.first_page + TX_DATA, 4000, 100, 0);
    tx_show(&bad);
    closes(&bad, &good, "beyond its page");
    for (unsigned int i = 0; i < 30; i++)
        tx_slot(&bad, bad.first_page + TX_DATA, 0, i ? 10 : 1000, HV_NETTXF_MORE_DATA);
    tx_show(&bad);
    closes(&bad, &good, "more slots than any may have");
    /* The other ring is looked at when there is a packet for it. */
    idx = (void *)page_of(&bad, 1);
    idx->req_prod -= 1000;
    ck_assert_int_gt(write(bad.wire, page_of(&bad, TX_DATA), 200), 0);
    closes(&bad, &good, "index is out of range");
}
END_TEST

START_TEST(rings_that_are_not_there_are_said)
{
    static const struct {
        const char *name, *value, *why;
    } wrong[] = {{"tx-ring-ref", "99999999", "cannot map ring"},
                 {"rx-ring-ref", "99999999999", "no reference"},
                 {"tx-ring-ref", "-1", "no reference"},
                 {"event-channel", "x", "no port"},
                 {"ctrl-ring-ref", "x", "no reference"},
                 {"ctrl-ring-ref", "7", "event-channel-ctrl"},
                 {"multi-queue-num-queues", "99", "not what was offered"},
                 {"multi-queue-num-queues", "0", "not what was offered"},
                 {"request-rx-copy", "0", "request-rx-copy"}};
    struct guest bad, good;

    open_guest(&good, 1);
    make_guest(&bad, 2);
    attach(&bad);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char path[128];

        wait_state(bad.back, HV_XENBUS_STATE_INIT_WAIT);
        bad.wire = accept(bad.listener, NULL, NULL);
        say_rings(&bad);
        put(bad.front, wrong[i].name, wrong[i].value, 0);
        put(bad.front, "state", "4", 0);
        snprintf(path, sizeof(path), "%s/%s", bad.front, wrong[i].name);
        wait_state(bad.back, HV_XENBUS_STATE_CLOSING);
        xs_rm(xs, XBT_NULL, path);
        closes(&bad, &good, wrong[i].why);
        put(bad.front, "state", "6", 0);
        wait_state(bad.back, HV_XENBUS_STATE_CLOSED);
        close(bad.wire);
        put(bad.front, "state", "1", 0);
    }
}
END_TEST

/* More than one packet at a time: by io_uring, within the filter of system calls. */
START_TEST(packets_that_are_sent_together_arrive_in_order)
{
    enum { BURST = 20, SIZE = 100 };
    struct guest g;
    uint8_t got[2000];

    open_guest(&g, 1);
    for (unsigned int n = 0; n < BURST; n++) {
        uint8_t *page = page_of(&g, TX_DATA + n);

        make_udp(make_ipv4(page, SIZE + n, 17), SIZE + n - ETHER - 20);
        tx_slot(&g, g.first_page + TX_DATA + n, 0, SIZE + n, 0);
    }
    tx_show(&g);
    for (unsigned int n = 0; n < BURST; n++) {
        ck_assert_uint_eq(from_wire(&g, got, sizeof(got)), SIZE + n);
        ck_assert_mem_eq(got, page_of(&g, TX_DATA + n), SIZE + n);
        ck_assert_int_eq(tx_answer(&g), HV_NETIF_RSP_OKAY);
    }
    talk(&g, 3);
}
END_TEST

static void kill_workers(void)
{
    char path[64];
    int pid;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", daemon_pid, daemon_pid);
    file = fopen(path, "r");
    while (fscanf(file, "%d", &pid) == 1)
        kill(pid, SIGKILL);
    fclose(file);
}

/* A request by the control ring: its answer's data. */
static uint32_t control(struct guest *g, struct ring_front *ctrl, unsigned int type,
                        uint32_t a, uint32_t b)
{
    const struct hv_netif_ctrl_request req = {.type = (uint16_t)type, .data = {a, b}};
    struct hv_netif_ctrl_response rsp;

    ck_assert(ring_front_put(ctrl, &req, sizeof(req)));
    if (ring_front_push(ctrl))
        notify(g);
    for (int ms = 0; ring_front_take(ctrl, &rsp, sizeof(rsp)) == 0; ms++) {
        ck_assert_int_lt(ms, PATIENCE_MS);
        usleep(1000);
    }
    ck_assert_uint_eq(rsp.status, HV_NETIF_CTRL_STATUS_SUCCESS);
    return rsp.data;
}

/* The next packet that the guest gets carries a hash. */
static void gets_hash(struct guest *g, uint32_t hash)
{
    uint8_t *page = page_of(g, TX_DATA);
    struct virtio_net_hdr none = {.flags = 0};
    struct iovec iov[2] = {{&none, sizeof(none)}, {page, 100}};
    struct hv_netif_extra_info extra;
    struct hv_netif_rx_response rsp;

    make_tcp(make_ipv4(page, 100, 6));
    memcpy(page + ETHER + 12, "\x42\x09\x95\xbb\xa1\x8e\x64\x50", 8);
    ck_assert_int_gt(writev(g->wire, iov, 2), 0);
    for (int ms = 0; ring_front_take(&g->rx, &rsp, sizeof(rsp)) == 0; ms++) {
        ck_assert_int_lt(ms, PATIENCE_MS);
        usleep(1000);
    }
    ck_assert_int_eq(ring_front_take(&g->rx, &extra, sizeof(extra)), 1);
    ck_assert_uint_eq(extra.type, HV_NETIF_EXTRA_TYPE_HASH);
    ck_assert_mem_eq(extra.u.hash.value, &hash, sizeof(hash));
    give_pages(g, 2);
}

START_TEST(hashing_is_asked_for_by_a_ring_of_its_own_and_outlives_a_worker)
{
    static const uint8_t key[] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b,
                                  0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d};
    struct ring_front ctrl;
    struct guest g, good;
    struct hv_ring_index *idx;

    open_guest(&good, 1);
    make_guest(&g, 2);
    idx = (void *)page_of(&g, 60);
    ring_front_init(&ctrl, idx, PAGE_SIZE, sizeof(union hv_netif_ctrl_sring_entry));
    put(g.front, "ctrl-ring-ref", "%u", g.first_page + 60);
    put(g.front, "event-channel-ctrl", "1", 0);
    attach(&g);
    connect_net(&g);
    memcpy(page_of(&g, 61), key, sizeof(key));
    control(&g, &ctrl, HV_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, 1, 0);
    control(&g, &ctrl, HV_NETIF_CTRL_TYPE_SET_HASH_KEY, g.first_page + 61, sizeof(key));
    control(&g, &ctrl, HV_NETIF_CTRL_TYPE_SET_HASH_FLAGS, HV_NETIF_CTRL_HASH_TYPE_IPV4,
            0);
    gets_hash(&g, 0x323e8fc2);
    kill_workers();
    ck_assert_uint_eq(control(&g, &ctrl, HV_NETIF_CTRL_TYPE_GET_HASH_FLAGS, 0, 0), 15);
    gets_hash(&g, 0x323e8fc2);
    idx->req_prod += 1000;
    notify(&g);
    wait_state(g.back, HV_XENBUS_STATE_CLOSING);
    talk(&good, 5);
}
END_TEST

/* A packet to a group is put on the wire, and one to everybody behind it. */
static bool gets_group(struct guest *g, uint8_t group)
{
    static const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    uint8_t packet[100], *got;
    struct virtio_net_hdr none = {.flags = 0};
    struct iovec iov[2] = {{&none, sizeof(none)}, {packet, sizeof(packet)}};
    struct hv_netif_rx_response rsp;
    bool seen = false;

    make_udp(make_ipv4(packet, sizeof(packet), 17), sizeof(packet) - ETHER - 20);
    memcpy(packet, (uint8_t[]){1, 0, 0x5e, 0, 0, group}, 6);
    ck_assert_int_gt(writev(g->wire, iov, 2), 0);
    memcpy(packet, everybody, 6);
    ck_assert_int_gt(writev(g->wire, iov, 2), 0);
    for (;; seen = true) {
        for (int ms = 0; ring_front_take(&g->rx, &rsp, sizeof(rsp)) == 0; ms++) {
            ck_assert_int_lt(ms, PATIENCE_MS);
            usleep(1000);
        }
        got = page_of(g, RX_DATA + rsp.id % RX_PAGES);
        give_pages(g, 1);
        if (!memcmp(got, everybody, 6))
            return seen;
        ck_assert_uint_eq(got[5], group);
    }
}

static void name_group(struct guest *g, uint8_t group)
{
    const struct hv_netif_extra_info name = {.type = HV_NETIF_EXTRA_TYPE_MCAST_ADD,
                                             .u.mcast.addr = {1, 0, 0x5e, 0, 0, group}};
    struct hv_netif_tx_request req;

    tx_slot(g, g->first_page + TX_DATA, 0, 0, HV_NETTXF_EXTRA_INFO);
    memset(&req, 0, sizeof(req));
    memcpy(&req, &name, sizeof(name));
    ck_assert(ring_front_put(&g->tx, &req, sizeof(req)));
    tx_show(g);
    ck_assert_int_eq(tx_answer(g), HV_NETIF_RSP_OKAY);
    ck_assert_int_eq(tx_answer(g), HV_NETIF_RSP_NULL);
}

/* The guest changes its mind, which the daemon is told by XenStore. */
static void filter(struct guest *g, bool on)
{
    put(g->front, "request-multicast-control", on ? "1" : "0", 0);
    for (int ms = 0; gets_group(g, 9) == on; ms++) {
        ck_assert_int_lt(ms, PATIENCE_MS);
        usleep(1000);
    }
}

START_TEST(a_guest_may_want_only_its_groups_at_any_time)
{
    struct guest g;
    char *offer;

    open_guest(&g, 1);
    offer = get(g.back, "feature-dynamic-multicast-control");
    ck_assert_str_eq(offer, "1");
    free(offer);
    name_group(&g, 7);
    ck_assert(gets_group(&g, 9));
    filter(&g, true);
    ck_assert(gets_group(&g, 7));
    /* Who comes after a killed worker knows the groups. */
    kill_workers();
    talk(&g, 3);
    ck_assert(gets_group(&g, 7));
    ck_assert(!gets_group(&g, 9));
    filter(&g, false);
    ck_assert(gets_group(&g, 9));
}
END_TEST

START_TEST(packets_that_lie_are_answered_with_an_error_and_go_nowhere)
{
    struct guest bad, good;
    uint8_t *page;

    open_guest(&good, 1);
    open_guest(&bad, 2);
    page = page_of(&bad, TX_DATA);
    for (unsigned int kind = 0; kind < 6; kind++) {
        uint32_t ref = bad.first_page + TX_DATA;
        unsigned int size = 100, flags = 0;

        make_tcp(make_ipv4(page, size, 6));
        if (kind == 0)
            put16(page + ETHER + 2, 200); /* longer than it is */
        else if (kind == 1)
            page[ETHER] = 0x4f; /* with a header that reaches beyond */
        else if (kind == 2)
            page[ETHER + 20 + 12] = 0xf0; /* so does TCP's */
        else if (kind == 3)
            ref = NOWHERE;
        else if (kind == 4)
            size = 13;
        else
            page[ETHER + 9] = 1, flags = HV_NETTXF_CSUM_BLANK;
        if (kind == 1 || kind == 2)
            put16(page + ETHER + 2, 50), size = 64;
        tx_slot(&bad, ref, 0, size, flags);
        tx_show(&bad);
        ck_assert_int_eq(tx_answer(&bad), HV_NETIF_RSP_ERROR);
        ck_assert(wire_is_silent(&bad));
        talk(&bad, 2);
    }
    talk(&good, 5);
}
END_TEST

/* ---- A guest that changes what it has sent while that is read ---- */

static int changing;

static void *change(void *arg)
{
    struct guest *g = arg;
    struct hv_netif_tx_request *slots =
        (void *)(page_of(g, 0) + sizeof(struct hv_ring_index));
    uint8_t *page = page_of(g, TX_DATA);

    for (unsigned int n = 0; __atomic_load_n(&changing, __ATOMIC_RELAXED); n++) {
        slots[n % 256].size ^= (uint16_t)(1U << n % 7);
        slots[n % 256].flags ^= HV_NETTXF_CSUM_BLANK;
        slots[n % 256].offset ^= 64;
        page[ETHER + 2] ^= 0x10;
        page[ETHER] ^= 0x0a;
        page[ETHER + 20 + 12] ^= 0xa0;
    }
    return NULL;
}

/* All lengths of what is on the wire are right, whatever the guest has made of it. */
static unsigned int check_wire(struct guest *g)
{
    static uint8_t packet[70000];
    unsigned int n = 0;

    for (; !wire_is_silent(g); n++) {
        struct packet_claim claim = {.size = from_wire(g, packet, sizeof(packet))};
        struct virtio_net_hdr header;

        ck_assert_ptr_null(packet_check(packet, &claim, &header));
    }
    return n;
}

START_TEST(a_request_that_changes_while_it_is_read_is_read_once)
{
    struct hv_netif_tx_response rsp;
    struct guest bad, good;
    unsigned int sent = 0;
    pthread_t other;

    open_guest(&good, 1);
    open_guest(&bad, 2);
    make_tcp(make_ipv4(page_of(&bad, TX_DATA), 1200, 6));
    __atomic_store_n(&changing, 1, __ATOMIC_RELAXED);
    pthread_create(&other, NULL, change, &bad);
    while (sent < CHANGED) {
        while (hv_ring_free(&bad.tx.r))
            tx_slot(&bad, bad.first_page + TX_DATA, 0, 1200, 0);
        tx_show(&bad);
        while (ring_front_take(&bad.tx, &rsp, sizeof(rsp)) > 0)
            ;
        if (ring_front_arm(&bad.tx) == 0)
            usleep(100);
        sent += check_wire(&bad);
    }
    __atomic_store_n(&changing, 0, __ATOMIC_RELAXED);
    pthread_join(other, NULL);
    ck_assert_uint_eq(state(bad.back), HV_XENBUS_STATE_CONNECTED);
    talk(&good, 20);
}
END_TEST

/* ---- What is left ---- */

static unsigned int count_files(pid_t pid)
{
    char path[64];
    unsigned int n = 0;
    DIR *fds;

    snprintf(path, sizeof(path), "/proc/%d/fd", pid);
    fds = opendir(path);
    while (readdir(fds))
        n++;
    closedir(fds);
    return n;
}

static unsigned int lines_of(pid_t pid, const char *name, const char *with)
{
    char path[64], line[512];
    unsigned int n = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
    file = fopen(path, "r");
    while (fgets(line, sizeof(line), file))
        n += strstr(line, with) != NULL;
    fclose(file);
    return n;
}

/* KiB of memory of its own. */
static unsigned int memory_of(pid_t pid)
{
    unsigned int kib = 0;
    char path[64], line[256];
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    file = fopen(path, "r");
    while (fgets(line, sizeof(line), file))
        sscanf(line, "RssAnon: %u", &kib);
    fclose(file);
    return kib;
}

static unsigned int children_of(pid_t parent)
{
    char path[64];
    unsigned int n = 0;
    int pid;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", parent, parent);
    file = fopen(path, "r");
    while (file && fscanf(file, "%d", &pid) == 1)
        n++;
    if (file)
        fclose(file);
    return n;
}

struct counts {
    unsigned int files, nodes, maps, children, kib;
};

static struct counts count(void)
{
    return (struct counts){.files = count_files(daemon_pid),
                           .nodes = nodes_below("/"),
                           .maps = lines_of(daemon_pid, "maps", ""),
                           .children = children_of(daemon_pid),
                           .kib = memory_of(daemon_pid)};
}

/* Grants and event channels are a worker's: with the last worker, the last of them goes.
 */
START_TEST(a_thousand_connections_leave_nothing_behind)
{
    struct counts before = {0}, after;
    struct guest g;

    make_guest(&g, 1);
    for (unsigned int cycle = 0; cycle < CYCLES; cycle++) {
        if (cycle % 4 == 0)
            attach(&g);
        else
            put(g.front, "state", "1", 0);
        connect_net(&g);
        talk(&g, 1);
        if (cycle % 4 == 3)
            put(g.back, "online", "0", 0);
        put(g.front, "state", "5", 0);
        wait_state(g.back, HV_XENBUS_STATE_CLOSING);
        put(g.front, "state", "6", 0);
        wait_state(g.back, HV_XENBUS_STATE_CLOSED);
        close(g.wire);
        memset(page_of(&g, 0), 0, 2 * PAGE_SIZE);
        if (cycle % 4 == 3) {
            xs_rm(xs, XBT_NULL, g.front);
            xs_rm(xs, XBT_NULL, g.back);
        }
        if (cycle == 19)
            before = count();
    }
    after = count();
    ck_assert_uint_eq(after.files, before.files);
    ck_assert_uint_eq(after.nodes, before.nodes);
    ck_assert_uint_eq(after.maps, before.maps);
    ck_assert_uint_eq(after.children, 0);
    ck_assert_uint_le(after.kib, before.kib + 8);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        rings_that_lie_close_their_interface_and_no_other,
        rings_that_are_not_there_are_said,
        packets_that_are_sent_together_arrive_in_order,
        a_guest_may_want_only_its_groups_at_any_time,
        packets_that_lie_are_answered_with_an_error_and_go_nowhere,
        hashing_is_asked_for_by_a_ring_of_its_own_and_outlives_a_worker,
        a_request_that_changes_while_it_is_read_is_read_once,
        a_thousand_connections_leave_nothing_behind,
        NULL};

    return world_run("hvnetd", tests);
}
