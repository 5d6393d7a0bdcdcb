/* SPDX-License-Identifier: MIT */
/* Updates, faults on page tables, grant mappings, descriptor tables. */
#include "mm_world.h"
#include "port/layout.h"

/* A guest kernel that runs on a tree; entry 1 of the L1 maps the L1 itself read-only,
 * entry 0 a page. */
static struct tree t;
static mfn_t data;

static void kernel(void)
{
    world();
    t = new_tree();
    data = frame();
    put_entry(t.l1, 0, data, RW);
    put_entry(t.l1, 1, t.l1, RO);
    put_entry(t.l1, 2, t.l2, RO);
    ck_assert_int_eq(ext(HV_MMUEXT_NEW_BASEPTR, t.l4), 0);
    g->vm_assist = 1ull << HV_VMASST_TYPE_WRITABLE_PAGETABLES;
}

#define L1_VA(i)                                                                         \
    (VA + PAGE_SIZE + 8 * (i)) /* where the guest sees the i-th entry of its L1 */
#define L2_VA(i)    (VA + 2 * PAGE_SIZE + 8 * (i))
#define WRITE_FAULT 3u

static enum mmu_fault fault(vaddr_t va, const uint8_t *code, struct hv_cpu_user_regs *r)
{
    r->rip = (uint64_t)code;
    r->error_code = WRITE_FAULT;
    return mmu_fault(gv, va, r);
}

START_TEST(a_walk_finds_entries)
{
    uint64_t e;

    ck_assert_int_eq(mmu_walk(gv, VA + 5, &e), 0);
    ck_assert_uint_eq(pte_mfn(e).n, data.n);
    ck_assert_int_eq(mmu_walk(gv, VA + (1ull << 21), &e), -EFAULT);
    ck_assert_int_eq(mmu_walk(gv, HV_VIRT_START, &e), -EFAULT);
    ck_assert_int_eq(mmu_walk(gv, 1ull << 50, &e), -EFAULT);
    ck_assert_ptr_eq(mmu_guest_ptr(gv, VA + 5, true), (char *)map_mfn(data) + 5);
    ck_assert_ptr_null(mmu_guest_ptr(gv, L1_VA(0), true));
    ck_assert_ptr_nonnull(mmu_guest_ptr(gv, L1_VA(0), false));
}
END_TEST

START_TEST(update_va_mapping_changes_the_entry)
{
    mfn_t m = frame();

    ck_assert_int_eq(
        mmu_update_va(gv, g, VA + 7 * PAGE_SIZE, pte_make(m, RW), HV_UVMF_INVLPG), 0);
    ck_assert_uint_eq(type_refs(m), 1);
    ck_assert_int_eq(
        mmu_update_va(gv, g, VA + 7 * PAGE_SIZE, 0, HV_UVMF_TLB_FLUSH | HV_UVMF_ALL), 0);
    assert_idle(m);
    ck_assert_int_eq(mmu_update_va(gv, g, VA + (1ull << 30), 0, 0), -EINVAL);
    ck_assert_int_eq(mmu_update_va(gv, g, HV_VIRT_START, 0, HV_UVMF_INVLPG), -EINVAL);
}
END_TEST

START_TEST(accessed_and_dirty_are_kept_when_asked)
{
    entries(t.l1)[0] |= PTE_A | PTE_D;
    ck_assert_int_eq(mmu_update_one(gv, g, g,
                                    (mfn_to_paddr(t.l1)) | HV_MMU_PT_UPDATE_PRESERVE_AD,
                                    pte_make(data, RO)),
                     0);
    ck_assert_uint_eq(entries(t.l1)[0] & (PTE_A | PTE_D | PTE_RW), PTE_A | PTE_D);
    ck_assert_int_eq(update(t.l1, 0, pte_make(data, RO)), 0);
    ck_assert_uint_eq(entries(t.l1)[0] & (PTE_A | PTE_D), 0);
}
END_TEST

