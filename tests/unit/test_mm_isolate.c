/* SPDX-License-Identifier: MIT */
/* Isolated guests: what their CPUs' copies of level-4 tables hold, and when. */
#include "mm_world.h"
#include "port/isolate.h"
#include "port/layout.h"

#define KERNEL 0
#define USER   1
#define SLOT   pt_index(VA, 4)

static struct tree t;
static struct vcpu *second; /* runs on the other CPU, on the same tables */

/* The hypervisor's slots of the master table hold something. */
static void isolated_world(void)
{
    uint64_t *master = (uint64_t *)map_master_l4();

    for (unsigned i = HV_FIRST_SLOT; i <= HV_LAST_SLOT; i++)
        master[i] = pte_make(mk_mfn(i), PTE_HV);
    host_isolate = true;
    world();
    t = new_tree();
    ck_assert_int_eq(mmu_set_base(gv, t.l4, false), 0);
}

static void start_second(mfn_t l4)
{
    ck_assert_int_eq(vcpu_create(g, 1, &second), 0);
    second->hw.kernel_mode = 1;
    ck_assert_int_eq(mmu_set_base(second, l4, false), 0);
    second->pause_flags = 0;
    vcpu_wake(second);
    host_settle();
    ck_assert(second->running);
    ck_assert_uint_ne(second->processor, gv->processor);
}

static const uint64_t *copy_of(struct vcpu *v, bool user)
{
    return isolate_l4(v->processor, user);
}

static void assert_copy(const uint64_t *copy, mfn_t l4)
{
    for (unsigned i = 0; i < PT_ENTRIES; i++)
        if (i < HV_FIRST_SLOT || i > HV_LAST_SLOT)
            ck_assert_msg(copy[i] == entries(l4)[i], "slot %u: %#lx, not %#lx", i,
                          (unsigned long)copy[i], (unsigned long)entries(l4)[i]);
}

START_TEST(a_copy_holds_the_guests_entries)
{
    ck_assert_uint_eq(pte_mfn(copy_of(gv, KERNEL)[SLOT]).n, t.l3.n);
    assert_copy(copy_of(gv, KERNEL), t.l4);
    assert_copy(copy_of(gv, USER), t.l4); /* no other base: user mode runs on this one */
}
END_TEST

START_TEST(a_copy_holds_nothing_of_the_hypervisor_but_the_domains_slot)
{
    ck_assert_uint_ne(entries(t.l4)[HV_LAST_SLOT], 0);
    for (unsigned i = HV_FIRST_SLOT; i <= HV_LAST_SLOT; i++)
        ck_assert_uint_eq(copy_of(gv, KERNEL)[i],
                          i == PERDOMAIN_SLOT ? g->mm->window_l4e : 0);
}
END_TEST

START_TEST(a_new_entry_is_in_all_copies_at_once)
{
    struct tree other = new_tree();
    uint64_t e = pte_make(other.l3, RW);

    start_second(t.l4);
    ck_assert_int_eq(update(t.l4, 400, e), 0);
    for (unsigned user = KERNEL; user <= USER; user++) {
        ck_assert_uint_eq(copy_of(gv, user)[400], e);
        ck_assert_uint_eq(copy_of(second, user)[400], e);
    }
}
END_TEST

START_TEST(an_entry_that_goes_is_in_no_copy_when_its_table_is_free)
{
    start_second(t.l4);
    ck_assert_int_eq(update(t.l4, SLOT, 0), 0);
    assert_idle(t.l3);
    ck_assert_uint_eq(copy_of(gv, KERNEL)[SLOT], 0);
    ck_assert_uint_eq(copy_of(second, KERNEL)[SLOT], 0);
}
END_TEST

START_TEST(a_store_that_is_emulated_reaches_the_copies)
{
    struct page *pg = page_of(t.l4);
    uint64_t *p = &entries(t.l4)[SLOT];

    start_second(t.l4);
    ck_assert(page_lock(pg));
    ck_assert_int_eq(pt_entry_cmpxchg(gv->mm, pg, p, *p, 0, g), 0);
    page_unlock(pg);
    ck_assert_uint_eq(copy_of(gv, KERNEL)[SLOT], 0);
    ck_assert_uint_eq(copy_of(second, KERNEL)[SLOT], 0);
}
END_TEST

START_TEST(a_refused_entry_is_in_no_copy)
{
    ck_assert_int_lt(update(t.l4, 400, pte_make(t.l1, RW)), 0);
    ck_assert_int_lt(update(t.l4, HV_LAST_SLOT, pte_make(t.l3, RW)), 0);
    ck_assert_uint_eq(copy_of(gv, KERNEL)[400], 0);
    ck_assert_uint_eq(copy_of(gv, KERNEL)[HV_LAST_SLOT], 0);
}
END_TEST

START_TEST(a_table_of_another_is_not_changed)
{
    struct tree other = new_tree(), more = new_tree();

    start_second(other.l4);
    ck_assert_int_eq(update(t.l4, 400, pte_make(more.l3, RW)), 0);
    ck_assert_uint_eq(copy_of(second, KERNEL)[400], 0);
    assert_copy(copy_of(second, KERNEL), other.l4);
}
END_TEST

