/* SPDX-License-Identifier: MIT */
/* Event channels: bindings, both layouts, and what a guest may ask that it must not get.
 */
#include "comm_world.h"

static void join(uint32_t *pa, uint32_t *pb)
{
    ck_assert_int_eq(evtchn_alloc_unbound(a, b->id, pa), 0);
    ck_assert_int_eq(evtchn_bind_interdomain(b, a->id, *pa, pb), 0);
}

static void clear_2l(struct domain *d)
{
    memset(d->shared->evtchn_pending, 0, sizeof(d->shared->evtchn_pending));
    for (unsigned i = 0; i < 2; i++) {
        d->vcpu[i]->hw.info->evtchn_upcall_pending = 0;
        d->vcpu[i]->hw.info->evtchn_pending_sel = 0;
    }
}

START_TEST(a_new_binding_starts_with_an_event)
{
    uint32_t pa, pb;

    join(&pa, &pb);
    ck_assert(pending(b, pb));
    ck_assert(!pending(a, pa));
    ck_assert_int_eq(b->vcpu[0]->hw.info->evtchn_upcall_pending, 1);
}
END_TEST

START_TEST(an_event_reaches_the_other_end_only)
{
    uint32_t pa, pb;

    join(&pa, &pb);
    clear_2l(b);
    ck_assert_int_eq(evtchn_send(a, pa), 0);
    ck_assert(pending(b, pb));
    ck_assert(!pending(a, pa));
    ck_assert_uint_eq(b->vcpu[0]->hw.info->evtchn_pending_sel, 1ul << pb / 64);
}
END_TEST

START_TEST(a_masked_port_is_pending_but_calls_nobody)
{
    uint32_t pa, pb;

    join(&pa, &pb);
    clear_2l(b);
    b->shared->evtchn_mask[pb / 64] |= 1ul << pb % 64;
    ck_assert_int_eq(evtchn_send(a, pa), 0);
    ck_assert(pending(b, pb));
    ck_assert_int_eq(b->vcpu[0]->hw.info->evtchn_upcall_pending, 0);
    ck_assert_int_eq(evtchn_unmask(b, pb), 0);
    ck_assert_int_eq(b->vcpu[0]->hw.info->evtchn_upcall_pending, 1);
}
END_TEST

START_TEST(only_the_invited_domain_may_bind)
{
    uint32_t pa, pb;

    ck_assert_int_eq(evtchn_alloc_unbound(a, 9, &pa), 0);
    ck_assert_int_eq(evtchn_bind_interdomain(b, a->id, pa, &pb), -EINVAL);
    ck_assert_int_eq(evtchn_bind_interdomain(b, a->id, 4000, &pb), -EINVAL);
    ck_assert_int_eq(evtchn_bind_interdomain(b, a->id, ~0u, &pb), -EINVAL);
    ck_assert_int_eq(evtchn_bind_interdomain(b, 99, pa, &pb), -ESRCH);
}
END_TEST

START_TEST(closing_one_end_leaves_the_other_unbound)
{
    struct hv_evtchn_status s = {0};
    uint32_t pa, pb;

    join(&pa, &pb);
    ck_assert_int_eq(evtchn_close(b, pb), 0);
    s.port = pa;
    ck_assert_int_eq(evtchn_status(a, &s), 0);
    ck_assert_uint_eq(s.status, HV_EVTCHNSTAT_UNBOUND);
    ck_assert_uint_eq(s.u.unbound.dom, b->id);
    ck_assert_int_eq(evtchn_send(a, pa), 0); /* to nobody: no error */
    ck_assert_int_eq(evtchn_close(b, pb), -EINVAL);
}
END_TEST

