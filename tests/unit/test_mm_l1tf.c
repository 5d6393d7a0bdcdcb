/* SPDX-License-Identifier: MIT */
/* Page-table entries that are not present, on a CPU that reads ahead through them: a
 * guest that writes one with an address of memory is ended, however it does so. */
#include "abi/sched.h"
#include "mm_world.h"
#include "port/upcall.h"

#define SAFE     (1ull << 40)
#define UNSAFE   (0x123000ull | PTE_US)
#define HARMLESS (SAFE | 0x123000ull | PTE_US)

static struct tree t;

static void make(void)
{
    world();
    t = new_tree();
    put_entry(t.l1, 1, t.l1, RO);
    put_entry(t.l1, 7, frame(), RW);
    put_entry(t.l1, 8, pte_mfn(entries(t.l1)[7]), RW); /* 7's is not the last reference */
    g->vm_assist = 1ull << HV_VMASST_TYPE_WRITABLE_PAGETABLES;
}

static void affected(void)
{
    host_l1tf_safe = SAFE;
    make();
}

static void base(void)
{
    affected();
    ck_assert_int_eq(mmu_set_base(gv, t.l4, false), 0);
}

/* The guest is ended, with this in the log. */
static void assert_ended(const char *why)
{
    ck_assert(g->is_shutting_down);
    ck_assert_int_eq(g->shutdown_code, HV_SHUTDOWN_CRASH);
    ck_assert_msg(strstr(host_console(), why) != NULL, "%s", host_console());
}

START_TEST(an_entry_with_an_address_of_memory_ends_the_guest)
{
    const mfn_t table[] = {t.l1, t.l2, t.l3, t.l4};
    unsigned level = (unsigned)_i + 1;
    char why[80];

    snprintf(why, sizeof(why), "d%u L1TF-vulnerable L%ue %016llx - Crashing", g->id,
             level, UNSAFE);
    ck_assert_int_eq(update(table[_i], 300, UNSAFE), -EINVAL);
    ck_assert_uint_eq(entries(table[_i])[300], 0);
    assert_ended(why);
}
END_TEST

START_TEST(entries_without_one_are_the_guests_affair)
{
    const mfn_t table[] = {t.l1, t.l2, t.l3, t.l4};
    static const uint64_t good[] = {
        0,         PTE_US | PTE_RW,         PTE_NX | 0x80, HARMLESS, SAFE, SAFE | PTE_NX,
        PTE_FRAME, PTE_FRAME - 0x123000ull, SAFE << 11};

    for (unsigned i = 0; i < ARRAY_SIZE(good); i++) {
        ck_assert_int_eq(update(table[_i], 300, good[i]), 0);
        ck_assert_uint_eq(entries(table[_i])[300], good[i]);
    }
    ck_assert(!g->is_shutting_down);
}
END_TEST

START_TEST(the_last_address_before_the_safe_one_is_not_safe)
{
    ck_assert_int_eq(update(t.l1, 300, SAFE - PAGE_SIZE), -EINVAL);
    assert_ended("L1TF-vulnerable L1e 000000fffffff000");
}
END_TEST

START_TEST(a_stored_entry_is_checked_too)
{
    struct page *pg = page_of(t.l1);
    uint64_t *p = &entries(t.l1)[7], was = *p, old;
    int rc;

    ck_assert(page_lock(pg));
    rc = _i ? pt_l1_exchange(pg, p, UNSAFE, g, &old)
            : pt_entry_cmpxchg(gv->mm, pg, p, was, UNSAFE, g);
    page_unlock(pg);
    ck_assert_int_eq(rc, -EINVAL);
    ck_assert_uint_eq(*p, was);
    assert_ended("L1TF-vulnerable L1e 0000000000123004");
}
END_TEST

START_TEST(an_entry_named_by_its_address_is_checked_too)
{
    ck_assert_int_eq(mmu_set_va(gv, g, VA + 7 * PAGE_SIZE, UNSAFE), -EINVAL);
    assert_ended("L1TF-vulnerable L1e 0000000000123004");
}
END_TEST