/* The way through the guest's own table would lead to all of the hypervisor's. */
START_TEST(a_linear_mapping_leads_to_the_copy)
{
    uint64_t e = pte_make(t.l4, RO);
    const uint64_t *c = copy_of(gv, KERNEL), *u = copy_of(gv, USER);

    boot_params.pv_linear_pt = true;
    ck_assert_int_eq(update(t.l4, 300, e), 0);
    ck_assert_uint_eq(c[300], pte_make(map_to_mfn(c), RO));
    ck_assert_uint_eq(u[300], pte_make(map_to_mfn(u), RO));

    t = new_tree();
    put_entry(t.l4, 300, t.l4, RO);
    ck_assert_int_eq(mmu_set_base(gv, t.l4, false), 0);
    ck_assert_uint_eq(c[300], pte_make(map_to_mfn(c), RO));
}
END_TEST

START_TEST(a_new_base_leaves_nothing_of_the_old)
{
    struct tree other = {frame(), t.l3, t.l2, t.l1};

    put_entry(other.l4, 17, other.l3, RW);
    ck_assert_int_eq(mmu_set_base(gv, other.l4, false), 0);
    ck_assert_uint_eq(copy_of(gv, KERNEL)[SLOT], 0);
    ck_assert_uint_ne(copy_of(gv, KERNEL)[17], 0);
    assert_copy(copy_of(gv, KERNEL), other.l4);
}
END_TEST

START_TEST(user_mode_has_the_users_base)
{
    struct tree user = new_tree();

    put_entry(user.l4, 3, user.l3, RW);
    ck_assert_int_eq(mmu_set_base(gv, user.l4, true), 0);
    assert_copy(copy_of(gv, USER), user.l4);
    assert_copy(copy_of(gv, KERNEL), t.l4);
    ck_assert_int_eq(mmu_set_base(gv, mk_mfn(0), true), 0);
    assert_copy(copy_of(gv, USER), t.l4);
}
END_TEST

/* The frame is a level-4 table again, with other contents, and loaded on the CPU that
 * knew it before. */
START_TEST(a_table_that_was_freed_is_not_known_any_more)
{
    struct tree other = new_tree();
    mfn_t l4 = t.l4;

    ck_assert_int_eq(mmu_set_base(gv, other.l4, false), 0);
    host_on_cpu(!gv->processor); /* there nothing was loaded */
    entries(l4)[SLOT] = 0;
    put_entry(l4, 5, t.l3, RW);
    host_on_cpu(gv->processor);
    ck_assert_int_eq(mmu_set_base(gv, l4, false), 0);
    assert_copy(copy_of(gv, KERNEL), l4);
    ck_assert_uint_eq(copy_of(gv, KERNEL)[SLOT], 0);
}
END_TEST

/* While its vCPU sleeps a table that a CPU has a copy of changes, goes, and comes back.
 */
START_TEST(a_vcpu_that_slept_finds_true_copies)
{
    struct tree other = new_tree(), more = new_tree();
    unsigned cpu;

    start_second(other.l4);
    cpu = second->processor;
    vcpu_pause(second);
    host_settle();
    ck_assert(!second->running);
    host_on_cpu(gv->processor);
    ck_assert_int_eq(update(other.l4, 400, pte_make(more.l3, RW)), 0);
    vcpu_unpause(second);
    host_settle();
    ck_assert_uint_eq(second->processor, cpu);
    assert_copy(copy_of(second, KERNEL), other.l4);

    vcpu_pause(second);
    host_settle();
    host_on_cpu(gv->processor);
    ck_assert_int_eq(mmu_set_base(second, t.l4, false), 0);
    assert_idle(other.l4);
    entries(other.l4)[400] = 0;
    ck_assert_int_eq(mmu_set_base(second, other.l4, false), 0);
    vcpu_unpause(second);
    host_settle();
    assert_copy(copy_of(second, KERNEL), other.l4);
}
END_TEST

START_TEST(a_vcpu_that_moves_finds_copies_on_its_new_cpu)
{
    unsigned from = gv->processor;
    struct tree more = new_tree();

    ck_assert_int_eq(sched_set_hard_affinity(gv, cpumask_of(!from)), 0);
    host_settle();
    ck_assert_uint_eq(gv->processor, !from);
    assert_copy(copy_of(gv, KERNEL), t.l4);
    host_on_cpu(gv->processor);
    ck_assert_int_eq(update(t.l4, 400, pte_make(more.l3, RW)), 0);
    assert_copy(copy_of(gv, KERNEL), t.l4);
}
END_TEST

START_TEST(a_guest_that_is_not_isolated_has_no_copy)
{
    struct tree other = new_tree();
    struct domain *was = g;
    struct vcpu *v;

    host_isolate = false;
    g = new_guest(100, &v);
    other = new_tree();
    ck_assert_int_eq(mmu_set_base(v, other.l4, false), 0);
    ck_assert(!v->hw.isolated && gv->hw.isolated);
    g = was;
    assert_copy(copy_of(gv, KERNEL), t.l4);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_copy_holds_the_guests_entries,
        a_copy_holds_nothing_of_the_hypervisor_but_the_domains_slot,
        a_new_entry_is_in_all_copies_at_once,
        an_entry_that_goes_is_in_no_copy_when_its_table_is_free,
        a_store_that_is_emulated_reaches_the_copies,
        a_refused_entry_is_in_no_copy,
        a_table_of_another_is_not_changed,
        a_linear_mapping_leads_to_the_copy,
        a_new_base_leaves_nothing_of_the_old,
        user_mode_has_the_users_base,
        a_table_that_was_freed_is_not_known_any_more,
        a_vcpu_that_slept_finds_true_copies,
        a_vcpu_that_moves_finds_copies_on_its_new_cpu,
        a_guest_that_is_not_isolated_has_no_copy,
        NULL};

    return unit_run("mm/isolate", isolated_world, tests);
}
