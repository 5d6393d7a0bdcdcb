/* SPDX-License-Identifier: MIT */
/*
 * A console's front end on a kernel of files (front_kernel.h), with a back end that is
 * good, that goes, or whose indices cannot be.
 */
#include "abi/io/xenbus.h"
#include "front/consfront.h"

#define FRONT "device/console/1"
#define BACK  "/local/domain/0/backend/console/1/1"

static struct consfront con;

static void look(void)
{
    consfront_look(&con);
}

#include "front_kernel.h"

static unsigned int woken;

static void wake(void *arg)
{
    woken++;
}

static unsigned int number_at(const char *path)
{
    return (unsigned int)atoi(value_of(path));
}

static struct hv_console_interface *page(void)
{
    unsigned int ref = number_at(FRONT "/ring-ref");

    ck_assert_ptr_nonnull(grant[ref].page);
    return (struct hv_console_interface *)grant[ref].page;
}

static unsigned int port_number(void)
{
    return number_at(FRONT "/port");
}

static void prepare(void)
{
    memset(node, 0, sizeof(node));
    memset(grant, 0, sizeof(grant));
    memset(port, 0, sizeof(port));
    memset(&con, 0, sizeof(con));
    grants_left = 100;
    pages_out = woken = 0;
    front_write(FRONT "/backend", BACK);
    front_write(FRONT "/backend-id", "0");
    front_write(FRONT "/state", "1");
    set("state", "2");
}

static void run(void)
{
    ck_assert_int_eq(consfront_start(&con, FRONT, wake, NULL), 0);
    ck_assert_uint_eq(said(), HV_XENBUS_STATE_INITIALISED);
    state(HV_XENBUS_STATE_CONNECTED);
    ck_assert_int_eq(con.state, CONSFRONT_RUNNING);
    ck_assert_uint_eq(said(), HV_XENBUS_STATE_CONNECTED);
}

START_TEST(what_is_written_stands_in_the_ring_and_the_back_end_is_told_once)
{
    ck_assert_int_eq(consfront_start(&con, FRONT, wake, NULL), 0);
    ck_assert_uint_eq(consfront_write(&con, "early", 5), 0);
    state(HV_XENBUS_STATE_CONNECTED);
    ck_assert_uint_eq(consfront_write(&con, "one ", 4), 4);
    ck_assert_uint_eq(consfront_write(&con, "two", 3), 3);
    ck_assert_uint_eq(port[port_number()].sent, 0);
    consfront_kick(&con);
    consfront_kick(&con);
    ck_assert_uint_eq(port[port_number()].sent, 1);
    ck_assert_uint_eq(page()->out_prod, 7);
    ck_assert_int_eq(memcmp(page()->out, "one two", 7), 0);
}
END_TEST

START_TEST(a_full_ring_takes_what_it_holds_and_more_when_it_is_read)
{
    static char much[3000];

    run();
    /* Indices run over the end of their numbers, too. */
    con.out_prod = page()->out_prod = page()->out_cons = UINT32_MAX - 100;
    memset(much, 'x', sizeof(much));
    ck_assert_uint_eq(consfront_write(&con, much, sizeof(much)), HV_CONSOLE_OUT_SIZE);
    ck_assert_uint_eq(consfront_write(&con, much, sizeof(much)), 0);
    page()->out_cons += 10;
    ck_assert_uint_eq(consfront_write(&con, "0123456789abc", 13), 10);
    ck_assert_int_eq(page()->out[(page()->out_prod - 1) % HV_CONSOLE_OUT_SIZE], '9');
    ck_assert_int_eq(con.state, CONSFRONT_RUNNING);
}
END_TEST

START_TEST(what_the_back_end_writes_is_read_in_order)
{
    char data[16];

    run();
    page()->in_prod = page()->in_cons = con.in_cons = HV_CONSOLE_IN_SIZE - 2;
    ck_assert_uint_eq(consfront_read(&con, data, sizeof(data)), 0);
    for (unsigned int i = 0; i < 6; i++)
        page()->in[(page()->in_prod++) % HV_CONSOLE_IN_SIZE] = "abcdef"[i];
    event(port_number());
    ck_assert_uint_eq(woken, 1);
    ck_assert_uint_eq(consfront_read(&con, data, 4), 4);
    ck_assert_int_eq(memcmp(data, "abcd", 4), 0);
    ck_assert_uint_eq(consfront_read(&con, data, sizeof(data)), 2);
    ck_assert_int_eq(memcmp(data, "ef", 2), 0);
    ck_assert_uint_eq(page()->in_cons, page()->in_prod);
    consfront_kick(&con);
    ck_assert_uint_eq(port[port_number()].sent, 1);
}
END_TEST