START_TEST(a_virq_has_one_port_a_vcpu)
{
    uint32_t p, q;

    ck_assert_int_eq(evtchn_bind_virq(a, HV_VIRQ_TIMER, 1, &p), 0);
    ck_assert_int_eq(evtchn_bind_virq(a, HV_VIRQ_TIMER, 1, &q), -EEXIST);
    ck_assert_int_eq(evtchn_bind_virq(a, HV_VIRQ_CONSOLE, 1, &q), -EINVAL);
    ck_assert_int_eq(evtchn_bind_virq(a, HV_NR_VIRQS, 0, &q), -EINVAL);
    ck_assert_int_eq(evtchn_bind_virq(a, HV_VIRQ_TIMER, 2, &q), -ENOENT);
    evtchn_raise_virq(a->vcpu[1], HV_VIRQ_TIMER);
    ck_assert(pending(a, p));
    ck_assert_int_eq(a->vcpu[1]->hw.info->evtchn_upcall_pending, 1);
    ck_assert_int_eq(a->vcpu[0]->hw.info->evtchn_upcall_pending, 0);
    ck_assert_int_eq(evtchn_bind_vcpu(a, p, 0), -EINVAL);
}
END_TEST

START_TEST(a_virq_that_was_moved_can_be_bound_again_once_closed)
{
    uint32_t p, q;

    ck_assert_int_eq(evtchn_bind_virq(a, HV_VIRQ_CONSOLE, 0, &p), 0);
    ck_assert_int_eq(evtchn_bind_vcpu(a, p, 1), 0);
    ck_assert_int_eq(evtchn_bind_virq(a, HV_VIRQ_CONSOLE, 0, &q), -EEXIST);
    ck_assert_int_eq(evtchn_close(a, p), 0);
    ck_assert_int_eq(evtchn_bind_virq(a, HV_VIRQ_CONSOLE, 0, &q), 0);
    evtchn_raise_virq(a->vcpu[0], HV_VIRQ_CONSOLE);
    ck_assert_int_eq(a->vcpu[0]->hw.info->evtchn_upcall_pending, 1);
}
END_TEST

START_TEST(an_ipi_goes_to_the_vcpu_it_was_bound_to)
{
    uint32_t p;

    ck_assert_int_eq(evtchn_bind_ipi(a, 1, &p), 0);
    ck_assert_int_eq(evtchn_send(a, p), 0);
    ck_assert_int_eq(a->vcpu[1]->hw.info->evtchn_upcall_pending, 1);
    ck_assert_int_eq(evtchn_bind_ipi(a, 2, &p), -ENOENT);
}
END_TEST

START_TEST(ports_run_out_with_an_error)
{
    uint32_t p;
    int rc, n = 0;

    while ((rc = evtchn_alloc_unbound(a, b->id, &p)) == 0)
        n++;
    ck_assert_int_eq(rc, -ENOSPC);
    ck_assert_int_eq(n, HV_EVTCHN_2L_NR_CHANNELS - 1); /* port 0 is never given */
    ck_assert_int_eq(evtchn_close(a, 77), 0);
    ck_assert_int_eq(evtchn_alloc_unbound(a, b->id, &p), 0);
    ck_assert_uint_eq(p, 77);
}
END_TEST

START_TEST(a_dead_domain_parts_from_its_peers)
{
    uint32_t pa, pb;

    join(&pa, &pb);
    kill_domain(b);
    ck_assert_int_eq(evtchn_send(a, pa), 0);
}
END_TEST

static uint32_t *words;
static struct hv_evtchn_fifo_control_block *control;

static void go_fifo(struct domain *d)
{
    struct hv_evtchn_init_control c = {0};
    mfn_t m = frame_of(d), w = frame_of(d);

    c.control_gfn = m.n;
    c.offset = 64;
    ck_assert_int_eq(evtchn_init_control(d->vcpu[0], &c), 0);
    ck_assert_int_eq(c.link_bits, HV_EVTCHN_FIFO_LINK_BITS);
    control = (void *)((char *)map_mfn(m) + 64);
    words = map_mfn(w);
    ck_assert_int_eq(evtchn_expand_array(d, w.n), 0);
}