START_TEST(machphys_is_the_owners_to_set)
{
    ck_assert_int_eq(
        mmu_update_one(gv, g, g, mfn_to_paddr(data) | HV_MMU_MACHPHYS_UPDATE, 77), 0);
    ck_assert_uint_eq(m2p_get(data).n, 77);
    ck_assert_int_eq(
        mmu_update_one(gv, g, dom_io, mfn_to_paddr(data) | HV_MMU_MACHPHYS_UPDATE, 78),
        -EINVAL);
    ck_assert_int_eq(
        mmu_update_one(gv, g, g, mfn_to_paddr(INVALID_MFN) | HV_MMU_MACHPHYS_UPDATE, 1),
        -EINVAL);
    ck_assert_int_eq(mmu_update_one(gv, g, g, mfn_to_paddr(data) | 5, 1), -ENOSYS);
}
END_TEST

START_TEST(an_update_of_an_ordinary_page_is_a_write)
{
    mfn_t m = frame(), table = frame();

    ck_assert_int_eq(update(data, 3, 0x1234), 0); /* mapped writable */
    ck_assert_uint_eq(entries(data)[3], 0x1234);
    ck_assert_int_eq(update(m, 3, 0x1235), 0);
    ck_assert_uint_eq(entries(m)[3], 0x1235);
    assert_idle(m);
    ck_assert_uint_eq(type_refs(data), 1);
    ck_assert_int_eq(
        mmu_update_one(gv, g, g, mfn_to_paddr(mk_mfn(HOST_FRAMES * 2ull)), 1), -EINVAL);
    (void)table;
}
END_TEST

START_TEST(a_store_to_a_page_table_is_carried_out)
{
    static const uint8_t mov[] = {0x48, 0x89, 0x07, 0, 0, 0, 0, 0,
                                  0,    0,    0,    0, 0, 0, 0}; /* mov %rax, (%rdi) */
    mfn_t m = frame();
    struct hv_cpu_user_regs r = {.rax = pte_make(m, RW), .rflags = 0x202};

    ck_assert_int_eq(fault(L1_VA(9), mov, &r), MMU_FAULT_FIXED);
    ck_assert_uint_eq(r.rip, (uint64_t)mov + 3);
    ck_assert_uint_eq(pte_mfn(entries(t.l1)[9]).n, m.n);
    ck_assert_uint_eq(type_refs(m), 1);
    r.rax = pte_make(t.l4, RW); /* a hostile one is the guest's own fault */
    ck_assert_int_eq(fault(L1_VA(10), mov, &r), MMU_FAULT_GUEST);
    ck_assert_uint_eq(r.rip, (uint64_t)mov);
    ck_assert_uint_eq(entries(t.l1)[10], 0);
    r.rax = 0;
    ck_assert_int_eq(fault(L2_VA(8), mov, &r), MMU_FAULT_FIXED);
    ck_assert_int_eq(fault(L1_VA(0) + 4, mov, &r),
                     MMU_FAULT_GUEST); /* across two entries */
}
END_TEST

START_TEST(a_remembered_walk_ends_when_the_tables_change)
{
    static const uint8_t mov[16] = {0x48, 0x89, 0x07}; /* mov %rax, (%rdi) */
    struct hv_cpu_user_regs r = {.rflags = 0x202};
    struct tree u = new_tree();

    put_entry(u.l1, 0, t.l1, RO); /* elsewhere in u */
    ck_assert_int_eq(fault(L1_VA(9), mov, &r), MMU_FAULT_FIXED);
    ck_assert_int_eq(fault(L1_VA(10), mov, &r), MMU_FAULT_FIXED);
    ck_assert_int_eq(update(t.l2, pt_index(VA, 2), 0), 0);
    ck_assert_int_eq(fault(L1_VA(9), mov, &r), MMU_FAULT_GUEST);
    ck_assert_int_eq(update(t.l2, pt_index(VA, 2), pte_make(t.l1, RW)), 0);
    ck_assert_int_eq(fault(L1_VA(9), mov, &r), MMU_FAULT_FIXED);
    ck_assert_int_eq(ext(HV_MMUEXT_NEW_BASEPTR, u.l4), 0);
    ck_assert_int_eq(fault(L1_VA(9), mov, &r), MMU_FAULT_GUEST);
    ck_assert_int_eq(ext(HV_MMUEXT_NEW_BASEPTR, t.l4), 0);
    ck_assert_int_eq(fault(L1_VA(9), mov, &r), MMU_FAULT_FIXED);
    ck_assert_int_eq(update(t.l2, pt_index(VA, 2), pte_make(t.l1, RO)), 0);
    ck_assert_int_eq(fault(L1_VA(9), mov, &r), MMU_FAULT_GUEST);
}
END_TEST

