/* SPDX-License-Identifier: MIT */
/* Page types: what a guest may make of its frames, and that every count comes back to
 * zero. */
#include "mm_world.h"
#include "port/layout.h"

START_TEST(a_pinned_tree_is_validated_and_let_go)
{
    struct tree t = new_tree();
    mfn_t data = frame();

    put_entry(t.l1, 0, data, RW);
    ck_assert_int_eq(ext(HV_MMUEXT_PIN_L4_TABLE, t.l4), 0);
    ck_assert_uint_eq(pgt_type(page_of(t.l1)->type), PGT_L1);
    ck_assert_uint_eq(pgt_type(page_of(t.l2)->type), PGT_L2);
    ck_assert_uint_eq(pgt_type(page_of(data)->type), PGT_WRITABLE);
    ck_assert_uint_eq(refs(data), 2);
    ck_assert_int_eq(ext(HV_MMUEXT_UNPIN_TABLE, t.l4), 0);
    assert_idle(t.l4);
    assert_idle(t.l3);
    assert_idle(t.l2);
    assert_idle(t.l1);
    assert_idle(data);
}
END_TEST

START_TEST(a_second_pin_is_refused)
{
    struct tree t = new_tree();

    ck_assert_int_eq(ext(HV_MMUEXT_PIN_L4_TABLE, t.l4), 0);
    ck_assert_int_eq(ext(HV_MMUEXT_PIN_L4_TABLE, t.l4), -EINVAL);
    ck_assert_int_eq(ext(HV_MMUEXT_PIN_L3_TABLE, t.l4), -EINVAL);
    ck_assert_int_eq(ext(HV_MMUEXT_UNPIN_TABLE, t.l4), 0);
    ck_assert_int_eq(ext(HV_MMUEXT_UNPIN_TABLE, t.l4), -EINVAL);
    assert_idle(t.l4);
}
END_TEST

START_TEST(a_table_cannot_be_mapped_writable)
{
    struct tree t = new_tree();

    put_entry(t.l1, 5, t.l2, RW);
    ck_assert_int_eq(ext(HV_MMUEXT_PIN_L4_TABLE, t.l4), -EINVAL);
    assert_idle(t.l1);
    assert_idle(t.l2);
    assert_idle(t.l4);
    entries(t.l1)[5] = 0;
    ck_assert_int_eq(ext(HV_MMUEXT_PIN_L4_TABLE, t.l4), 0);
    ck_assert_int_eq(update(t.l1, 5, pte_make(t.l1, RW)), -EINVAL);
    ck_assert_int_eq(update(t.l1, 5, pte_make(t.l4, RW)), -EINVAL);
    ck_assert_int_eq(update(t.l1, 5, pte_make(t.l4, RO)), 0);
}
END_TEST

START_TEST(a_writable_page_cannot_become_a_table)
{
    struct tree t = new_tree();
    mfn_t other = frame();

    put_entry(t.l1, 0, other, RW);
    ck_assert_int_eq(ext(HV_MMUEXT_PIN_L4_TABLE, t.l4), 0);
    ck_assert_int_eq(ext(HV_MMUEXT_PIN_L1_TABLE, other), -EINVAL);
    ck_assert_int_eq(update(t.l2, 7, pte_make(other, RW)), -EINVAL);
    ck_assert_int_eq(update(t.l1, 0, pte_make(other, RO)), 0);
    ck_assert_int_eq(update(t.l2, 7, pte_make(other, RW)), 0);
    ck_assert_int_eq(update(t.l1, 0, pte_make(other, RW)), -EINVAL);
    ck_assert_int_eq(update(t.l2, 7, 0), 0);
    ck_assert_int_eq(update(t.l1, 0, pte_make(other, RW)), 0);
}
END_TEST

