/* SPDX-License-Identifier: MIT */
/* A kernel that tries to write what only the hypervisor may: tables of all kinds. */
#include "guest.h"
#include "abi/event_channel.h"
#include "abi/memory.h"

static void *target;
static uint64_t value;

static void store(void *unused)
{
    *(volatile uint64_t *)target = value;
}

static void table_of_ones_own(void)
{
    uint64_t *top = (uint64_t *)start_info->pt_base, *l1 = page_alloc();
    uint64_t old = top[0];

    for (int level = 4; level >= 1; level--) {
        uint64_t *table = (void *)(P(pte_at(top, level)) & ~4095UL);
        static const char *const names[] = {
            "", "hostile: an L1 table cannot be mapped writable",
            "hostile: an L2 table cannot be mapped writable",
            "hostile: an L3 table cannot be mapped writable",
            "hostile: an L4 table cannot be mapped writable"};

        test_true(names[level], map_mfn(table, pte_of(table, PTE_RW)) < 0);
        test_true("hostile: ... nor at another address",
                  map_mfn(l1, pte_of(table, PTE_RW)) < 0);
        test_true("hostile: ... nor by mmu_update",
                  mmu_write(pte_maddr(l1, 1), pte_of(table, PTE_RW)) < 0);
        test_num("hostile: ... but read-only", map_mfn(l1, pte_of(table, PTE_RO)), 0);
    }
    remap(l1, PTE_RW);
    test_true("hostile: the top table cannot map itself writable",
              mmu_write(va_mfn(top) << 12, va_mfn(top) << 12 | PTE_RW) < 0);
    test_num("hostile: nothing has changed", (long)top[0], (long)old);
}

/* By a linear mapping: a top table that maps itself, read-only, leads to all it leads to,
 * and what a guest may not read there the hypervisor would read for it. Xen has the same
 * option, and allows it. */
static void by_linear_mapping(void)
{
    uint64_t *top = (uint64_t *)start_info->pt_base;
    uint64_t slot = va_mfn(top) << 12 | 5 * 8;
    unsigned int readable = 0;

    mmu_write(slot, va_mfn(top) << 12 | PTE_RO);
    for (uint64_t l3 = 256; l3 < 272; l3++)
        for (uint64_t l2 = 0; l2 < 512; l2++)
            for (uint64_t l1 = 0; l1 < 512; l1 += 64)
                readable += evtchn_op(HV_EVTCHNOP_CLOSE, (void *)(5UL << 39 | l3 << 30 |
                                                                  l2 << 21 | l1 << 12)) !=
                            -EFAULT;
    test_num("hostile: nothing of the hypervisor's is read through a linear mapping",
             readable, 0);
    mmu_write(slot, 0);
}

static void bad_entries(void)
{
    uint64_t *page = page_alloc(), *data = page_alloc();
    uint64_t l2 = pte_maddr(page, 2), l3 = pte_maddr(page, 3), l4 = pte_maddr(page, 4);

    data[0] = PTE_RW | va_mfn((void *)start_info->pt_base) << 12;
    test_true("hostile: data is no L1 table while it is writable",
              mmu_write(l2, pte_of(data, PTE_RW)) < 0);
    remap(data, PTE_RO);
    test_true("hostile: nor if it would map a table writable",
              mmu_write(l2, pte_of(data, PTE_RW)) < 0);
    remap(data, PTE_RW);
    test_true("hostile: no large pages", mmu_write(l2, PTE_RW | PTE_PS) < 0);
    test_true("hostile: no huge pages", mmu_write(l3, PTE_RW | PTE_PS) < 0);
    test_true("hostile: no reserved bit in an L4 entry",
              mmu_write(l4, *pte_at(page, 4) | PTE_PS) < 0);
    test_true("hostile: no frame beyond memory",
              map_mfn(page, PTE_RW | 0x7fffffffffUL << 12) < 0);
    test_true("hostile: an L2 is no L1", mmu_write(l2, (l3 & ~4095UL) | PTE_RW) < 0);
    test_true("hostile: an L1 is no L3",
              mmu_write(l4, (pte_maddr(page, 1) & ~4095UL) | PTE_RW) < 0);
    test_true("hostile: data cannot become the base",
              mmuext(HV_MMUEXT_NEW_BASEPTR, va_mfn(data)) < 0);
    test_true("hostile: an L1 cannot become the base",
              mmuext(HV_MMUEXT_NEW_BASEPTR, pte_maddr(page, 1) >> 12) < 0);
    test_true("hostile: a misaligned update is refused",
              mmu_write(pte_maddr(page, 1) + 4, 0) < 0);
}