START_TEST(an_exchange_returns_the_entry)
{
    static const uint8_t xchg[] = {0x48, 0x87, 0x0f, 0, 0, 0, 0, 0,
                                   0,    0,    0,    0, 0, 0, 0}; /* xchg %rcx, (%rdi) */
    struct hv_cpu_user_regs r = {.rcx = 0, .rflags = 0x202};
    uint64_t was = entries(t.l1)[0];

    ck_assert_int_eq(fault(L1_VA(0), xchg, &r), MMU_FAULT_FIXED);
    ck_assert_uint_eq(r.rcx, was);
    ck_assert_uint_eq(entries(t.l1)[0], 0);
    assert_idle(data);
}
END_TEST

START_TEST(clearing_the_write_bit_by_a_byte_operation_drops_the_type)
{
    static const uint8_t andb[] = {0xf0, 0x80, 0x27, 0xfd, 0, 0, 0, 0,
                                   0,    0,    0,    0,    0, 0, 0};
    struct hv_cpu_user_regs r = {.rflags = 0x202};

    ck_assert_int_eq(fault(L1_VA(0), andb, &r), MMU_FAULT_FIXED);
    ck_assert_uint_eq(r.rip, (uint64_t)andb + 4);
    ck_assert_uint_eq(entries(t.l1)[0] & PTE_RW, 0);
    ck_assert_uint_eq(type_refs(data), 0);
    ck_assert_uint_eq(refs(data), 2);
}
END_TEST