START_TEST(frames_of_others_and_of_the_hypervisor_are_refused)
{
    struct tree t = new_tree();
    struct vcpu *v2;
    struct domain *d2 = new_guest(10, &v2);
    mfn_t theirs = frame_of(d2), ours = map_to_mfn(page_alloc_mapped(0)),
          none = page_alloc(0, 0);
    mfn_t bad[] = {theirs, ours, none, mk_mfn(HOST_FRAMES - 1), mk_mfn(0xffffffffffull)};

    ck_assert_int_eq(ext(HV_MMUEXT_PIN_L4_TABLE, t.l4), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        ck_assert_int_ne(update(t.l1, 0, pte_make(bad[i], RO)), 0);
        ck_assert_int_ne(update(t.l1, 0, pte_make(bad[i], RW)), 0);
        ck_assert_int_eq(update(t.l2, 0, pte_make(bad[i], RW)), -EINVAL);
        ck_assert_int_eq(ext(HV_MMUEXT_PIN_L1_TABLE, bad[i]), -EINVAL);
        ck_assert_int_eq(ext(HV_MMUEXT_NEW_BASEPTR, bad[i]), -EINVAL);
    }
    put_entry(t.l1, 0, theirs,
              RO); /* behind the hypervisor's back: validation would have said no */
    entries(t.l1)[0] = 0;
    ck_assert_uint_eq(refs(theirs), 1);
    ck_assert_int_eq(mmu_update_one(gv, d2, g, mfn_to_paddr(t.l1), 0), -EINVAL);
}
END_TEST

START_TEST(validation_finds_the_hostile_entry_and_undoes_the_rest)
{
    struct tree t = new_tree();
    mfn_t data = frame(), ours = page_alloc(0, 0);

    for (unsigned i = 0; i < 511; i++)
        put_entry(t.l1, i, data, i & 1 ? RW : RO);
    put_entry(t.l1, 511, ours, RO);
    ck_assert_int_eq(ext(HV_MMUEXT_PIN_L1_TABLE, t.l1), -EINVAL);
    assert_idle(data);
    assert_idle(t.l1);
    ck_assert_int_eq(ext(HV_MMUEXT_PIN_L4_TABLE, t.l4), -EINVAL);
    assert_idle(t.l3);
    entries(t.l1)[511] = 0;
    ck_assert_int_eq(ext(HV_MMUEXT_PIN_L4_TABLE, t.l4), 0);
    ck_assert_uint_eq(refs(data), 512);
    ck_assert_uint_eq(type_refs(data), 255);
    ck_assert_int_eq(ext(HV_MMUEXT_UNPIN_TABLE, t.l4), 0);
    assert_idle(data);
}
END_TEST

START_TEST(large_and_device_bits_are_refused)
{
    struct tree t = new_tree();
    mfn_t data = frame();

    ck_assert_int_eq(ext(HV_MMUEXT_PIN_L4_TABLE, t.l4), 0);
    ck_assert_int_eq(update(t.l2, 3, pte_make(data, RW | PTE_PSE)), -EINVAL);
    ck_assert_int_eq(update(t.l3, 3, pte_make(data, RW | PTE_PSE)), -EINVAL);
    ck_assert_int_eq(update(t.l1, 3, pte_make(data, RW | PTE_PCD)), -EINVAL);
    ck_assert_int_eq(update(t.l1, 3, pte_make(mk_mfn(0xfee00), RW)), -EPERM);
    ck_assert_int_eq(rangeset_add(g->iomem, 0xfee00, 0xfee00), 0);
    ck_assert_int_eq(update(t.l1, 3, pte_make(mk_mfn(0xfee00), RW | PTE_PCD)), 0);
    ck_assert_int_eq(update(t.l1, 3, pte_make(mk_mfn(0xfee01), RW | PTE_PCD)), -EPERM);
}
END_TEST

START_TEST(the_hypervisors_slots_are_ours)
{
    struct tree t = new_tree();

    put_entry(t.l4, 262, t.l3, RW);
    ck_assert_int_eq(ext(HV_MMUEXT_PIN_L4_TABLE, t.l4), 0);
    ck_assert_uint_eq(entries(t.l4)[262], map_master_l4()[262]);
    ck_assert_uint_eq(entries(t.l4)[PERDOMAIN_SLOT], g->mm->window_l4e);
    ck_assert_uint_eq(type_refs(t.l3), 1);
    ck_assert_int_eq(update(t.l4, 256, 0), -EINVAL);
    ck_assert_int_eq(update(t.l4, 271, pte_make(t.l3, RW)), -EINVAL);
    ck_assert_int_eq(update(t.l4, 272, pte_make(t.l3, RW)), 0);
    ck_assert_int_eq(ext(HV_MMUEXT_UNPIN_TABLE, t.l4), 0);
    assert_idle(t.l3);
}
END_TEST

