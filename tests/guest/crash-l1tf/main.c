/* SPDX-License-Identifier: MIT */
/* On a CPU that reads ahead through page-table entries that are not present: one with an
 * address of memory. */
#include "guest.h"

#define VULNERABLE 0x12345000ul

void test_main(void)
{
    uint64_t *table = page_alloc();

    remap(table, PTE_RO);
    test_num("crash-l1tf: a table is pinned",
             mmuext(HV_MMUEXT_PIN_L1_TABLE, va_mfn(table)), 0);
    test_num("crash-l1tf: an entry without an address",
             mmu_write(va_mfn(table) << 12, 0x80), 0);
    test_num("crash-l1tf: one with its address inverted",
             mmu_write(va_mfn(table) << 12, ~VULNERABLE & 0xffffffffff000ul), 0);
    test_ok("crash-l1tf: and one as it is");
    mmu_write(va_mfn(table) << 12, VULNERABLE);
    test_fail("crash-l1tf: the domain is dead", "it goes on");
}