static void hypervisor_frames(void)
{
    uint64_t list[4] = {0}, *page = page_alloc();
    struct hv_machphys_mfn_list l = {.max_extents = 4, .extent_start = P(list)};

    test_num("hostile: the m2p table's frames can be listed",
             memory_op(HV_MEM_MACHPHYS_MFN_LIST, &l), 0);
    test_true("hostile: but not mapped writable",
              map_mfn(page, list[0] << 12 | PTE_RW) < 0);
    target = (void *)HV_MACH2PHYS_VIRT_START;
    test_num("hostile: a store to the m2p table faults", guarded(store, 0), TRAP_PF);
    target = (void *)(HV_HYPERVISOR_VIRT_END - 4096);
    test_num("hostile: a store to the hypervisor's range faults", guarded(store, 0),
             TRAP_PF);
    target = (void *)0xffff830000000000;
    test_num("hostile: a store to the hypervisor's direct map faults", guarded(store, 0),
             TRAP_PF);
    test_true("hostile: the fault shows no present page, as from user mode",
              !(last_trap.error & 8));
    target = hypercall_page;
    test_num("hostile: the hypercall page may be mapped writable", guarded(store, 0), -1);
}

static long set_gdt(const void *page, unsigned int entries)
{
    uint64_t frame = va_mfn(page);

    return hcall2(HV_CALL_SET_GDT, P(&frame), entries);
}

static void descriptor_tables(void)
{
    uint64_t *gdt = page_alloc(), *ldt = page_alloc();
    uint64_t m = va_mfn(gdt) << 12;
    struct hv_mmuext_op op = {.cmd = HV_MMUEXT_SET_LDT};

    test_true("hostile: a writable page is no descriptor table", set_gdt(gdt, 512) < 0);
    gdt[1] = 0x00cffb000000ffff; /* flat code, ring 3 */
    gdt[2] = 0x00cff3000000ffff; /* flat data, ring 3 */
    gdt[3] = 0x00cf9b000000ffff; /* flat code, ring 0 */
    remap(gdt, PTE_RO);
    test_num("hostile: a read-only one is", set_gdt(gdt, 512), 0);
    test_num("hostile: a ring 0 segment in it has been made ring 3",
             (long)(gdt[3] >> 45 & 3), 3);
    test_true("hostile: then it cannot be mapped writable",
              map_mfn(gdt, pte_of(gdt, PTE_RW)) < 0);
    test_true("hostile: nor become a page table",
              mmuext(HV_MMUEXT_PIN_L1_TABLE, m >> 12) < 0);
    test_num("hostile: its entries are written by update_descriptor",
             hcall2(HV_CALL_UPDATE_DESCRIPTOR, m | 32, 0x00cff3000000ffff), 0);
    test_num("hostile: and read there", (long)gdt[4], 0x00cff3000000ffff);
    hcall2(HV_CALL_UPDATE_DESCRIPTOR, m | 40, 0x00cf93000000ffff);
    test_true("hostile: never with ring 0", gdt[5] == 0 || (gdt[5] >> 45 & 3) == 3);
    test_num("hostile: no task state segment",
             hcall2(HV_CALL_UPDATE_DESCRIPTOR, m | 48, 0x0000890000000067), -EINVAL);
    test_num("hostile: no interrupt gate",
             hcall2(HV_CALL_UPDATE_DESCRIPTOR, m | 48, 0x0000ee000000ffff), -EINVAL);
    test_num("hostile: no misaligned descriptor",
             hcall2(HV_CALL_UPDATE_DESCRIPTOR, m | 50, 0), -EINVAL);
    test_num("hostile: a table too long", set_gdt(gdt, HV_FIRST_RESERVED_GDT_ENTRY + 1),
             -EINVAL);
    test_num("hostile: the table can be dropped", hcall2(HV_CALL_SET_GDT, 0, 0), 0);
    test_num("hostile: then it is writable again", map_mfn(gdt, pte_of(gdt, PTE_RW)), 0);
    gdt[6] = 0x0000890000000067; /* a TSS */
    remap(gdt, PTE_RO);
    test_true("hostile: a table with a TSS is refused", set_gdt(gdt, 512) < 0);
    remap(gdt, PTE_RW);

    op.arg1.linear_addr = P(ldt);
    op.arg2.nr_ents = 512;
    remap(ldt, PTE_RO);
    test_num("hostile: an LDT is set", mmuext_op(&op, 1, 0, HV_DOMID_SELF), 0);
    op.arg1.linear_addr = P(ldt) + 8;
    test_num("hostile: not a misaligned one", mmuext_op(&op, 1, 0, HV_DOMID_SELF),
             -EINVAL);
    op.arg1.linear_addr = P(ldt);
    op.arg2.nr_ents = 8193;
    test_num("hostile: not one too long", mmuext_op(&op, 1, 0, HV_DOMID_SELF), -EINVAL);
    op.arg2.nr_ents = 0;
    test_num("hostile: the LDT can be dropped", mmuext_op(&op, 1, 0, HV_DOMID_SELF), 0);
    remap(ldt, PTE_RW);
}

void test_main(void)
{
    table_of_ones_own();
    by_linear_mapping();
    bad_entries();
    hypervisor_frames();
    descriptor_tables();
}