START_TEST(a_table_may_map_itself_read_only_if_the_option_says_so)
{
    struct tree t = new_tree();

    put_entry(t.l4, 300, t.l4, RO);
    ck_assert_int_eq(ext(HV_MMUEXT_PIN_L4_TABLE, t.l4), -EINVAL);
    put_entry(t.l4, 300, t.l4, 0);
    ck_assert_int_eq(ext(HV_MMUEXT_PIN_L4_TABLE, t.l4), 0);
    ck_assert_int_eq(update(t.l4, 301, pte_make(t.l4, RO)), -EINVAL);
    boot_params.pv_linear_pt = true;
    ck_assert_int_eq(update(t.l4, 301, pte_make(t.l4, RO)), 0);
    ck_assert_int_eq(update(t.l4, 302, pte_make(t.l4, RW)), -EINVAL);
    ck_assert_int_eq(update(t.l4, 301, pte_make(t.l4, RW)), -EINVAL);
    ck_assert_int_eq(update(t.l4, 301, 0), 0);
    ck_assert_int_eq(ext(HV_MMUEXT_UNPIN_TABLE, t.l4), 0);
    assert_idle(t.l4);
}
END_TEST

START_TEST(another_table_of_the_same_level_is_refused)
{
    struct tree t = new_tree(), u = new_tree();

    ck_assert_int_eq(ext(HV_MMUEXT_PIN_L4_TABLE, u.l4), 0);
    put_entry(t.l4, 300, u.l4, RO);
    ck_assert_int_eq(ext(HV_MMUEXT_PIN_L4_TABLE, t.l4), -EINVAL);
    assert_idle(t.l4);
}
END_TEST

START_TEST(kernel_mappings_get_the_user_bit_and_a_mark)
{
    struct tree t = new_tree();
    mfn_t data = frame();

    put_entry(t.l1, 0, data, PTE_P | PTE_RW | PTE_G);
    put_entry(t.l1, 1, data, PTE_P | PTE_US);
    ck_assert_int_eq(ext(HV_MMUEXT_PIN_L4_TABLE, t.l4), 0);
    ck_assert_uint_eq(entries(t.l1)[0], pte_make(data, RW | PTE_GUEST_KERNEL));
    ck_assert_uint_eq(entries(t.l1)[1], pte_make(data, RO | PTE_G));
    ck_assert_int_eq(update(t.l1, 2, pte_make(data, PTE_P)), 0);
    ck_assert_uint_eq(entries(t.l1)[2], pte_make(data, RO | PTE_GUEST_KERNEL));
    /* What was read is written back by fork and friends. */
    ck_assert_int_eq(update(t.l1, 3, entries(t.l1)[2]), 0);
    ck_assert_uint_eq(entries(t.l1)[3], entries(t.l1)[2]);
}
END_TEST

/* Tables that take long to check. */
#define WIDE 40
static void new_wide(mfn_t *l4, mfn_t *l3, mfn_t l2[WIDE])
{
    *l4 = frame();
    *l3 = frame();
    put_entry(*l4, 0, *l3, RW);
    for (unsigned i = 0; i < WIDE; i++) {
        l2[i] = frame();
        put_entry(*l3, i * 3, l2[i], RW);
    }
}

START_TEST(validation_goes_on_where_it_was_preempted)
{
    mfn_t l4, l3, l2[WIDE];
    unsigned again = 0;
    int rc;

    new_wide(&l4, &l3, l2);
    softirq_raise(SOFTIRQ_TASK);
    while ((rc = ext(HV_MMUEXT_PIN_L4_TABLE, l4)) == -ERESTART)
        again++;
    ck_assert_int_eq(rc, 0);
    ck_assert_uint_ge(again, 39);
    ck_assert_uint_eq(type_refs(l2[39]), 1);
    ck_assert_int_eq(ext(HV_MMUEXT_UNPIN_TABLE, l4), 0);
    for (again = 0; mmu_pending(gv) == -ERESTART; again++)
        ;
    ck_assert_uint_ge(again, 30);
    for (unsigned i = 0; i < WIDE; i++)
        assert_idle(l2[i]);
    assert_idle(l3);
    assert_idle(l4);
}
END_TEST

