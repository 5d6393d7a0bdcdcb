/* SPDX-License-Identifier: MIT */
/* Where typed characters go. console.c is compiled right here, to reach the function that
 * the serial line calls. */
#include "kern/console.c"
#include "host/host.h"
#include "kern/sched.h"
#include "unit.h"
#include <string.h>

const struct room *const rooms[] = {&sched_room, NULL};
static unsigned told, key_runs;

static void ready(void)
{
    told++;
}

static void on_key(void)
{
    key_runs++;
}

static void world(void)
{
    host_boot(1, 16);
    console_input_init();
    console_input_ready = ready;
    debug_key_add('x', "count", on_key);
}

static void type(const char *s)
{
    while (*s)
        input(*s++);
    host_settle();
}

START_TEST(characters_go_to_dom0_in_order)
{
    char buf[8];

    type("hello");
    ck_assert_uint_eq(told, 5);
    ck_assert_uint_eq(console_read(buf, 3), 3);
    ck_assert_mem_eq(buf, "hel", 3);
    ck_assert_uint_eq(console_read(buf, sizeof(buf)), 2);
    ck_assert_mem_eq(buf, "lo", 2);
    ck_assert_uint_eq(console_read(buf, sizeof(buf)), 0);
}
END_TEST

START_TEST(three_switch_characters_lead_to_the_debug_keys_and_back)
{
    char buf[8];

    type("x\001\001\001x\001\001\001x");
    ck_assert_uint_eq(key_runs, 1);
    ck_assert_ptr_nonnull(strstr(host_console(), "Serial input to DOM0"));
    /* dom0 got its own two and the switch characters before the third of each row */
    ck_assert_uint_eq(console_read(buf, sizeof(buf)), 4);
    ck_assert_mem_eq(buf, "x\001\001x", 4);
}
END_TEST

START_TEST(switch_characters_must_follow_each_other)
{
    type("\001\001a\001x");
    ck_assert_uint_eq(key_runs, 0);
}
END_TEST

START_TEST(a_full_ring_loses_the_newest)
{
    char buf[RING + 8];

    for (unsigned i = 0; i < RING + 5; i++)
        input(i < RING ? 'a' : 'b');
    ck_assert_uint_eq(console_read(buf, sizeof(buf)), RING);
    ck_assert_int_eq(buf[RING - 1], 'a');
}
END_TEST

START_TEST(an_unknown_key_is_named_and_help_lists_the_known)
{
    type("\001\001\001!h");
    ck_assert_ptr_nonnull(strstr(host_console(), "'!' is no debug key"));
    ck_assert_ptr_nonnull(strstr(host_console(), "key 'q'"));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        characters_go_to_dom0_in_order,
        three_switch_characters_lead_to_the_debug_keys_and_back,
        switch_characters_must_follow_each_other,
        a_full_ring_loses_the_newest,
        an_unknown_key_is_named_and_help_lists_the_known,
        NULL,
    };

    return unit_run("kern/console", world, tests);
}