/* What a guest does: takes the head of the queue off. */
static uint32_t take(unsigned prio)
{
    uint32_t port = control->head[prio], w = words[port];

    control->head[prio] = w & HV_EVTCHN_FIFO_LINK_MASK;
    words[port] = w & ~((1u << HV_EVTCHN_FIFO_LINKED) | HV_EVTCHN_FIFO_LINK_MASK |
                        (1u << HV_EVTCHN_FIFO_PENDING));
    return port;
}

START_TEST(fifo_delivers_in_the_order_of_sending)
{
    uint32_t p[5];

    go_fifo(a);
    for (unsigned i = 0; i < 5; i++)
        ck_assert_int_eq(evtchn_bind_ipi(a, 0, &p[i]), 0);
    for (unsigned i = 5; i-- > 0;)
        ck_assert_int_eq(evtchn_send(a, p[i]), 0);
    ck_assert_uint_eq(control->ready, 1u << HV_EVTCHN_FIFO_PRIORITY_DEFAULT);
    for (unsigned i = 5; i-- > 0;)
        ck_assert_uint_eq(take(HV_EVTCHN_FIFO_PRIORITY_DEFAULT), p[i]);
    ck_assert_uint_eq(control->head[HV_EVTCHN_FIFO_PRIORITY_DEFAULT], 0);
}
END_TEST

/* What another CPU does before this one takes a FIFO lock the next time. */
static void (*meanwhile)(void);
static uint16_t meanwhile_at = RANK_FIFO;
void __real_lock_check_take(const void *lock, uint16_t rank, bool irqs_on);
void __wrap_lock_check_take(const void *lock, uint16_t rank, bool irqs_on)
{
    void (*fn)(void) = rank == meanwhile_at ? meanwhile : NULL;

    if (fn) {
        meanwhile = NULL;
        host_on_cpu(1);
        fn();
        host_on_cpu(0);
    }
    __real_lock_check_take(lock, rank, irqs_on);
}

static uint32_t other_port;
static void send_other(void)
{
    ck_assert_int_eq(evtchn_send(a, other_port), 0);
}

/* The first port is its queue's tail still, though the guest took it off: the second must
 * not be linked behind it before it is in the queue again. */
START_TEST(fifo_loses_none_of_two_events_that_are_sent_at_once)
{
    uint32_t p;

    go_fifo(a);
    ck_assert_int_eq(evtchn_bind_ipi(a, 0, &p), 0);
    ck_assert_int_eq(evtchn_bind_ipi(a, 0, &other_port), 0);
    for (unsigned by_unmask = 0; by_unmask < 2; by_unmask++) {
        ck_assert_int_eq(evtchn_send(a, p), 0);
        ck_assert_uint_eq(take(HV_EVTCHN_FIFO_PRIORITY_DEFAULT), p);
        if (by_unmask)
            words[p] |= 1u << HV_EVTCHN_FIFO_MASKED | 1u << HV_EVTCHN_FIFO_PENDING;
        meanwhile = send_other;
        ck_assert_int_eq(by_unmask ? evtchn_unmask(a, p) : evtchn_send(a, p), 0);
        ck_assert_ptr_null(meanwhile);
        ck_assert_uint_eq(take(HV_EVTCHN_FIFO_PRIORITY_DEFAULT), other_port);
        ck_assert_uint_eq(take(HV_EVTCHN_FIFO_PRIORITY_DEFAULT), p);
        ck_assert_uint_eq(control->head[HV_EVTCHN_FIFO_PRIORITY_DEFAULT], 0);
    }
}
END_TEST

static void hand_over_and_kill(void)
{
    ck_assert_int_eq(evtchn_set_global_virq(b, HV_VIRQ_DOM_EXC), 0);
    while (domain_kill(a))
        ;
    domain_put(a);
    host_settle();
    ck_assert_int_eq(a->max_vcpus, 2);
    ck_assert_ptr_nonnull(a->evtchn);
}

