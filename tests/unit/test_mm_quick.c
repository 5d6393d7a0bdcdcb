/* SPDX-License-Identifier: MIT */
/* Stores to page tables one after the other, requests to map a page, and new base
 * pointers: which are carried out at once, and which are left to the long way. */
#include "mm_world.h"
#include "port/layout.h"
#include "port/priv.h"
#include "port/upcall.h"

/* Entry 1 of the L1 maps the L1 itself read-only, the others pages: 10 to 19 writable and
 * also somewhere else, as a guest's kernel maps all its memory. */
static struct tree t, other;
static mfn_t data[20];

#define L1_VA(i) (VA + PAGE_SIZE + 8 * (i))

static const uint8_t mov[16] = {0x48, 0x89, 0x07};  /* mov %rax, (%rdi) */
static const uint8_t xchg[16] = {0x48, 0x87, 0x0f}; /* xchg %rcx, (%rdi) */

static void kernel(void)
{
    world();
    t = new_tree();
    other = new_tree();
    put_entry(t.l1, 1, t.l1, RO);
    for (unsigned i = 10; i < 20; i++) {
        data[i] = frame();
        put_entry(t.l1, i, data[i], RW);
        put_entry(other.l1, i, data[i], RW);
    }
    ck_assert_int_eq(ext(HV_MMUEXT_PIN_L4_TABLE, other.l4), 0);
    ck_assert_int_eq(ext(HV_MMUEXT_NEW_BASEPTR, t.l4), 0);
    g->vm_assist = 1ull << HV_VMASST_TYPE_WRITABLE_PAGETABLES;
}

static struct hv_cpu_user_regs r;

/* The store at va by code; true: it was carried out at once. */
static bool quick(vaddr_t va, const uint8_t *code)
{
    r.rip = (uint64_t)code;
    r.error_code = PF_PRESENT | PF_WRITE;
    if (!setjmp(host_leave))
        mmu_quick_fault(&r, gv, va);
    return !host_leave_by;
}

static void slow(vaddr_t va, const uint8_t *code)
{
    r.rip = (uint64_t)code;
    r.error_code = PF_PRESENT | PF_WRITE;
    ck_assert_int_eq(mmu_fault(gv, va, &r), MMU_FAULT_FIXED);
}

START_TEST(the_next_store_after_one_is_quick)
{
    r.rcx = 0;
    ck_assert(!quick(L1_VA(10), xchg));
    ck_assert_uint_ne(entries(t.l1)[10], 0);
    slow(L1_VA(10), xchg);
    for (unsigned i = 11; i < 20; i++) {
        uint64_t was = entries(t.l1)[i];

        r.rcx = i << 12; /* not present */
        ck_assert(quick(L1_VA(i), xchg));
        ck_assert_uint_eq(r.rcx, was);
        ck_assert_uint_eq(r.rip, (uint64_t)xchg + 3);
        ck_assert_uint_eq(entries(t.l1)[i], i << 12);
        ck_assert_uint_eq(type_refs(data[i]), 1);
        ck_assert_uint_eq(refs(data[i]), 2);
    }
    ck_assert_uint_eq(page_of(t.l1)->type & PGT_LOCKED, 0);
    ck_assert_uint_eq(type_refs(t.l1), 1);
}
END_TEST

START_TEST(a_plain_store_keeps_its_register)
{
    r.rax = 0;
    slow(L1_VA(10), mov);
    r.rax = 0x5000;
    ck_assert(quick(L1_VA(11), mov));
    ck_assert_uint_eq(r.rax, 0x5000);
    ck_assert_uint_eq(entries(t.l1)[11], 0x5000);
}
END_TEST

START_TEST(an_entry_that_becomes_present_is_checked_the_long_way)
{
    r.rax = 0;
    slow(L1_VA(10), mov);
    r.rax = pte_make(t.l4, RW);
    ck_assert(!quick(L1_VA(11), mov));
    ck_assert_uint_eq(pte_mfn(entries(t.l1)[11]).n, data[11].n);
    ck_assert_uint_eq(r.rip, (uint64_t)mov);
}
END_TEST

