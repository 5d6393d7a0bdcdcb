/* SPDX-License-Identifier: MIT */
/* Page tables: updates, pinning, page types, the read-only mapping of tables. */
#include "guest.h"

static void store(void *p)
{
    *(volatile uint64_t *)p = 0x1234;
}

/* The top table, writable. */
static void store_bad(void *p)
{
    *(volatile uint64_t *)p = pte_of((void *)start_info->pt_base, PTE_RW);
}

static void va_mappings(void)
{
    uint64_t *page = page_alloc(), *other = page_alloc();
    uint64_t *hole = (void *)0x0000123456789000;

    other[1] = 77;
    test_num("mmu: update_va_mapping makes a page read-only",
             map_mfn(page, pte_of(page, PTE_RO)), 0);
    test_num("mmu: a store to it faults", guarded(store, page), TRAP_PF);
    test_num("mmu: the fault is a write to a present page, by the kernel",
             (long)last_trap.error, 3);
    test_num("mmu: cr2 is the address", (long)last_cr2, (long)page);
    test_num("mmu: update_va_mapping makes it writable again",
             map_mfn(page, pte_of(page, PTE_RW)), 0);
    test_num("mmu: then the store works", guarded(store, page), -1);
    test_num("mmu: a page can be mapped elsewhere", map_mfn(page, pte_of(other, PTE_RW)),
             0);
    test_num("mmu: and it is the other page's data", (long)page[1], 77);
    remap(page, PTE_RW);
    test_num("mmu: not-present entries are allowed", map_mfn(page, 0), 0);
    test_num("mmu: and fault", guarded(store, page), TRAP_PF);
    test_num("mmu: the fault is a write to a missing page", (long)last_trap.error, 2);
    test_num("mmu: a whole flush can be asked for",
             update_va_mapping(page, pte_of(page, PTE_RW), HV_UVMF_TLB_FLUSH), 0);
    test_num("mmu: on all vCPUs too",
             update_va_mapping(page, pte_of(page, PTE_RW), HV_UVMF_INVLPG | HV_UVMF_ALL),
             0);
    test_num("mmu: no mapping where there is no table", map_mfn(hole, 0), -EINVAL);
    test_num("mmu: no mapping in the hypervisor's range",
             map_mfn((void *)HV_HYPERVISOR_VIRT_START, 0), -EINVAL);
    test_num("mmu: no mapping at the end of the hypervisor's range",
             map_mfn((void *)(HV_HYPERVISOR_VIRT_END - 4096), 0), -EINVAL);
}

static void updates(void)
{
    uint64_t *page = page_alloc(), *data = page_alloc(), pte = pte_maddr(page, 1);
    struct hv_mmu_update u[3];
    uint32_t done = 99;

    test_num("mmu: mmu_update writes an L1 entry", mmu_write(pte, pte_of(data, PTE_RO)),
             0);
    test_num("mmu: the entry has the new frame", (long)PTE_MFN(*pte_at(page, 1)),
             (long)va_mfn(data));
    test_num("mmu: mmu_update writes an ordinary page",
             mmu_write(va_mfn(data) << 12 | 64, 0xabcdef), 0);
    test_num("mmu: as data", (long)data[8], 0xabcdef);
    mmu_write(pte, pte_of(page, PTE_P | PTE_W | PTE_U));
    mmuext(HV_MMUEXT_TLB_FLUSH_LOCAL, 0);
    store(page);
    test_num("mmu: preserve_ad keeps Accessed and Dirty",
             mmu_write(pte | HV_MMU_PT_UPDATE_PRESERVE_AD,
                       pte_of(page, PTE_P | PTE_W | PTE_U)),
             0);
    test_num("mmu: they are set", (long)(*pte_at(page, 1) & (PTE_A | PTE_D)),
             PTE_A | PTE_D);
    test_num("mmu: the no-translate command works",
             mmu_write(pte | HV_MMU_PT_UPDATE_NO_TRANSLATE, pte_of(page, PTE_RW)), 0);
    test_num("mmu: the m2p entry can be set",
             mmu_write(va_mfn(page) << 12 | HV_MMU_MACHPHYS_UPDATE, 0x4321), 0);
    test_num("mmu: and reads so", (long)mfn_pfn(va_mfn(page)), 0x4321);
    mmu_write(va_mfn(page) << 12 | HV_MMU_MACHPHYS_UPDATE, (P(page) - VIRT_BASE) >> 12);

    u[0] = (struct hv_mmu_update){pte, pte_of(page, PTE_RW)};
    u[1] = (struct hv_mmu_update){pte, PTE_RW | 0xfffffffffUL << 12};
    u[2] = u[0];
    test_true("mmu: a list stops at the first bad entry",
              mmu_update(u, 3, &done, HV_DOMID_SELF) < 0);
    test_num("mmu: and says how many were done", done, 1);
    done = 99;
    test_num("mmu: an empty list is fine", mmu_update(u, 0, &done, HV_DOMID_SELF), 0);
    test_num("mmu: with none done", done, 0);
    test_num("mmu: no such domain", mmu_update(u, 1, &done, 1234), -ESRCH);
    mmu_write(pte, 0);
    test_num("mmu: nor for what would be done at once", mmu_update(u, 1, NULL, 1234),
             -ESRCH);
    test_num("mmu: nor if tables are to be its",
             mmu_update(u, 1, NULL, 1235 << 16 | HV_DOMID_SELF), -ESRCH);
    test_num("mmu: nor a guest's own number", mmu_update(u, 1, NULL, 0), -ESRCH);
    test_num("mmu: nothing was mapped", (long)*pte_at(page, 1), 0);
}

