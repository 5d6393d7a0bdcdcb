/* SPDX-License-Identifier: MIT */
/* Physical interrupts in a domain: numbers, delivery by event channels, and who still
 * owes an end. */
#include "comm_world.h"
#include "port/irq.h"

#define EDGE  4u /* the host port's pins from 16 on are level-triggered */
#define LEVEL 17u

static uint32_t bound(struct domain *d, unsigned gsi)
{
    int pirq = -1;
    uint32_t port;

    ck_assert_int_eq(pirq_map_gsi(d, gsi, &pirq), 0);
    ck_assert_int_eq(pirq, (int)gsi);
    ck_assert_int_eq(evtchn_bind_pirq(d, gsi, 0, &port), 0);
    return port;
}

static void take(struct domain *d, uint32_t port)
{
    ck_assert(pending(d, port));
    memset(d->shared->evtchn_pending, 0, sizeof(d->shared->evtchn_pending));
}

START_TEST(a_gsi_has_its_own_number_however_often_it_is_mapped)
{
    int pirq = -1;

    ck_assert_int_eq(pirq_map_gsi(a, LEVEL, &pirq), 0);
    ck_assert_int_eq(pirq, LEVEL);
    pirq = 20;
    ck_assert_int_eq(pirq_map_gsi(a, LEVEL, &pirq), 0);
    ck_assert_int_eq(pirq, LEVEL);
    ck_assert_int_eq(pirq_irq(a, LEVEL), LEVEL);
    ck_assert_int_eq(pirq_irq(a, 20), -1);
}
END_TEST

START_TEST(numbers_that_do_not_exist_are_refused)
{
    int pirq = (int)pirq_count(a);
    uint32_t port;

    ck_assert_int_eq(pirq_map_gsi(a, LEVEL, &pirq), -EINVAL);
    pirq = -1;
    ck_assert_int_eq(pirq_map_gsi(a, irq_gsi_count(), &pirq), -EINVAL);
    ck_assert_int_eq(pirq_eoi(a, LEVEL), -EINVAL);
    ck_assert_int_eq(pirq_eoi(a, ~0u), -EINVAL);
    ck_assert_int_eq(pirq_unmap(a, LEVEL), -EINVAL);
    ck_assert_int_eq(evtchn_bind_pirq(a, 40, 0, &port), -EPERM);
    ck_assert_int_eq(evtchn_bind_pirq(a, ~0u, 0, &port), -EINVAL);
}
END_TEST

START_TEST(a_level_interrupt_comes_again_only_after_its_end)
{
    uint32_t port = bound(a, LEVEL);

    ck_assert(host_irq_fire(LEVEL));
    take(a, port);
    ck_assert(!host_irq_fire(LEVEL));
    ck_assert_int_eq(pirq_eoi(a, LEVEL), 0);
    ck_assert(host_irq_fire(LEVEL));
    take(a, port);
}
END_TEST

START_TEST(an_edge_interrupt_needs_no_end)
{
    uint32_t port = bound(a, EDGE);

    ck_assert(host_irq_fire(EDGE));
    take(a, port);
    ck_assert(host_irq_fire(EDGE));
    take(a, port);
    ck_assert(!pirq_needs_eoi(a, EDGE));
}
END_TEST

START_TEST(an_irq_has_one_owner_until_that_one_lets_go)
{
    uint32_t port = bound(a, LEVEL), other;
    int pirq = -1;

    ck_assert_int_eq(pirq_map_gsi(b, LEVEL, &pirq), 0);
    ck_assert_int_eq(evtchn_bind_pirq(b, LEVEL, 0, &other), -EBUSY);
    ck_assert_int_eq(evtchn_close(a, port), 0);
    ck_assert_int_eq(evtchn_bind_pirq(b, LEVEL, 0, &other), 0);
    ck_assert(host_irq_fire(LEVEL));
    take(b, other);
}
END_TEST

static uint32_t shared(struct domain *d)
{
    int pirq = -1;
    uint32_t port;

    ck_assert_int_eq(pirq_map_gsi(d, LEVEL, &pirq), 0);
    ck_assert_int_eq(evtchn_bind_pirq(d, LEVEL, HV_BIND_PIRQ__WILL_SHARE, &port), 0);
    return port;
}

START_TEST(guests_that_say_so_share_a_line_and_the_last_end_opens_it)
{
    uint32_t one = shared(a), two = shared(b);

    ck_assert(host_irq_fire(LEVEL));
    take(a, one);
    take(b, two);
    ck_assert_int_eq(pirq_eoi(a, LEVEL), 0);
    ck_assert_int_eq(pirq_eoi(a, LEVEL), 0);
    ck_assert(!host_irq_fire(LEVEL));
    ck_assert_int_eq(pirq_eoi(b, LEVEL), 0);
    ck_assert(host_irq_fire(LEVEL));
    take(a, one);
    take(b, two);
}
END_TEST