/* Tables that took long to check take long to be given up: also when the last of them is
 * bad, when they are given back while they are pinned, and when the domain goes. */
START_TEST(all_that_takes_long_can_be_preempted)
{
    mfn_t l4, l3, bad = frame(), l2[WIDE];
    unsigned again = 0;
    int rc;

    new_wide(&l4, &l3, l2);
    put_entry(l3, 511, bad, RW | PTE_G);
    softirq_raise(SOFTIRQ_TASK);
    while ((rc = ext(HV_MMUEXT_PIN_L4_TABLE, l4)) == -ERESTART)
        ;
    ck_assert_int_eq(rc, -EINVAL);
    ck_assert_uint_eq(type_refs(l2[0]), 1);
    /* It can be tried again, or be something else when it is all given up. */
    put_entry(l3, 511, bad, 0);
    while ((rc = mmu_pending(gv)) || (rc = ext(HV_MMUEXT_PIN_L4_TABLE, l4)) == -ERESTART)
        ;
    ck_assert_int_eq(rc, 0);
    ck_assert_int_eq(dom_page_prepare_remove(g, l4), -ERESTART);
    while ((rc = dom_page_remove(g, l4)) == -ERESTART)
        again++;
    ck_assert_int_eq(rc, 0);
    ck_assert_uint_ge(again, 30);
    for (unsigned i = 0; i < WIDE; i++)
        assert_idle(l2[i]);
    l4 = frame();
    put_entry(l4, 0, l3, RW);
    while ((rc = ext(HV_MMUEXT_NEW_BASEPTR, l4)) == -ERESTART)
        ;
    ck_assert_int_eq(rc, 0);
    for (again = 0; mmu_drop_bases(gv) == -ERESTART; again++)
        ;
    ck_assert_uint_ge(again, 30);
    assert_idle(l4);
}
END_TEST

START_TEST(a_half_validated_table_is_nothing_else_until_it_is_settled)
{
    struct tree t = new_tree();
    mfn_t more = frame();

    put_entry(t.l3, 100, more, RW);
    softirq_raise(SOFTIRQ_TASK);
    ck_assert_int_eq(ext(HV_MMUEXT_PIN_L4_TABLE, t.l4), -ERESTART);
    ck_assert(page_of(t.l4)->type & PGT_PARTIAL);
    ck_assert_int_eq(page_get_type(page_of(t.l4), PGT_WRITABLE), -EINVAL);
    ck_assert_int_eq(update(t.l4, 0, 0), -EINVAL);
    while (page_settle(page_of(t.l4)))
        ;
    ck_assert_int_eq(page_get_type(page_of(t.l4), PGT_WRITABLE), 0);
    page_put_type(page_of(t.l4));
    assert_idle(t.l1);
    assert_idle(t.l2);
    assert_idle(t.l3);
    assert_idle(t.l4);
    assert_idle(more);
}
END_TEST

START_TEST(a_page_that_changes_its_type_is_flushed_from_the_tlb)
{
    struct tree t = new_tree();
    mfn_t data = frame();
    uint64_t before;

    put_entry(t.l1, 0, data, RW);
    ck_assert_int_eq(ext(HV_MMUEXT_PIN_L4_TABLE, t.l4), 0);
    ck_assert_int_eq(update(t.l1, 0, 0), 0);
    before = host_tlb_flushes;
    ck_assert_int_eq(update(t.l1, 0, pte_make(data, RW)), 0);
    ck_assert_uint_eq(host_tlb_flushes, before); /* writable again */
    ck_assert_int_eq(update(t.l1, 0, 0), 0);
    memset(entries(data), 0, PAGE_SIZE);
    ck_assert_int_eq(update(t.l2, 9, pte_make(data, RW)), 0);
    ck_assert_uint_gt(host_tlb_flushes, before);
}
END_TEST

/* The CPU that checks a page waits for this one to flush its TLB. */
static struct page *checked;