/* Who raises it has found its owner and is about to tell it. */
START_TEST(the_owner_of_a_virq_stays_while_it_is_raised)
{
    uint32_t p;

    ck_assert_int_eq(evtchn_bind_virq(a, HV_VIRQ_DOM_EXC, 0, &p), 0);
    ck_assert_int_eq(evtchn_set_global_virq(a, HV_VIRQ_DOM_EXC), 0);
    meanwhile_at = RANK_CHANNEL;
    meanwhile = hand_over_and_kill;
    evtchn_raise_global_virq(HV_VIRQ_DOM_EXC);
    ck_assert_ptr_null(meanwhile);
    host_settle();
    a = new_domain(5);
}
END_TEST

START_TEST(fifo_queues_by_priority)
{
    uint32_t p, q;

    go_fifo(a);
    ck_assert_int_eq(evtchn_bind_ipi(a, 0, &p), 0);
    ck_assert_int_eq(evtchn_bind_ipi(a, 0, &q), 0);
    ck_assert_int_eq(evtchn_set_priority(a, q, 2), 0);
    ck_assert_int_eq(evtchn_set_priority(a, q, 16), -EINVAL);
    ck_assert_int_eq(evtchn_send(a, p), 0);
    ck_assert_int_eq(evtchn_send(a, q), 0);
    ck_assert_uint_eq(control->ready, 1u << 2 | 1u << HV_EVTCHN_FIFO_PRIORITY_DEFAULT);
    ck_assert_uint_eq(control->head[2], q);
}
END_TEST

START_TEST(a_linked_port_that_changes_priority_is_not_linked_twice)
{
    uint32_t p, q;

    go_fifo(a);
    ck_assert_int_eq(evtchn_bind_ipi(a, 0, &p), 0);
    ck_assert_int_eq(evtchn_bind_ipi(a, 0, &q), 0);
    evtchn_send(a, p);
    evtchn_set_priority(a, p, 1);
    evtchn_send(a, p);
    evtchn_send(a, q);
    ck_assert_uint_eq(control->head[1], 0);
    ck_assert_uint_eq(take(HV_EVTCHN_FIFO_PRIORITY_DEFAULT), p);
    evtchn_send(
        a, p); /* now it goes to its new queue, and leaves the old one's tail alone */
    ck_assert_uint_eq(control->head[1], p);
    ck_assert_uint_eq(take(HV_EVTCHN_FIFO_PRIORITY_DEFAULT), q);
}
END_TEST

START_TEST(what_was_pending_before_fifo_is_not_lost)
{
    uint32_t p;

    ck_assert_int_eq(evtchn_bind_ipi(a, 0, &p), 0);
    ck_assert_int_eq(evtchn_send(a, p), 0);
    go_fifo(a);
    ck_assert_uint_eq(control->head[HV_EVTCHN_FIFO_PRIORITY_DEFAULT], p);
}
END_TEST

START_TEST(a_guest_that_scribbles_over_fifo_words_harms_only_itself)
{
    uint32_t p[8];

    go_fifo(a);
    for (unsigned i = 0; i < 8; i++)
        ck_assert_int_eq(evtchn_bind_ipi(a, 0, &p[i]), 0);
    for (unsigned round = 0; round < 2000; round++) {
        words[p[rand() % 8]] = (uint32_t)rand();
        control->head[rand() % 16] = (uint32_t)rand();
        control->ready = (uint32_t)rand();
        evtchn_send(a, p[rand() % 8]);
        evtchn_unmask(a, p[rand() % 8]);
        evtchn_set_priority(a, p[rand() % 8], (uint32_t)rand() % 16);
    }
    kill_domain(a);
}
END_TEST