START_TEST(who_leaves_a_shared_line_pays_its_end_and_the_last_frees_it)
{
    uint32_t one = shared(a), two = shared(b);
    int pirq = -1;

    ck_assert(host_irq_fire(LEVEL));
    ck_assert_int_eq(pirq_eoi(b, LEVEL), 0);
    take(b, two);
    ck_assert_int_eq(evtchn_close(a, one), 0);
    ck_assert(host_irq_fire(LEVEL));
    take(b, two);
    ck_assert_int_eq(evtchn_close(b, two), 0);
    ck_assert(!host_irq_fire(LEVEL));
    ck_assert_int_eq(pirq_map_gsi(a, LEVEL, &pirq), 0);
    ck_assert_int_eq(evtchn_bind_pirq(a, LEVEL, 0, &one), 0);
}
END_TEST

START_TEST(an_edge_line_and_one_held_alone_are_not_shared)
{
    int pirq = -1;
    uint32_t port;

    bound(a, EDGE);
    bound(a, LEVEL);
    ck_assert_int_eq(pirq_map_gsi(b, EDGE, &pirq), 0);
    pirq = -1;
    ck_assert_int_eq(pirq_map_gsi(b, LEVEL, &pirq), 0);
    ck_assert_int_eq(evtchn_bind_pirq(b, EDGE, HV_BIND_PIRQ__WILL_SHARE, &port), -EBUSY);
    ck_assert_int_eq(evtchn_bind_pirq(b, LEVEL, HV_BIND_PIRQ__WILL_SHARE, &port), -EBUSY);
}
END_TEST

START_TEST(unmapping_a_bound_interrupt_silences_it)
{
    uint32_t port = bound(a, LEVEL);

    ck_assert_int_eq(pirq_unmap(a, LEVEL), 0);
    ck_assert(!host_irq_fire(LEVEL));
    ck_assert_int_eq(evtchn_close(a, port), 0);
}
END_TEST

START_TEST(the_bitmap_says_which_ones_need_an_end)
{
    mfn_t m = frame_of(a);
    uint64_t *map = map_mfn(m);
    uint32_t port;

    bound(a, EDGE);
    port = bound(a, LEVEL);
    ck_assert_int_eq(pirq_set_eoi_page(a, m.n, false), 0);
    ck_assert_uint_eq(map[0], 1ull << LEVEL);
    bound(a, LEVEL + 1);
    ck_assert_uint_eq(map[0], 3ull << LEVEL);
    ck_assert_int_eq(evtchn_close(a, port), 0);
    ck_assert_uint_eq(map[0], 2ull << LEVEL);
}
END_TEST

START_TEST(only_an_own_writable_frame_becomes_the_bitmap_and_once)
{
    mfn_t m = frame_of(a), other = frame_of(b);

    ck_assert_int_eq(pirq_set_eoi_page(a, other.n, false), -EINVAL);
    ck_assert_int_eq(pirq_set_eoi_page(a, ~0ull, false), -EINVAL);
    ck_assert_int_eq(pirq_set_eoi_page(a, m.n, false), 0);
    ck_assert_int_eq(pirq_set_eoi_page(a, m.n, false), -EBUSY);
}
END_TEST

START_TEST(messages_have_numbers_above_the_gsis_and_blocks_are_in_a_row)
{
    struct pci_msi m = {.dev = mk_sbdf(0, 0, 8)};
    int one = -1, four = -1;

    ck_assert_int_eq(pirq_map_msi(a, &m, 1, &one), 0);
    ck_assert_int_eq(pirq_map_msi(a, &m, 4, &four), 0);
    ck_assert_int_ge(one, (int)irq_gsi_count());
    ck_assert_int_ge(four, (int)irq_gsi_count());
    for (unsigned i = 1; i < 4; i++)
        ck_assert_int_eq(pirq_irq(a, (unsigned)four + i),
                         pirq_irq(a, (unsigned)four) + (int)i);
    ck_assert(one < four || one >= four + 4);
}
END_TEST

START_TEST(a_kept_number_is_given_to_nobody_else)
{
    int first = pirq_get_free(a, true), second = pirq_get_free(a, true);

    ck_assert_int_ge(first, 0);
    ck_assert_int_ge(second, 0);
    ck_assert_int_ne(first, second);
}
END_TEST

START_TEST(a_dead_domain_leaves_its_irqs_and_the_bitmap_behind)
{
    mfn_t m = frame_of(a);
    uint32_t port;

    bound(a, LEVEL);
    ck_assert_int_eq(pirq_set_eoi_page(a, m.n, false), 0);
    kill_domain(a);
    domain_put(a);
    port = bound(b, LEVEL);
    ck_assert(host_irq_fire(LEVEL));
    take(b, port);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_gsi_has_its_own_number_however_often_it_is_mapped,
        numbers_that_do_not_exist_are_refused,
        a_level_interrupt_comes_again_only_after_its_end,
        an_edge_interrupt_needs_no_end,
        an_irq_has_one_owner_until_that_one_lets_go,
        guests_that_say_so_share_a_line_and_the_last_end_opens_it,
        who_leaves_a_shared_line_pays_its_end_and_the_last_frees_it,
        an_edge_line_and_one_held_alone_are_not_shared,
        unmapping_a_bound_interrupt_silences_it,
        the_bitmap_says_which_ones_need_an_end,
        only_an_own_writable_frame_becomes_the_bitmap_and_once,
        messages_have_numbers_above_the_gsis_and_blocks_are_in_a_row,
        a_kept_number_is_given_to_nobody_else,
        a_dead_domain_leaves_its_irqs_and_the_bitmap_behind,
        NULL,
    };

    return unit_run("comm/pirq", world, tests);
}