static void flushed_then_checked(void)
{
    ck_assert(!irq_enabled());
    atomic_fetch_or(&checked->type, PGT_VALIDATED);
}

START_TEST(who_waits_for_a_page_with_interrupts_off_still_flushes)
{
    irqflags_t f = irq_save();

    checked = page_of(frame());
    checked->type = PGT_SEG << PGT_TYPE_SHIFT | 1;
    host_serve = flushed_then_checked;
    ck_assert_int_eq(page_get_type(checked, PGT_SEG), 0);
    ck_assert_uint_eq(checked->type & PGT_COUNT, 2);
    irq_restore(f);
}
END_TEST

START_TEST(base_pointers_hold_their_tables)
{
    struct tree t = new_tree(), u = new_tree();
    mfn_t got;

    ck_assert_int_eq(ext(HV_MMUEXT_NEW_BASEPTR, t.l4), 0);
    ck_assert_uint_eq(gv->hw.cr3_kernel, mfn_to_paddr(t.l4));
    ck_assert_int_eq(ext(HV_MMUEXT_NEW_USER_BASEPTR, t.l4), 0);
    ck_assert_uint_eq(type_refs(t.l4), 2);
    ck_assert_int_eq(ext(HV_MMUEXT_NEW_BASEPTR, u.l4), 0);
    ck_assert_int_eq(ext(HV_MMUEXT_NEW_BASEPTR, u.l4), 0);
    ck_assert(mmu_get_base(gv, &got) && mfn_eq(got, u.l4));
    ck_assert_uint_eq(type_refs(t.l4), 1);
    ck_assert_int_eq(ext(HV_MMUEXT_NEW_USER_BASEPTR, mk_mfn(0)), 0);
    assert_idle(t.l4);
    assert_idle(t.l1);
    ck_assert_uint_eq(type_refs(u.l4), 1);
}
END_TEST

START_TEST(a_domain_that_dies_gives_all_frames_back)
{
    struct tree t;
    uint64_t before;
    struct vcpu *v2;
    struct domain *d2;

    boot_params.pv_linear_pt = true;
    before = page_alloc_free_count();
    d2 = g;
    (void)d2;
    t = new_tree();
    put_entry(t.l4, 300, t.l4, RO);
    for (unsigned i = 0; i < 100; i++)
        put_entry(t.l1, i, frame(), RW);
    ck_assert_int_eq(ext(HV_MMUEXT_PIN_L4_TABLE, t.l4), 0);
    ck_assert_int_eq(ext(HV_MMUEXT_NEW_BASEPTR, t.l4), 0);
    ck_assert_uint_lt(page_alloc_free_count(), before);
    d2 = new_guest(10, &v2);
    domain_pause_nosync(g);
    host_settle();
    host_on_cpu(1);
    host_settle();
    while (domain_kill(g) == -ERESTART)
        host_settle();
    ck_assert_uint_eq(dom_tot_pages(g), 0);
    domain_put(g);
    host_settle();
    while (domain_kill(d2) == -ERESTART)
        host_settle();
    domain_put(d2);
    host_settle();
    ck_assert_uint_ge(page_alloc_free_count(), before);
}
END_TEST

START_TEST(a_frame_that_others_map_outlives_its_domain)
{
    struct tree t = new_tree();
    struct vcpu *v2;
    struct domain *d2 = new_guest(10, &v2);
    mfn_t theirs = frame_of(d2);
    domid_t id = d2->id;

    ck_assert_int_eq(ext(HV_MMUEXT_PIN_L4_TABLE, t.l4), 0);
    ck_assert_int_eq(mmu_update_one(gv, g, d2, mfn_to_paddr(t.l1), pte_make(theirs, RW)),
                     0);
    while (domain_kill(d2) == -ERESTART)
        host_run_cpu(gv->processor);
    domain_put(d2);
    host_run_cpu(gv->processor);
    ck_assert_uint_eq(refs(theirs), 1);
    ck_assert_ptr_eq(page_of(theirs)->owner, d2);
    ck_assert_int_eq(
        mmu_update_one(gv, g, d2, mfn_to_paddr(t.l1) + 8, pte_make(theirs, RO)), -EINVAL);
    ck_assert_int_eq(update(t.l1, 0, 0), 0);
    ck_assert_uint_eq(refs(theirs), 0);
    host_settle();
    ck_assert_ptr_null(domain_get(id));
}
END_TEST