static void pinning(void)
{
    uint64_t *l1 = page_alloc(), *l2 = page_alloc(), *l4 = page_alloc();
    uint64_t m = va_mfn(l1);

    test_true("mmu: a writable page cannot be pinned as L1",
              mmuext(HV_MMUEXT_PIN_L1_TABLE, m) < 0);
    remap(l1, PTE_RO);
    test_num("mmu: a read-only one can", mmuext(HV_MMUEXT_PIN_L1_TABLE, m), 0);
    test_num("mmu: not twice", mmuext(HV_MMUEXT_PIN_L1_TABLE, m), -EINVAL);
    test_true("mmu: a pinned L1 is no L2", mmuext(HV_MMUEXT_PIN_L2_TABLE, m) < 0);
    test_true("mmu: a pinned table cannot be mapped writable",
              map_mfn(l1, pte_of(l1, PTE_RW)) < 0);
    test_num("mmu: its entries are written by mmu_update",
             mmu_write(m << 12 | 8, pte_of(l2, PTE_RO)), 0);
    test_num("mmu: and read there", (long)(l1[1] & ~PTE_G), (long)pte_of(l2, PTE_RO));
    test_num("mmu: an L1 is unpinned", mmuext(HV_MMUEXT_UNPIN_TABLE, m), 0);
    test_num("mmu: not twice unpinned", mmuext(HV_MMUEXT_UNPIN_TABLE, m), -EINVAL);
    test_num("mmu: then it is writable again", map_mfn(l1, pte_of(l1, PTE_RW)), 0);
    l1[1] = 0;
    remap(l1, PTE_RO);

    l2[3] = m << 12 | PTE_RW;
    remap(l2, PTE_RO);
    test_num("mmu: pinning an L2 takes the L1 below it",
             mmuext(HV_MMUEXT_PIN_L2_TABLE, va_mfn(l2)), 0);
    test_true("mmu: so the L1 cannot be mapped writable",
              map_mfn(l1, pte_of(l1, PTE_RW)) < 0);
    test_num("mmu: emptying the L2's entry gives it back",
             mmu_write(va_mfn(l2) << 12 | 24, 0), 0);
    test_num("mmu: then it can", map_mfn(l1, pte_of(l1, PTE_RW)), 0);
    test_num("mmu: the L2 is unpinned", mmuext(HV_MMUEXT_UNPIN_TABLE, va_mfn(l2)), 0);

    remap(l4, PTE_RO);
    test_num("mmu: an empty L4 can be pinned", mmuext(HV_MMUEXT_PIN_L4_TABLE, va_mfn(l4)),
             0);
    test_true("mmu: an L4's hypervisor slots are refused",
              mmu_write(va_mfn(l4) << 12 | 256 * 8, 0) < 0);
    test_true("mmu: up to the last one", mmu_write(va_mfn(l4) << 12 | 271 * 8, 0) < 0);
    test_num("mmu: the next is the guest's", mmu_write(va_mfn(l4) << 12 | 272 * 8, 0), 0);
    test_num("mmu: the L4 is unpinned", mmuext(HV_MMUEXT_UNPIN_TABLE, va_mfn(l4)), 0);
    remap(l4, PTE_RW);
}

