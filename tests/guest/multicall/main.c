/* SPDX-License-Identifier: MIT */
/* Many hypercalls in one. */
#include "guest.h"
#include "abi/memory.h"
#include "abi/version.h"

static struct hv_multicall_entry calls[64];

static long multicall(unsigned int n)
{
    return hcall2(HV_CALL_MULTICALL, P(calls), n);
}

void test_main(void)
{
    struct hv_memory_domain d = {HV_DOMID_SELF};
    uint64_t *page = page_alloc(), *other = page_alloc();
    long version = version_op(HV_VER_VERSION, NULL);

    calls[0].op = HV_CALL_XEN_VERSION;
    calls[0].args[0] = HV_VER_VERSION;
    calls[1].op = HV_CALL_MEMORY_OP;
    calls[1].args[0] = HV_MEM_CURRENT_RESERVATION;
    calls[1].args[1] = P(&d);
    calls[2].op = 63;
    calls[3] = calls[0];
    test_num("multicall: a list", multicall(4), 0);
    test_num("multicall: the first result", (long)calls[0].result, version);
    test_num("multicall: the second", (long)calls[1].result, (long)start_info->nr_pages);
    test_num("multicall: an unknown call fails by itself", (long)calls[2].result,
             -ENOSYS);
    test_num("multicall: and the list goes on", (long)calls[3].result, version);
    test_num("multicall: an empty list", multicall(0), 0);

    other[0] = 5;
    calls[0].op = HV_CALL_UPDATE_VA_MAPPING;
    calls[0].args[0] = P(page);
    calls[0].args[1] = pte_of(other, PTE_RW);
    calls[0].args[2] = HV_UVMF_INVLPG;
    calls[1] = calls[0];
    calls[1].args[1] = pte_of((void *)start_info->pt_base, PTE_RW);
    test_num("multicall: of mappings", multicall(2), 0);
    test_num("multicall: the first is made", (long)calls[0].result, 0);
    test_true("multicall: the bad one refused", (long)calls[1].result < 0);
    test_num("multicall: the page is there", (long)page[0], 5);

    calls[0].op = HV_CALL_MULTICALL;
    calls[0].args[0] = P(calls + 1);
    calls[0].args[1] = 1;
    calls[1].op = HV_CALL_XEN_VERSION;
    calls[1].args[0] = HV_VER_VERSION;
    test_num("multicall: a list within a list", multicall(1), 0);
    test_num("multicall: is refused", (long)calls[0].result, -EINVAL);
    for (int i = 0; i < 64; i++) {
        calls[i].op = HV_CALL_XEN_VERSION;
        calls[i].args[0] = HV_VER_VERSION;
        calls[i].result = 0;
    }
    test_num("multicall: a long list", multicall(64), 0);
    test_num("multicall: to its end", (long)calls[63].result, version);
    test_num("multicall: a wild list", hcall2(HV_CALL_MULTICALL, 0x123456789000, 2),
             -EFAULT);
    test_num("multicall: a list in the hypervisor",
             hcall2(HV_CALL_MULTICALL, HV_HYPERVISOR_VIRT_START + (1UL << 39), 2),
             -EFAULT);
}