START_TEST(other_instructions_and_places_are_not_quick)
{
    static uint8_t patched[16] = {0x48, 0x89, 0x07};

    r.rax = r.rcx = 0;
    slow(L1_VA(10), patched);
    ck_assert(!quick(L1_VA(11), xchg));
    ck_assert(!quick(L1_VA(11), (const uint8_t *)8)); /* unreadable code */
    ck_assert(!quick(L1_VA(11) + 4, patched));        /* across two entries */
    ck_assert(!quick(VA + 12 * PAGE_SIZE, patched));
    patched[1] = 0x87;
    ck_assert(!quick(L1_VA(11), patched));
    patched[1] = 0x89;
    ck_assert(quick(L1_VA(11), patched));
}
END_TEST

START_TEST(an_unreadable_instruction_does_not_lose_the_address_of_the_fault)
{
    r.rax = 0;
    slow(L1_VA(10), mov);
    ck_assert(!quick(L1_VA(11), (const uint8_t *)8));
    ck_assert_uint_eq(cpu_fault_va(), L1_VA(11));
}
END_TEST

START_TEST(only_a_write_to_what_is_present_is_quick)
{
    r.rax = 0;
    slow(L1_VA(10), mov);
    r.rip = (uint64_t)mov;
    for (unsigned error = 0; error < 32; error++) {
        r.error_code = error;
        if (!setjmp(host_leave))
            mmu_quick_fault(&r, gv, L1_VA(11));
        ck_assert(!host_leave_by == ((error & PF_KIND) == (PF_PRESENT | PF_WRITE)));
        r.rip = (uint64_t)mov;
    }
}
END_TEST

START_TEST(changed_tables_and_assists_end_it)
{
    r.rax = 0;
    slow(L1_VA(10), mov);
    g->vm_assist = 0;
    ck_assert(!quick(L1_VA(11), mov));
    g->vm_assist = 1ull << HV_VMASST_TYPE_WRITABLE_PAGETABLES;
    ck_assert(quick(L1_VA(11), mov));
    ck_assert_int_eq(update(t.l1, 1, pte_make(other.l1, RO)), 0);
    ck_assert(!quick(L1_VA(12), mov)); /* another table is mapped there */
    slow(L1_VA(12), mov);
    ck_assert_uint_eq(entries(other.l1)[12], 0);
    ck_assert(quick(L1_VA(13), mov));
    ck_assert_uint_eq(entries(other.l1)[13], 0);
    ck_assert_int_eq(update(other.l2, 9, 0), 0);
    ck_assert(!quick(L1_VA(14), mov));
    slow(L1_VA(14), mov);
    ck_assert_int_eq(ext(HV_MMUEXT_NEW_BASEPTR, other.l4), 0);
    ck_assert(!quick(L1_VA(15), mov));
}
END_TEST

START_TEST(a_frame_that_is_no_longer_this_guests_table_is_not_written)
{
    struct vcpu *v2;
    struct domain *d2 = new_guest(10, &v2);
    struct page *pg = page_of(t.l1);
    uint32_t type = pg->type;

    r.rax = 0;
    slow(L1_VA(10), mov);
    pg->owner = d2;
    ck_assert(!quick(L1_VA(11), mov));
    ck_assert_uint_eq(pg->type, type);
    pg->owner = g;
    pg->type = type | PGT_LOCKED;
    ck_assert(!quick(L1_VA(11), mov));
    pg->type = (type & ~PGT_TYPE) | PGT_L2 << PGT_TYPE_SHIFT;
    ck_assert(!quick(L1_VA(11), mov));
    pg->type = type & ~PGT_VALIDATED;
    ck_assert(!quick(L1_VA(11), mov));
    pg->type = type;
    ck_assert_uint_ne(entries(t.l1)[11], 0);
    ck_assert(quick(L1_VA(11), mov));
}
END_TEST