START_TEST(indices_that_cannot_be_end_it)
{
    char data[16];

    run();
    page()->in_prod = HV_CONSOLE_IN_SIZE + 1;
    ck_assert_uint_eq(consfront_read(&con, data, sizeof(data)), 0);
    ck_assert_int_eq(con.state, CONSFRONT_GONE);
}
END_TEST

START_TEST(an_index_ahead_of_what_was_written_ends_it)
{
    run();
    page()->out_cons = 1;
    ck_assert_uint_eq(consfront_write(&con, "x", 1), 0);
    ck_assert_int_eq(con.state, CONSFRONT_GONE);
    ck_assert_uint_eq(page()->out_prod, 0);
}
END_TEST

/* The other end may write all of the page at any time. */
START_TEST(our_own_indices_are_not_read_back)
{
    char data[16];

    run();
    ck_assert_uint_eq(consfront_write(&con, "x", 1), 1);
    page()->out_prod = 77;
    page()->in_cons = 99;
    ck_assert_uint_eq(consfront_write(&con, "y", 1), 1);
    ck_assert_uint_eq(page()->out_prod, 2);
    page()->in_prod = 1;
    ck_assert_uint_eq(consfront_read(&con, data, sizeof(data)), 1);
    ck_assert_uint_eq(page()->in_cons, 1);
}
END_TEST

START_TEST(nothing_is_left_when_the_back_end_closes)
{
    run();
    state(HV_XENBUS_STATE_CLOSING);
    ck_assert_int_eq(con.state, CONSFRONT_GONE);
    ck_assert_uint_eq(said(), HV_XENBUS_STATE_CLOSED);
    ck_assert_uint_eq(ports(), 0);
    ck_assert_uint_eq(pages_out, 0);
    ck_assert_uint_eq(grants_left, 100);
    ck_assert_uint_eq(consfront_write(&con, "x", 1), 0);
    consfront_kick(&con);
}
END_TEST

START_TEST(a_page_that_is_still_mapped_is_not_given_back)
{
    run();
    grant[number_at(FRONT "/ring-ref")].mapped = true;
    state(HV_XENBUS_STATE_CLOSED);
    ck_assert_uint_eq(pages_out, 1);
    ck_assert_uint_eq(ports(), 0);
}
END_TEST

START_TEST(what_is_missing_is_an_error_that_leaves_nothing)
{
    grants_left = 0;
    ck_assert_int_eq(consfront_start(&con, FRONT, wake, NULL), -ENOSPC);
    ck_assert_uint_eq(pages_out, 0);
    prepare();
    front_write(FRONT "/backend", "");
    ck_assert_int_lt(consfront_start(&con, FRONT, wake, NULL), 0);
    ck_assert_int_eq(con.state, CONSFRONT_GONE);
    ck_assert_uint_eq(pages_out + ports(), 0);
}
END_TEST

START_TEST(the_console_of_start_info_is_there_at_once)
{
    static struct hv_console_interface boot = {.out_prod = 3, .out_cons = 3};

    port[5].fn = wake;
    consfront_boot(&con, &boot, 5);
    ck_assert_uint_eq(consfront_write(&con, "up", 2), 2);
    consfront_kick(&con);
    ck_assert_uint_eq(boot.out_prod, 5);
    ck_assert_uint_eq(port[5].sent, 1);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        what_is_written_stands_in_the_ring_and_the_back_end_is_told_once,
        a_full_ring_takes_what_it_holds_and_more_when_it_is_read,
        what_the_back_end_writes_is_read_in_order,
        indices_that_cannot_be_end_it,
        an_index_ahead_of_what_was_written_ends_it,
        our_own_indices_are_not_read_back,
        nothing_is_left_when_the_back_end_closes,
        a_page_that_is_still_mapped_is_not_given_back,
        what_is_missing_is_an_error_that_leaves_nothing,
        the_console_of_start_info_is_there_at_once,
        NULL};

    return unit_run("consfront", prepare, tests);
}