START_TEST(stealing_needs_an_unused_frame)
{
    struct tree t = new_tree();
    mfn_t m = frame();
    uint64_t tot = dom_tot_pages(g);

    ck_assert_int_eq(ext(HV_MMUEXT_PIN_L4_TABLE, t.l4), 0);
    ck_assert_int_eq(update(t.l1, 0, pte_make(m, RO)), 0);
    ck_assert(page_get(page_of(m), g));
    ck_assert_int_eq(dom_page_steal(g, page_of(m)), -EBUSY);
    ck_assert_int_eq(update(t.l1, 0, 0), 0);
    ck_assert_int_eq(dom_page_steal(g, page_of(m)), 0);
    ck_assert_uint_eq(dom_tot_pages(g), tot - 1);
    ck_assert_int_eq(dom_page_assign(g, page_of(m), 0), 0);
    ck_assert_int_eq(dom_page_remove(g, m), 0);
    ck_assert_int_eq(dom_page_remove(g, m), -EINVAL);
    ck_assert_uint_eq(dom_tot_pages(g), tot - 1);
}
END_TEST

START_TEST(the_limit_on_pages_holds)
{
    struct page *pg;

    dom_set_max_pages(g, dom_tot_pages(g) + 3);
    ck_assert_int_eq(dom_page_alloc(g, 2, 0, &pg), -ENOMEM);
    ck_assert_int_eq(dom_page_alloc(g, 1, 0, &pg), 0);
    ck_assert_int_eq(dom_page_alloc(g, 0, 0, &pg), 0);
    ck_assert_int_eq(dom_page_alloc(g, 0, 0, &pg), -ENOMEM);
}
END_TEST

START_TEST(a_shared_page_is_read_only_where_it_shall_be)
{
    struct tree t = new_tree();
    mfn_t ro = map_to_mfn(page_alloc_mapped(0)), rw = map_to_mfn(page_alloc_mapped(0));

    page_share_with_guest(page_of(ro), g, false);
    page_share_with_guest(page_of(rw), g, true);
    ck_assert_int_eq(ext(HV_MMUEXT_PIN_L4_TABLE, t.l4), 0);
    ck_assert_int_eq(update(t.l1, 0, pte_make(ro, RW)), -EINVAL);
    ck_assert_int_eq(update(t.l1, 0, pte_make(ro, RO)), 0);
    ck_assert_int_eq(update(t.l1, 1, pte_make(rw, RW)), 0);
    ck_assert_int_eq(ext(HV_MMUEXT_PIN_L1_TABLE, rw), -EINVAL);
    ck_assert_int_eq(dom_page_remove(g, rw), -EINVAL);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_pinned_tree_is_validated_and_let_go,
        a_second_pin_is_refused,
        a_table_cannot_be_mapped_writable,
        a_writable_page_cannot_become_a_table,
        frames_of_others_and_of_the_hypervisor_are_refused,
        validation_finds_the_hostile_entry_and_undoes_the_rest,
        large_and_device_bits_are_refused,
        the_hypervisors_slots_are_ours,
        a_table_may_map_itself_read_only_if_the_option_says_so,
        another_table_of_the_same_level_is_refused,
        kernel_mappings_get_the_user_bit_and_a_mark,
        validation_goes_on_where_it_was_preempted,
        all_that_takes_long_can_be_preempted,
        a_half_validated_table_is_nothing_else_until_it_is_settled,
        a_page_that_changes_its_type_is_flushed_from_the_tlb,
        who_waits_for_a_page_with_interrupts_off_still_flushes,
        base_pointers_hold_their_tables,
        a_domain_that_dies_gives_all_frames_back,
        a_frame_that_others_map_outlives_its_domain,
        stealing_needs_an_unused_frame,
        the_limit_on_pages_holds,
        a_shared_page_is_read_only_where_it_shall_be,
        NULL};

    return unit_run("mm/pagetype", world, tests);
}