START_TEST(the_last_reference_goes_after_the_store)
{
    mfn_t gone = frame();

    ck_assert_int_eq(update(t.l1, 30, pte_make(gone, RW)), 0);
    ck_assert_int_eq(update(t.l1, 31, pte_make(gone, RO)), 0);
    ck_assert(dom_page_drop(page_of(gone)));
    r.rax = 0;
    slow(L1_VA(10), mov);
    ck_assert(!quick(L1_VA(30), mov));
    ck_assert_uint_eq(entries(t.l1)[30], 0);
    ck_assert_uint_eq(r.rip, (uint64_t)mov + 3);
    host_leave_by(&r);
    ck_assert_uint_eq(type_refs(gone), 0);
    ck_assert_uint_eq(refs(gone), 1);
    ck_assert(!quick(L1_VA(31), mov));
    host_leave_by(&r);
    ck_assert_uint_eq(refs(gone), 0);
}
END_TEST

static uint64_t ptr_of(mfn_t table, unsigned i)
{
    return (table.n << PAGE_SHIFT) + 8 * i;
}

static bool quick_map(uint64_t ptr, uint64_t val)
{
    struct hv_mmu_update req = {ptr, val};

    return !mmu_quick_update((vaddr_t)&req, 1, 0, gv);
}

START_TEST(a_page_is_mapped_at_once_where_none_is)
{
    ck_assert(quick_map(ptr_of(t.l1, 40), pte_make(data[10], RW)));
    ck_assert_uint_eq(entries(t.l1)[40], l1e_adjust(pte_make(data[10], RW)));
    ck_assert_uint_eq(type_refs(data[10]), 3);
    ck_assert_uint_eq(refs(data[10]), 4);
    ck_assert(quick_map(ptr_of(t.l1, 41), pte_make(other.l1, RO)));
    ck_assert_uint_eq(page_of(t.l1)->type & PGT_LOCKED, 0);
    ck_assert_uint_eq(type_refs(t.l1), 1);
    /* The table knows of it: its end gives the references back. */
    ck_assert_int_eq(update(t.l2, pt_index(VA, 2), 0), 0);
    ck_assert_uint_eq(type_refs(data[10]), 1);
    ck_assert_uint_eq(refs(data[10]), 2);
}
END_TEST

START_TEST(what_is_not_mapped_at_once_changes_nothing)
{
    struct vcpu *v2;
    mfn_t foreign = frame_of(new_guest(10, &v2)), fresh = frame();
    const struct hv_mmu_update req[] = {
        {ptr_of(t.l1, 10), pte_make(data[11], RW)}, /* something is mapped */
        {ptr_of(t.l1, 40), 0},
        {ptr_of(t.l1, 40) + 4, pte_make(data[11], RW)},
        {ptr_of(t.l1, 40) + HV_MMU_MACHPHYS_UPDATE, pte_make(data[11], RW)},
        {ptr_of(t.l1, 40) + HV_MMU_PT_UPDATE_PRESERVE_AD, pte_make(data[11], RW)},
        {ptr_of(t.l1, 40), pte_make(data[11], RW | PTE_PCD)},
        {ptr_of(t.l1, 40), pte_make(foreign, RO)},
        {ptr_of(t.l1, 40), pte_make(fresh, RW)}, /* its first type */
        {ptr_of(t.l1, 40), pte_make(other.l1, RW)},
        {ptr_of(t.l1, 40), pte_make(mk_mfn(1ull << 38), RO)},
        {ptr_of(t.l2, 40), pte_make(data[11], RW)},
        {ptr_of(data[12], 40), pte_make(data[11], RW)},
        {1ull << 50, pte_make(data[11], RW)},
    };
    uint32_t others = refs(foreign), unused = refs(fresh), table = type_refs(other.l1);

    for (unsigned i = 0; i < ARRAY_SIZE(req); i++) {
        ck_assert_msg(!quick_map(req[i].ptr, req[i].val), "request %u", i);
        ck_assert_int_eq(mmu_pending(gv), 0);
        ck_assert_uint_eq(entries(t.l1)[40], 0);
        ck_assert_uint_eq(page_of(t.l1)->type & PGT_LOCKED, 0);
    }
    ck_assert_uint_eq(refs(foreign), others);
    ck_assert_uint_eq(refs(fresh), unused);
    ck_assert_uint_eq(type_refs(other.l1), table);
    ck_assert_uint_eq(refs(data[11]), 3);
}
END_TEST

