/* SPDX-License-Identifier: MIT */
/*
 * A network front end that wants its packets hashed, with hvnetd's control ring at the
 * other end, and with back ends that refuse or lie.
 */
#include "netback/net_ctrl.h"
#include "netfront_world.h"

static const struct netfront_hash hash = {.types = HV_NETIF_CTRL_HASH_TYPE_IPV4_TCP,
                                          .key = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b},
                                          .entries = 4,
                                          .queue = {1, 0, 3, 2}};
static struct net_ctrl_journal told;
static struct net_ctrl ctrl;

/* hvnetd takes one of the steps, and answers. */
static void ctrl_step(void)
{
    bool notify;

    ck_assert_int_eq(net_ctrl_run(&ctrl, &notify), 0);
    event((unsigned int)net.ctrl.port);
}

static void connect_ctrl(void)
{
    set("feature-ctrl-ring", "1");
    net.hash = &hash;
    connect_own();
    ctrl = (struct net_ctrl){.journal = &told,
                             .domid = 1,
                             .queues = net.nr_queues,
                             .page = door_grants_pages(NULL, 1)};
    net_ctrl_open(&ctrl, ring_at(FRONT "/ctrl-ring-ref"), false);
}

START_TEST(the_back_end_is_told_how_to_hash_and_packets_come_with_their_hash)
{
    const struct hv_netif_extra_info extra = {
        .type = HV_NETIF_EXTRA_TYPE_HASH,
        .u.hash = {.type = 1, .algorithm = 1, .value = {1, 2, 3, 4}}};
    struct hv_netif_rx_response rsp = {.flags = HV_NETRXF_EXTRA_INFO, .status = 100};

    connect_ctrl();
    ck_assert_uint_eq(grants(), RINGS + 2 + NETFRONT_SLOTS);
    for (unsigned int i = 0; i < 5; i++) {
        ck_assert(!net.spread);
        ctrl_step();
    }
    ck_assert(net.spread);
    ck_assert_uint_eq(told.hash.types, hash.types);
    ck_assert_mem_eq(told.hash.key, hash.key, sizeof(hash.key));
    ck_assert_uint_eq(told.hash.entries, 4);
    ck_assert_uint_eq(told.hash.queue[2], 0); /* 3, of one queue */
    ring_back_answer(&rx, &rsp, sizeof(rsp));
    ring_back_answer(&rx, &extra, sizeof(extra));
    ring_back_push(&rx);
    event((unsigned int)net.queue[0].rx_port);
    ck_assert(came == 1 && last.hashed && last.hash_type == 1);
    ck_assert_uint_eq(last.hash, 0x04030201);
    set("online", "0");
    state(HV_XENBUS_STATE_CLOSING);
    ck_assert_uint_eq(grants(), 0);
    ck_assert_uint_eq(ports(), 0);
}
END_TEST

START_TEST(a_back_end_that_refuses_a_step_is_asked_no_more_and_the_network_goes_on)
{
    connect_ctrl();
    ctrl.journal = &told;
    grant[net.ctrl.ref[1]].page = NULL; /* the key cannot be read */
    for (unsigned int i = 0; i < 5; i++)
        ctrl_step();
    ck_assert(!net.spread);
    ck_assert_uint_eq(net.ctrl.step, 1);
    ck_assert_int_eq(net.state, NETFRONT_RUNNING);
    rx_piece(100, 0, 0);
    rx_show();
    ck_assert_uint_eq(came, 1);
}
END_TEST

START_TEST(a_wrong_answer_to_a_step_ends_the_connection)
{
    const struct hv_netif_ctrl_response wrong = {.id = 7, .type = 7};

    connect_ctrl();
    ring_back_answer(&ctrl.ring, &wrong, sizeof(wrong));
    ring_back_push(&ctrl.ring);
    event((unsigned int)net.ctrl.port);
    ck_assert_int_eq(net.state, NETFRONT_GONE);
    ck_assert_uint_eq(ports(), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_back_end_is_told_how_to_hash_and_packets_come_with_their_hash,
        a_back_end_that_refuses_a_step_is_asked_no_more_and_the_network_goes_on,
        a_wrong_answer_to_a_step_ends_the_connection, NULL};

    return unit_run("netfront control", prepare, tests);
}