START_TEST(faults_that_are_the_guests_own_stay_its_own)
{
    static const uint8_t mov[] = {0x48, 0x89, 0x07, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    struct hv_cpu_user_regs r = {.rflags = 0x202};
    mfn_t ro = frame();

    ck_assert_int_eq(update(t.l1, 20, pte_make(ro, RO)), 0);
    ck_assert_int_eq(fault(VA + 20 * PAGE_SIZE, mov, &r), MMU_FAULT_GUEST);
    ck_assert_int_eq(fault(VA + 21 * PAGE_SIZE, mov, &r), MMU_FAULT_GUEST);
    ck_assert_int_eq(fault(L1_VA(0), (const uint8_t *)8, &r),
                     MMU_FAULT_GUEST);                     /* unreadable code */
    ck_assert_int_eq(fault(VA, mov, &r), MMU_FAULT_FIXED); /* writable by now: spurious */
    gv->hw.kernel_mode = 0;
    gv->hw.cr3_user = gv->hw.cr3_kernel;
    ck_assert_int_eq(fault(L1_VA(0), mov, &r), MMU_FAULT_GUEST);
    gv->hw.kernel_mode = 1;
    g->vm_assist = 0;
    ck_assert_int_eq(fault(L1_VA(0), mov, &r), MMU_FAULT_GUEST);
}
END_TEST

START_TEST(a_grant_mapping_brings_and_returns_its_references)
{
    struct vcpu *v2;
    struct domain *d2 = new_guest(10, &v2);
    mfn_t theirs = frame_of(d2);

    ck_assert(page_get_and_type(page_of(theirs), d2, PGT_WRITABLE));
    ck_assert_int_eq(mmu_grant_map(gv, VA, false, theirs, MMU_MAP_WRITE), 0);
    assert_idle(data); /* what was mapped there is let go */
    ck_assert_uint_eq(entries(t.l1)[0],
                      pte_make(theirs, RW | PTE_A | PTE_D | PTE_GUEST_KERNEL));
    ck_assert_int_eq(mmu_grant_unmap(gv, VA, false, data, true, 0), -EINVAL);
    ck_assert_int_eq(mmu_grant_unmap(gv, VA, false, theirs, true, 0), 0);
    mmu_update_end(gv);
    ck_assert_uint_eq(entries(t.l1)[0], 0);
    ck_assert_uint_eq(refs(theirs), 2);
    ck_assert_int_eq(mmu_grant_map(gv, mfn_to_paddr(t.l1) + 8 * 30, true, theirs,
                                   MMU_MAP_WRITE | MMU_MAP_USER),
                     0);
    ck_assert_int_eq(update(t.l1, 30, 0), 0); /* overwritten: the entry's references go */
    assert_idle(theirs);
    ck_assert_int_eq(mmu_grant_map(gv, mfn_to_paddr(data), true, theirs, 0), -EINVAL);
    ck_assert_int_eq(mmu_grant_map(gv, VA + (1ull << 40), false, theirs, 0), -EINVAL);
}
END_TEST

/* Else the page would be given a reference to its type too few. */
START_TEST(a_grant_is_unmapped_only_from_an_entry_with_its_rights)
{
    struct vcpu *v2;
    struct domain *d2 = new_guest(10, &v2);
    mfn_t theirs = frame_of(d2);
    uint64_t flags = HV_UVMF_NONE;

    ck_assert(page_get_and_type(page_of(theirs), d2, PGT_WRITABLE));
    ck_assert_int_eq(mmu_grant_map(gv, VA, false, theirs, MMU_MAP_WRITE), 0);
    ck_assert_int_eq(mmu_update_va(gv, g, VA, pte_make(theirs, RO), flags), 0);
    ck_assert_uint_eq(type_refs(theirs), 0);
    ck_assert_int_eq(mmu_grant_unmap(gv, VA, false, theirs, true, 0), -EINVAL);
    ck_assert_int_eq(mmu_update_va(gv, g, VA, 0, flags), 0);
    assert_idle(theirs);
    ck_assert_int_eq(update(t.l1, 40, pte_make(data, RW)), 0);
    ck_assert_int_eq(mmu_grant_unmap(gv, VA + 40 * PAGE_SIZE, false, data, false, 0),
                     -EINVAL);
    ck_assert_uint_eq(type_refs(data), 1);
}
END_TEST

/* Who had it mapped may still have it in a TLB, whoever that is, and could write what is
 * a page table by now. */
START_TEST(a_page_that_others_mapped_changes_its_type_after_all_cpus_flushed)
{
    struct vcpu *v2;
    struct domain *d2 = new_guest(10, &v2);
    mfn_t theirs = frame_of(d2), own = frame_of(d2), fresh = frame_of(d2);
    unsigned cpus = (unsigned)__builtin_popcountll(cpu_online());
    uint64_t before;

    ck_assert(page_get_and_type(page_of(own), d2, PGT_WRITABLE));
    page_put_and_type(page_of(own));
    ck_assert(page_get_and_type(page_of(theirs), d2, PGT_WRITABLE));
    ck_assert_int_eq(mmu_grant_map(gv, VA, false, theirs, MMU_MAP_WRITE), 0);
    ck_assert_int_eq(mmu_update_va(gv, g, VA, 0, HV_UVMF_NONE), 0);
    assert_idle(theirs);
    before = host_tlb_flushes;
    ck_assert(page_get_and_type(page_of(own), d2, PGT_L1));
    ck_assert_uint_eq(host_tlb_flushes, before); /* d2 runs nowhere */
    ck_assert(page_get_and_type(page_of(theirs), d2, PGT_L1));
    ck_assert_uint_eq(host_tlb_flushes, before + cpus);
    page_put_and_type(page_of(theirs));
    page_put_and_type(page_of(own));
    /* The same by mmu_update in the owner's name, and when the page changes hands. */
    ck_assert_int_eq(mmu_update_va(gv, d2, VA, pte_make(own, RW), HV_UVMF_NONE), 0);
    ck_assert_int_eq(mmu_update_va(gv, g, VA, 0, HV_UVMF_NONE), 0);
    before = host_tlb_flushes;
    ck_assert(page_get(page_of(own), d2));
    ck_assert_int_eq(dom_page_steal(d2, page_of(own)), 0);
    ck_assert_uint_eq(host_tlb_flushes, before + cpus);
    ck_assert_int_eq(dom_page_assign(d2, page_of(own), 0), 0);
    ck_assert_int_eq(mmu_update_va(gv, d2, VA, pte_make(fresh, RW), HV_UVMF_NONE), 0);
    ck_assert_int_eq(mmu_update_va(gv, g, VA, 0, HV_UVMF_NONE), 0);
    before = host_tlb_flushes;
    ck_assert(page_get_and_type(page_of(fresh), d2, PGT_L1));
    ck_assert_uint_eq(host_tlb_flushes, before + cpus);
    page_put_and_type(page_of(fresh));
}
END_TEST

START_TEST(unmap_and_replace_moves_a_mapping)
{
    struct vcpu *v2;
    struct domain *d2 = new_guest(10, &v2);
    mfn_t theirs = frame_of(d2), m = frame();

    ck_assert_int_eq(update(t.l1, 40, pte_make(m, RW)), 0);
    ck_assert(page_get(page_of(theirs), d2));
    ck_assert_int_eq(mmu_grant_map(gv, VA, false, theirs, 0), 0);
    ck_assert_int_eq(mmu_grant_unmap(gv, VA, false, theirs, false, VA + 40 * PAGE_SIZE),
                     0);
    ck_assert_uint_eq(pte_mfn(entries(t.l1)[0]).n, m.n);
    ck_assert_uint_eq(entries(t.l1)[40], 0);
    ck_assert_uint_eq(type_refs(m), 1);
    ck_assert_uint_eq(refs(theirs), 2);
}
END_TEST

#define CODE64 0x00af9b000000ffffull
#define DATA64 0x00cf93000000ffffull

START_TEST(descriptors_are_made_safe)
{
    uint64_t d = CODE64;

    ck_assert(mmu_fix_descriptor(&d));
    ck_assert_uint_eq(d >> 45 & 3, 3);
    d = 0;
    ck_assert(mmu_fix_descriptor(&d));
    for (unsigned type = 1; type < 16; type++) { /* gates, TSS, LDT */
        d = 1ull << 47 | (uint64_t)type << 40;
        ck_assert(!mmu_fix_descriptor(&d));
        d &= ~(1ull << 47);
        ck_assert(mmu_fix_descriptor(&d));
    }
}
END_TEST

START_TEST(a_gdt_is_checked_and_kept_from_writes)
{
    mfn_t gdt = frame(), bad = frame(), two[2] = {gdt, gdt};

    entries(gdt)[1] = CODE64;
    entries(bad)[7] = 1ull << 47 | 0xbull << 40;
    ck_assert_int_eq(mmu_set_gdt(gv, &bad, 1, 512), -EINVAL);
    assert_idle(bad);
    ck_assert_int_eq(mmu_set_gdt(gv, &data, 1, 512), -EINVAL); /* mapped writable */
    ck_assert_int_eq(mmu_set_gdt(gv, &gdt, 1, 513), -EINVAL);
    ck_assert_int_eq(mmu_set_gdt(gv, two, 2, 1024), 0);
    ck_assert_uint_eq(gv->hw.gdt_entries, 1024);
    ck_assert_uint_eq(pte_mfn(gv->mm->window[1]).n, gdt.n);
    ck_assert_uint_eq(entries(gdt)[1] >> 45 & 3, 3);
    ck_assert_int_eq(update(t.l1, 50, pte_make(gdt, RW)), -EINVAL);
    ck_assert_int_eq(mmu_update_descriptor(g, mfn_to_paddr(gdt) + 16, DATA64), 0);
    ck_assert_uint_eq(entries(gdt)[2], DATA64 | 3ull << 45);
    ck_assert_int_eq(mmu_update_descriptor(g, mfn_to_paddr(gdt) + 17, DATA64), -EINVAL);
    ck_assert_int_eq(
        mmu_update_descriptor(g, mfn_to_paddr(gdt), 1ull << 47 | 0xeull << 40), -EINVAL);
    ck_assert_int_eq(mmu_update_descriptor(g, mfn_to_paddr(t.l1), 0), -EINVAL);
    ck_assert_int_eq(mmu_set_gdt(gv, NULL, 0, 0), 0);
    assert_idle(gdt);
    ck_assert_uint_eq(gv->mm->window[0], 0);
}
END_TEST

START_TEST(ldt_pages_appear_when_they_are_used)
{
    mfn_t ldt = frame();
    struct hv_cpu_user_regs r = {.error_code = 0};
    vaddr_t window = gv->hw.window + VCPU_GDT_PAGES * PAGE_SIZE;

    entries(ldt)[3] = DATA64;
    ck_assert_int_eq(update(t.l1, 60, pte_make(ldt, RO)), 0);
    ck_assert_int_eq(mmu_set_ldt(gv, VA + 60 * PAGE_SIZE + 8, 4), -EINVAL);
    ck_assert_int_eq(mmu_set_ldt(gv, VA + 60 * PAGE_SIZE, 8193), -EINVAL);
    ck_assert_int_eq(mmu_set_ldt(gv, VA + 60 * PAGE_SIZE, 4), 0);
    ck_assert_int_eq(mmu_fault(gv, window + 24, &r), MMU_FAULT_FIXED);
    ck_assert_int_eq(mmu_fault(gv, window + 32, &r),
                     MMU_FAULT_GUEST); /* beyond the limit */
    ck_assert_uint_eq(pte_mfn(gv->mm->window[16]).n, ldt.n);
    ck_assert_uint_eq(pgt_type(page_of(ldt)->type), PGT_SEG);
    ck_assert_int_eq(update(t.l1, 60, 0),
                     0); /* unmapped by the guest: gone from the window too */
    ck_assert_uint_eq(gv->mm->window[16], 0);
    assert_idle(ldt);
    ck_assert_int_eq(mmu_fault(gv, window, &r), MMU_FAULT_GUEST);
    ck_assert_int_eq(mmu_set_ldt(gv, VA, 512), 0); /* a writable page is no LDT */
    ck_assert_int_eq(mmu_fault(gv, window, &r), MMU_FAULT_GUEST);
}
END_TEST

START_TEST(a_dying_guest_leaves_no_descriptor_pages)
{
    mfn_t gdt = frame(), ldt = frame();
    uint64_t tot;

    ck_assert_int_eq(mmu_set_gdt(gv, &gdt, 1, 512), 0);
    ck_assert_int_eq(update(t.l1, 60, pte_make(ldt, RO)), 0);
    ck_assert_int_eq(mmu_set_ldt(gv, VA + 60 * PAGE_SIZE, 512), 0);
    ck_assert(mmu_ldt_fault(gv, 0));
    domain_pause_nosync(g);
    host_settle();
    host_on_cpu(1);
    while (domain_kill(g) == -ERESTART)
        host_settle();
    tot = dom_tot_pages(g);
    ck_assert_uint_eq(tot, 0);
}
END_TEST

START_TEST(clear_and_copy_need_writable_frames)
{
    mfn_t a = frame(), b = frame();
    struct hv_mmuext_op op = {
        .cmd = HV_MMUEXT_COPY_PAGE, .arg1.mfn = b.n, .arg2.src_mfn = a.n};

    entries(a)[0] = 42;
    ck_assert_int_eq(mmu_ext(gv, g, &op), 0);
    ck_assert_uint_eq(entries(b)[0], 42);
    ck_assert_int_eq(ext(HV_MMUEXT_CLEAR_PAGE, b), 0);
    ck_assert_uint_eq(entries(b)[0], 0);
    ck_assert_int_eq(ext(HV_MMUEXT_CLEAR_PAGE, t.l1), -EINVAL);
    op.arg1.mfn = t.l2.n;
    ck_assert_int_eq(mmu_ext(gv, g, &op), -EINVAL);
    assert_idle(a);
    assert_idle(b);
    ck_assert_int_eq(ext(HV_MMUEXT_MARK_SUPER, a), -EOPNOTSUPP);
    ck_assert_int_eq(ext(99, a), -ENOSYS);
}
END_TEST

static uint64_t word_after_clear(mfn_t m)
{
    entries(m)[100] = 42;
    ck_assert_int_eq(ext(HV_MMUEXT_CLEAR_PAGE, m), 0);
    assert_idle(m);
    return entries(m)[100];
}

START_TEST(clear_leaves_nothing_of_what_was_written)
{
    mfn_t mapped = frame(), table = frame(), taken = frame(), own;

    ck_assert_int_eq(update(t.l1, 60, pte_make(mapped, RW)), 0);
    ck_assert_int_eq(update(t.l1, 60, 0), 0);
    ck_assert_uint_eq(word_after_clear(mapped), 0);
    ck_assert_int_eq(ext(HV_MMUEXT_PIN_L1_TABLE, table), 0);
    ck_assert_int_eq(update(table, 3, pte_make(mapped, RW)), 0);
    ck_assert_int_eq(ext(HV_MMUEXT_UNPIN_TABLE, table), 0);
    ck_assert_uint_eq(word_after_clear(table), 0);
    ck_assert_uint_eq(entries(table)[3], 0);
    /* As an exchange of memory does that fails. */
    ck_assert(page_get(page_of(taken), g));
    ck_assert_int_eq(dom_page_steal(g, page_of(taken)), 0);
    ck_assert_int_eq(dom_page_give_back(g, page_of(taken)), 0);
    ck_assert_uint_eq(word_after_clear(taken), 0);
    /* dom0's memory comes as others left it. */
    g->privileged = true;
    own = frame();
    ck_assert_uint_eq(word_after_clear(own), 0);
    g->privileged = false;
    ck_assert_int_eq(ext(HV_MMUEXT_CLEAR_PAGE, mk_mfn(1ull << 40)), -EINVAL);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_walk_finds_entries,
        update_va_mapping_changes_the_entry,
        accessed_and_dirty_are_kept_when_asked,
        machphys_is_the_owners_to_set,
        an_update_of_an_ordinary_page_is_a_write,
        a_store_to_a_page_table_is_carried_out,
        an_exchange_returns_the_entry,
        a_remembered_walk_ends_when_the_tables_change,
        clearing_the_write_bit_by_a_byte_operation_drops_the_type,
        faults_that_are_the_guests_own_stay_its_own,
        a_grant_mapping_brings_and_returns_its_references,
        a_grant_is_unmapped_only_from_an_entry_with_its_rights,
        a_page_that_others_mapped_changes_its_type_after_all_cpus_flushed,
        unmap_and_replace_moves_a_mapping,
        descriptors_are_made_safe,
        a_gdt_is_checked_and_kept_from_writes,
        ldt_pages_appear_when_they_are_used,
        a_dying_guest_leaves_no_descriptor_pages,
        clear_and_copy_need_writable_frames,
        clear_leaves_nothing_of_what_was_written,
        NULL};

    return unit_run("mm/mmu", kernel, tests);
}