/* The third store like two before it. */
static bool quick(uint64_t val)
{
    static const uint8_t mov[16] = {0x48, 0x89, 0x07}; /* mov %rax, (%rdi) */
    struct hv_cpu_user_regs r = {.error_code = PF_PRESENT | PF_WRITE,
                                 .rip = (uint64_t)mov};

    ck_assert_int_eq(mmu_fault(gv, VA + PAGE_SIZE + 8 * 10, &r), MMU_FAULT_FIXED);
    r.rip = (uint64_t)mov;
    r.rax = val;
    if (!setjmp(host_leave))
        mmu_quick_fault(&r, gv, VA + PAGE_SIZE + 8 * 7);
    return !host_leave_by;
}

START_TEST(a_quick_store_is_checked_too)
{
    uint64_t was = entries(t.l1)[7];

    ck_assert(!quick(UNSAFE)); /* the long way ends it */
    ck_assert_uint_eq(entries(t.l1)[7], was);
    ck_assert(quick(HARMLESS));
    ck_assert_uint_eq(entries(t.l1)[7], HARMLESS);
    ck_assert(quick(0));
}
END_TEST

START_TEST(a_page_with_such_an_entry_is_no_table)
{
    const mfn_t table[] = {t.l1, t.l2, t.l3, t.l4};
    char why[40];

    snprintf(why, sizeof(why), "L1TF-vulnerable L%de", _i + 1);
    entries(table[_i])[200] = UNSAFE; /* in the guest's half of each level */
    ck_assert_int_lt(ext(HV_MMUEXT_PIN_L4_TABLE, t.l4), 0);
    assert_ended(why);
    while (mmu_pending(gv)) /* the scheduler is asked for, so it was put off */
        ;
    for (unsigned i = 0; i < ARRAY_SIZE(table); i++)
        while (page_settle(page_of(table[i])))
            ;
    assert_idle(t.l1);
    assert_idle(t.l4);
}
END_TEST

START_TEST(a_page_with_harmless_ones_is)
{
    const mfn_t table[] = {t.l1, t.l2, t.l3, t.l4};

    entries(table[_i])[200] = HARMLESS;
    entries(table[_i])[201] = PTE_US;
    ck_assert_int_eq(ext(HV_MMUEXT_PIN_L4_TABLE, t.l4), 0);
    ck_assert_uint_eq(entries(table[_i])[200], HARMLESS);
    ck_assert_int_eq(ext(HV_MMUEXT_UNPIN_TABLE, t.l4), 0);
    assert_idle(t.l1);
    assert_idle(t.l4);
    ck_assert(!g->is_shutting_down);
}
END_TEST

START_TEST(other_cpus_ask_nothing)
{
    make();
    entries(t.l2)[200] = UNSAFE;
    ck_assert_int_eq(mmu_set_base(gv, t.l4, false), 0);
    for (unsigned i = 0; i < 2; i++)
        ck_assert_int_eq(update(i ? t.l4 : t.l1, 200, UNSAFE), 0);
    ck_assert(!g->is_shutting_down);
}
END_TEST

int main(void)
{
    TCase *on = tcase_create("on a base"), *fresh = tcase_create("pinned"),
          *off = tcase_create("not affected");
    Suite *s = suite_create("mm/l1tf");

    tcase_add_checked_fixture(on, base, NULL);
    tcase_add_loop_test(on, an_entry_with_an_address_of_memory_ends_the_guest, 0, 4);
    tcase_add_loop_test(on, entries_without_one_are_the_guests_affair, 0, 4);
    tcase_add_test(on, the_last_address_before_the_safe_one_is_not_safe);
    tcase_add_loop_test(on, a_stored_entry_is_checked_too, 0, 2);
    tcase_add_test(on, an_entry_named_by_its_address_is_checked_too);
    tcase_add_test(on, a_quick_store_is_checked_too);
    tcase_add_checked_fixture(fresh, affected, NULL);
    tcase_add_loop_test(fresh, a_page_with_such_an_entry_is_no_table, 0, 4);
    tcase_add_loop_test(fresh, a_page_with_harmless_ones_is, 0, 4);
    tcase_add_test(off, other_cpus_ask_nothing);
    suite_add_tcase(s, on);
    suite_add_tcase(s, fresh);
    suite_add_tcase(s, off);
    return unit_run_suite(s);
}