static bool left(unsigned nr)
{
    return nr == HV_CALL_MMU_UPDATE;
}

START_TEST(only_a_single_request_is_quick)
{
    struct hv_mmu_update req = {ptr_of(t.l1, 40), pte_make(data[10], RW)};
    unsigned done;

    ck_assert(left(mmu_quick_update((vaddr_t)&req, 2, 0, gv)));
    ck_assert(left(mmu_quick_update((vaddr_t)&req, 1, (vaddr_t)&done, gv)));
    ck_assert(left(mmu_quick_update(8, 1, 0, gv)));
    ck_assert_uint_eq(entries(t.l1)[40], 0);
}
END_TEST

START_TEST(a_writable_frame_of_another_guest_is_let_go_of)
{
    struct vcpu *v2;
    mfn_t foreign = frame_of(new_guest(10, &v2));
    uint32_t others = refs(foreign);

    ck_assert_int_eq(page_get_type(page_of(foreign), PGT_WRITABLE), 0);
    ck_assert(!quick_map(ptr_of(t.l1, 40), pte_make(foreign, RW)));
    ck_assert_uint_eq(refs(foreign), others + 1);
    ck_assert_uint_eq(type_refs(foreign), 2);
    /* The long way gives it back before anything else. */
    ck_assert(!quick_map(ptr_of(t.l1, 40), pte_make(data[10], RW)));
    ck_assert_int_eq(mmu_pending(gv), 0);
    ck_assert_uint_eq(refs(foreign), others);
    ck_assert_uint_eq(type_refs(foreign), 1);
    ck_assert(quick_map(ptr_of(t.l1, 40), pte_make(data[10], RW)));
    page_put_type(page_of(foreign));
}
END_TEST

START_TEST(references_end_before_their_count_does)
{
    struct page *pg = page_of(data[10]);
    uint32_t count = pg->count, type = pg->type;

    pg->count = count | PGC_COUNT;
    ck_assert(!quick_map(ptr_of(t.l1, 40), pte_make(data[10], RW)));
    ck_assert(!quick_map(ptr_of(t.l1, 40), pte_make(data[10], RO)));
    ck_assert_uint_eq(pg->count, count | PGC_COUNT);
    ck_assert_uint_eq(pg->type, type);
    pg->count = count;
    pg->type = (type & ~PGT_COUNT) | PGT_MAX;
    ck_assert(!quick_map(ptr_of(t.l1, 40), pte_make(data[10], RW)));
    ck_assert_uint_eq(pg->type, (type & ~PGT_COUNT) | PGT_MAX);
    pg->type = type;
    ck_assert_int_eq(mmu_pending(gv), 0);
    ck_assert(quick_map(ptr_of(t.l1, 40), pte_make(data[10], RW)));
}
END_TEST

/* Two processes: tables of kernel and user mode each, all pinned but the first's. */
static mfn_t kernel_l4[2], user_l4[2];

static void processes(void)
{
    kernel_l4[0] = t.l4;
    kernel_l4[1] = other.l4;
    user_l4[0] = new_tree().l4;
    user_l4[1] = new_tree().l4;
    ck_assert_int_eq(ext(HV_MMUEXT_PIN_L4_TABLE, user_l4[0]), 0);
    ck_assert_int_eq(ext(HV_MMUEXT_PIN_L4_TABLE, user_l4[1]), 0);
    ck_assert_int_eq(ext(HV_MMUEXT_NEW_USER_BASEPTR, user_l4[0]), 0);
}

static struct hv_mmuext_op ops[2];