static void extended(void)
{
    uint64_t *a = page_alloc(), *b = page_alloc();
    struct hv_mmuext_op op = {.cmd = HV_MMUEXT_COPY_PAGE};

    a[7] = 42;
    op.arg1.mfn = va_mfn(b);
    op.arg2.src_mfn = va_mfn(a);
    test_num("mmu: a page is copied", mmuext_op(&op, 1, 0, HV_DOMID_SELF), 0);
    test_num("mmu: with its data", (long)b[7], 42);
    test_num("mmu: a page is cleared", mmuext(HV_MMUEXT_CLEAR_PAGE, va_mfn(b)), 0);
    test_num("mmu: really", (long)b[7], 0);
    test_num("mmu: local flush", mmuext(HV_MMUEXT_TLB_FLUSH_LOCAL, 0), 0);
    test_num("mmu: global flush", mmuext(HV_MMUEXT_TLB_FLUSH_ALL, 0), 0);
    op = (struct hv_mmuext_op){.cmd = HV_MMUEXT_INVLPG_LOCAL,
                               .arg1 = {.linear_addr = P(a)}};
    test_num("mmu: invlpg", mmuext_op(&op, 1, 0, HV_DOMID_SELF), 0);
    op.cmd = HV_MMUEXT_INVLPG_ALL;
    test_num("mmu: invlpg everywhere", mmuext_op(&op, 1, 0, HV_DOMID_SELF), 0);
    op.arg1.linear_addr = HV_HYPERVISOR_VIRT_START;
    test_num("mmu: invlpg of the hypervisor's addresses does no harm",
             mmuext_op(&op, 1, 0, HV_DOMID_SELF), 0);
    test_num("mmu: an unknown command", mmuext(99, 0), -ENOSYS);
    test_num("mmu: dom0 may flush the cache", mmuext(HV_MMUEXT_FLUSH_CACHE, 0), 0);
    test_num("mmu: the base pointer can be set to itself",
             mmuext(HV_MMUEXT_NEW_BASEPTR, va_mfn((void *)start_info->pt_base)), 0);
    test_num("mmu: there may be no user table", mmuext(HV_MMUEXT_NEW_USER_BASEPTR, 0), 0);
}

static void use_fpu(void *p)
{
    asm volatile("fninit");
}

/* The hypervisor may use vector registers for it: not so that a guest sees it. */
static void clearing(void)
{
    static const uint64_t pattern[2] = {0x0123456789abcdef, 0xfedcba9876543210};
    uint64_t *a = page_alloc(), after[2], left = 0;

    for (int i = 0; i < 512; i++)
        a[i] = ~0ul;
    asm volatile("movups %0, %%xmm0" ::"m"(pattern));
    mmuext(HV_MMUEXT_CLEAR_PAGE, va_mfn(a));
    asm volatile("movups %%xmm0, %0" : "=m"(after));
    for (int i = 0; i < 512; i++)
        left |= a[i];
    test_num("mmu: a cleared page is all zero", (long)left, 0);
    test_true("mmu: clearing it leaves vector registers alone",
              after[0] == pattern[0] && after[1] == pattern[1]);
    a[9] = 1;
    hcall1(HV_CALL_FPU_TASKSWITCH, 1);
    test_num("mmu: a page is cleared while TS is set",
             mmuext(HV_MMUEXT_CLEAR_PAGE, va_mfn(a)), 0);
    test_num("mmu: TS is still set", guarded(use_fpu, NULL), TRAP_NM);
    test_num("mmu: and the page is zero", (long)a[9], 0);
    hcall1(HV_CALL_FPU_TASKSWITCH, 0);
}

static void writable_tables(void)
{
    uint64_t *page = page_alloc(), *other = page_alloc(), *e = pte_at(page, 1);

    test_num("mmu: writable page tables can be switched on",
             hcall2(HV_CALL_VM_ASSIST, HV_VMASST_CMD_ENABLE,
                    HV_VMASST_TYPE_WRITABLE_PAGETABLES),
             0);
    other[0] = 99;
    *(volatile uint64_t *)e = pte_of(other, PTE_RW);
    mmuext(HV_MMUEXT_TLB_FLUSH_LOCAL, 0);
    test_num("mmu: a store to an L1 entry takes effect", (long)page[0], 99);
    *(volatile uint64_t *)e = 0;
    test_num("mmu: also one that removes the page", (long)*e, 0);
    asm volatile("lock cmpxchgq %1, %0" : "+m"(*e) : "r"(pte_of(page, PTE_RW)), "a"(0UL));
    test_num("mmu: also a locked exchange", (long)PTE_MFN(*e), (long)va_mfn(page));
    asm volatile("movl %1, %0" : "=m"(*(uint32_t *)e) : "r"((uint32_t)*e & ~2u));
    test_num("mmu: also half of an entry", (long)(*e & PTE_W), 0);
    test_num("mmu: a not-present entry may hold anything", guarded(store, e), -1);
    test_num("mmu: and keeps it", (long)*e, 0x1234);
    test_num("mmu: an entry that is refused is a fault", guarded(store_bad, e), TRAP_PF);
    test_num("mmu: ... a write to a present page", (long)last_trap.error, 3);
    test_num("mmu: ... and changes nothing", (long)*e, 0x1234);
    *(volatile uint64_t *)e = pte_of(page, PTE_RW);
}

void test_main(void)
{
    va_mappings();
    updates();
    pinning();
    extended();
    clearing();
    writable_tables();
}