START_TEST(fifo_refuses_frames_that_are_not_the_guests)
{
    struct hv_evtchn_init_control c = {.control_gfn = frame_of(b).n};

    ck_assert_int_eq(evtchn_init_control(a->vcpu[0], &c), -EINVAL);
    c.control_gfn = ~0ull;
    ck_assert_int_eq(evtchn_init_control(a->vcpu[0], &c), -EINVAL);
    c.control_gfn = frame_of(a).n;
    c.offset = 4092;
    ck_assert_int_eq(evtchn_init_control(a->vcpu[0], &c), -EINVAL);
    c.offset = 4;
    ck_assert_int_eq(evtchn_init_control(a->vcpu[0], &c), -EINVAL);
    ck_assert_int_eq(evtchn_expand_array(a, c.control_gfn), -EOPNOTSUPP);
    go_fifo(a);
    ck_assert_int_eq(evtchn_expand_array(a, frame_of(b).n), -EINVAL);
}
END_TEST

/* ... and each time before it takes bind_lock. */
static void (*at_bind_lock)(void);
void __real_spin_lock(spinlock_t *l);
void __wrap_spin_lock(spinlock_t *l)
{
    if (l->rank == RANK_EVENT && at_bind_lock)
        at_bind_lock();
    __real_spin_lock(l);
}

static unsigned bound_meanwhile;
static void bind_meanwhile(void)
{
    uint32_t port;

    at_bind_lock = NULL;
    ck_assert_int_eq(a->vcpu[1]->pauses, 1); /* it could be in one of the pages that go */
    ck_assert_int_eq(evtchn_reset(a), -EBUSY);
    bound_meanwhile += evtchn_alloc_unbound(a, b->id, &port) == 0;
    at_bind_lock = bind_meanwhile;
}

/* Else one beyond those of the layout without FIFOs could be sent to. */
START_TEST(a_reset_leaves_no_port_that_was_bound_meanwhile)
{
    struct hv_evtchn_status s = {0};
    uint32_t port;

    go_fifo(a);
    ck_assert_int_eq(evtchn_alloc_unbound(a, b->id, &port), 0);
    at_bind_lock = bind_meanwhile;
    ck_assert_int_eq(evtchn_reset(a), 0);
    at_bind_lock = NULL;
    ck_assert_uint_gt(bound_meanwhile, 0);
    for (s.port = 1; evtchn_status(a, &s) == 0; s.port++)
        ck_assert_uint_eq(s.status, HV_EVTCHNSTAT_CLOSED);
    ck_assert_uint_gt(s.port, 1);
    ck_assert_int_eq(a->vcpu[1]->pauses, 0);
}
END_TEST

START_TEST(fifo_pages_are_given_back)
{
    go_fifo(a);
    ck_assert_int_eq(evtchn_reset(a), 0);
    ck_assert(page_get_and_type(page_of(map_to_mfn(words)), a,
                                PGT_L1)); /* no longer held writable */
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_reset_leaves_no_port_that_was_bound_meanwhile,
        a_new_binding_starts_with_an_event,
        an_event_reaches_the_other_end_only,
        a_masked_port_is_pending_but_calls_nobody,
        only_the_invited_domain_may_bind,
        closing_one_end_leaves_the_other_unbound,
        a_virq_has_one_port_a_vcpu,
        a_virq_that_was_moved_can_be_bound_again_once_closed,
        an_ipi_goes_to_the_vcpu_it_was_bound_to,
        ports_run_out_with_an_error,
        a_dead_domain_parts_from_its_peers,
        fifo_delivers_in_the_order_of_sending,
        fifo_loses_none_of_two_events_that_are_sent_at_once,
        the_owner_of_a_virq_stays_while_it_is_raised,
        fifo_queues_by_priority,
        a_linked_port_that_changes_priority_is_not_linked_twice,
        what_was_pending_before_fifo_is_not_lost,
        a_guest_that_scribbles_over_fifo_words_harms_only_itself,
        fifo_refuses_frames_that_are_not_the_guests,
        fifo_pages_are_given_back,
        NULL,
    };

    return unit_run("comm/event", world, tests);
}