static bool quick_switch(mfn_t k, mfn_t u)
{
    ops[0] = (struct hv_mmuext_op){.cmd = HV_MMUEXT_NEW_BASEPTR, .arg1.mfn = k.n};
    ops[1] = (struct hv_mmuext_op){.cmd = HV_MMUEXT_NEW_USER_BASEPTR, .arg1.mfn = u.n};
    return mmu_quick_bases((vaddr_t)ops, 2, 0, gv) != HV_CALL_MMUEXT_OP;
}

START_TEST(a_switch_to_another_process_is_quick)
{
    uint64_t flushes;

    processes();
    ck_assert_int_eq(ext(HV_MMUEXT_PIN_L4_TABLE, kernel_l4[0]), 0);
    for (unsigned n = 1; n < 5; n++) {
        unsigned i = n % 2;

        flushes = host_tlb_flushes;
        ck_assert(quick_switch(kernel_l4[i], user_l4[i]));
        ck_assert_uint_eq(host_tlb_flushes, flushes + 1);
        ck_assert_uint_eq(gv->hw.cr3_kernel, mfn_to_paddr(kernel_l4[i]));
        ck_assert_uint_eq(gv->hw.cr3_user, mfn_to_paddr(user_l4[i]));
        ck_assert_uint_eq(type_refs(kernel_l4[i]), 2);
        ck_assert_uint_eq(type_refs(user_l4[i]), 2);
        ck_assert_uint_eq(type_refs(kernel_l4[!i]), 1);
        ck_assert_uint_eq(type_refs(user_l4[!i]), 1);
        ck_assert_uint_eq(refs(kernel_l4[i]), refs(user_l4[i]));
        ck_assert_uint_eq(refs(kernel_l4[i]), refs(kernel_l4[!i]) + 1);
    }
    ck_assert_int_eq(mmu_drop_bases(gv), 0);
    ck_assert_uint_eq(type_refs(kernel_l4[0]), 1);
    ck_assert_uint_eq(type_refs(user_l4[0]), 1);
}
END_TEST

START_TEST(a_process_without_user_mode_has_no_table_of_it)
{
    processes();
    ck_assert_int_eq(ext(HV_MMUEXT_PIN_L4_TABLE, kernel_l4[0]), 0);
    ck_assert(quick_switch(kernel_l4[1], mk_mfn(0)));
    ck_assert_uint_eq(gv->hw.cr3_user, 0);
    ck_assert_uint_eq(type_refs(user_l4[0]), 1);
    ck_assert(quick_switch(kernel_l4[0], user_l4[1]));
    ck_assert_uint_eq(gv->hw.cr3_user, mfn_to_paddr(user_l4[1]));
    ck_assert_uint_eq(type_refs(user_l4[1]), 2);
}
END_TEST

START_TEST(a_table_that_nobody_else_uses_is_undone_the_long_way)
{
    processes(); /* kernel_l4[0] is not pinned */
    ck_assert(!quick_switch(kernel_l4[1], user_l4[1]));
    ck_assert_uint_eq(gv->hw.cr3_kernel, mfn_to_paddr(kernel_l4[1]));
    ck_assert_int_eq(mmu_pending(gv), 0);
    assert_idle(kernel_l4[0]);
    assert_idle(t.l1);
    /* The hypercall begins anew. */
    ck_assert_int_eq(mmu_ext(gv, g, &ops[0]), 0);
    ck_assert_int_eq(mmu_ext(gv, g, &ops[1]), 0);
    ck_assert_uint_eq(type_refs(kernel_l4[1]), 2);
    ck_assert_uint_eq(type_refs(user_l4[1]), 2);
    ck_assert_uint_eq(type_refs(user_l4[0]), 1);
}
END_TEST

START_TEST(what_is_no_valid_table_of_ones_own_is_no_base_pointer)
{
    struct vcpu *v2;
    struct domain *d2 = new_guest(10, &v2);
    mfn_t bad[] = {frame_of(d2), frame(), t.l3, data[10], mk_mfn(1ull << 40)};
    uint64_t r[ARRAY_SIZE(bad)], types[ARRAY_SIZE(bad)];

    processes();
    for (unsigned i = 0; i < ARRAY_SIZE(bad) - 1; i++) {
        r[i] = refs(bad[i]);
        types[i] = page_of(bad[i])->type;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        ck_assert(!quick_switch(bad[i], user_l4[1]));
        ck_assert_int_eq(mmu_pending(gv), 0);
        ck_assert_uint_eq(gv->hw.cr3_kernel, mfn_to_paddr(kernel_l4[0]));
        ck_assert_uint_eq(gv->hw.cr3_user, mfn_to_paddr(user_l4[0]));
    }
    ck_assert_int_eq(ext(HV_MMUEXT_PIN_L4_TABLE, kernel_l4[0]), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        ck_assert(!quick_switch(kernel_l4[!(i % 2)], bad[i]));
        ck_assert_int_eq(mmu_pending(gv), 0);
        ck_assert_uint_eq(gv->hw.cr3_user, mfn_to_paddr(user_l4[0]));
    }
    for (unsigned i = 0; i < ARRAY_SIZE(bad) - 1; i++) {
        ck_assert_uint_eq(refs(bad[i]), r[i]);
        ck_assert_uint_eq(page_of(bad[i])->type, types[i]);
    }
}
END_TEST

static bool refused(uint64_t count, vaddr_t done)
{
    return mmu_quick_bases((vaddr_t)ops, count, done, gv) == HV_CALL_MMUEXT_OP &&
           gv->hw.cr3_kernel == mfn_to_paddr(kernel_l4[0]);
}

START_TEST(other_operations_are_not_quick)
{
    static const struct {
        unsigned cmd[2];
    } other_ops[] = {{{HV_MMUEXT_NEW_USER_BASEPTR, HV_MMUEXT_NEW_BASEPTR}},
                     {{HV_MMUEXT_NEW_BASEPTR, HV_MMUEXT_NEW_BASEPTR}},
                     {{HV_MMUEXT_PIN_L4_TABLE, HV_MMUEXT_NEW_USER_BASEPTR}}};
    unsigned done;

    processes();
    for (unsigned i = 0; i < ARRAY_SIZE(other_ops); i++) {
        for (unsigned n = 0; n < 2; n++)
            ops[n] =
                (struct hv_mmuext_op){.cmd = other_ops[i].cmd[n], .arg1.mfn = other.l4.n};
        ck_assert(refused(2, 0));
    }
    ops[0] = (struct hv_mmuext_op){.cmd = HV_MMUEXT_NEW_BASEPTR, .arg1.mfn = other.l4.n};
    ops[1] = (struct hv_mmuext_op){.cmd = HV_MMUEXT_NEW_USER_BASEPTR,
                                   .arg1.mfn = user_l4[1].n};
    ck_assert(refused(1, 0));
    ck_assert(refused(3, 0));
    ck_assert(refused(2, (vaddr_t)&done));
    gv->hw.isolated = 1; /* its copies of tables have to follow */
    ck_assert(refused(2, 0));
    gv->hw.isolated = 0;
    ck_assert(!refused(2, 0));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_next_store_after_one_is_quick,
        a_plain_store_keeps_its_register,
        an_entry_that_becomes_present_is_checked_the_long_way,
        other_instructions_and_places_are_not_quick,
        an_unreadable_instruction_does_not_lose_the_address_of_the_fault,
        only_a_write_to_what_is_present_is_quick,
        changed_tables_and_assists_end_it,
        a_frame_that_is_no_longer_this_guests_table_is_not_written,
        the_last_reference_goes_after_the_store,
        a_page_is_mapped_at_once_where_none_is,
        what_is_not_mapped_at_once_changes_nothing,
        only_a_single_request_is_quick,
        a_writable_frame_of_another_guest_is_let_go_of,
        references_end_before_their_count_does,
        a_switch_to_another_process_is_quick,
        a_process_without_user_mode_has_no_table_of_it,
        a_table_that_nobody_else_uses_is_undone_the_long_way,
        what_is_no_valid_table_of_ones_own_is_no_base_pointer,
        other_operations_are_not_quick,
        NULL};

    return unit_run("mm/fault_quick", kernel, tests);
}
