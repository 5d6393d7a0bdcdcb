/* SPDX-License-Identifier: MIT */
/* Memory reservations: back and forth, exchange, the maps, the limits. */
#include "guest.h"
#include "abi/domctl.h"
#include "abi/memory.h"
#include "abi/version.h"

static uint64_t frames[64];

static long reserve(int op, uint64_t n, unsigned int order, unsigned int flags)
{
    struct hv_memory_reservation r = {.extent_start = P(frames),
                                      .nr_extents = n,
                                      .extent_order = order,
                                      .mem_flags = flags,
                                      .domid = HV_DOMID_SELF};

    return memory_op((unsigned int)op, &r);
}

static long total(void)
{
    struct hv_memory_domain d = {HV_DOMID_SELF};

    return memory_op(HV_MEM_CURRENT_RESERVATION, &d);
}

static void numbers(void)
{
    struct hv_memory_domain d = {HV_DOMID_SELF};
    struct hv_machphys_mapping map;

    test_num("memory: current_reservation is nr_pages", total(),
             (long)start_info->nr_pages);
    test_true("memory: maximum_reservation is not less",
              memory_op(HV_MEM_MAXIMUM_RESERVATION, &d) >= total());
    test_true("memory: maximum_ram_page is beyond the p2m list's frames",
              memory_op(HV_MEM_MAXIMUM_RAM_PAGE, NULL) >= (long)va_mfn(frames));
    d.domid = 1234;
    test_num("memory: not of a missing domain", memory_op(HV_MEM_CURRENT_RESERVATION, &d),
             -ESRCH);
    test_num("memory: machphys_mapping", memory_op(HV_MEM_MACHPHYS_MAPPING, &map), 0);
    test_num("memory: begins where the ABI says", (long)map.v_start,
             (long)HV_MACH2PHYS_VIRT_START);
    test_num("memory: an unknown operation", memory_op(63, &map), -ENOSYS);
}

/* One page goes back and another comes. */
static void decrease_increase(void)
{
    char *page = page_alloc();
    long before = total();
    uint64_t mfn = va_mfn(page);

    frames[0] = mfn;
    map_mfn(page, 0);
    test_num("memory: a page is given back",
             reserve(HV_MEM_DECREASE_RESERVATION, 1, 0, 0), 1);
    test_num("memory: one less", total(), before - 1);
    test_true("memory: it cannot be mapped then", map_mfn(page, mfn << 12 | PTE_RW) < 0);
    frames[0] = mfn;
    test_num("memory: nor given back twice",
             reserve(HV_MEM_DECREASE_RESERVATION, 1, 0, 0), 0);
    frames[0] = (P(page) - VIRT_BASE) >> 12;
    test_num("memory: populate_physmap brings a page",
             reserve(HV_MEM_POPULATE_PHYSMAP, 1, 0, 0), 1);
    test_num("memory: the m2p entry is right", (long)mfn_pfn(frames[0]),
             (long)((P(page) - VIRT_BASE) >> 12));
    ((uint64_t *)start_info->mfn_list)[(P(page) - VIRT_BASE) >> 12] = frames[0];
    test_num("memory: it can be mapped", map_mfn(page, frames[0] << 12 | PTE_RW), 0);
    page[0] = 1;
    test_num("memory: as many as before", total(), before);
    test_num("memory: increase_reservation brings pages",
             reserve(HV_MEM_INCREASE_RESERVATION, 3, 0, 0), 3);
    test_num("memory: three more", total(), before + 3);
    test_num("memory: they go back", reserve(HV_MEM_DECREASE_RESERVATION, 3, 0, 0), 3);
    test_num("memory: a page with a mapping",
             (frames[0] = va_mfn(page), reserve(HV_MEM_DECREASE_RESERVATION, 1, 0, 0)),
             1);
    test_num("memory: is gone from the count at the latest when unmapped",
             (map_mfn(page, 0), total()), before - 1);
    frames[0] = (P(page) - VIRT_BASE) >> 12;
    reserve(HV_MEM_POPULATE_PHYSMAP, 1, 0, 0);
    ((uint64_t *)start_info->mfn_list)[(P(page) - VIRT_BASE) >> 12] = frames[0];
    map_mfn(page, frames[0] << 12 | PTE_RW);
}

static void limits(void)
{
    struct hv_machphys_mfn_list list = {.max_extents = 1, .extent_start = P(frames)};
    long max;
    struct hv_memory_domain d = {HV_DOMID_SELF};
    long n = 0, rc, before = total();

    max = memory_op(HV_MEM_MAXIMUM_RESERVATION, &d);
    while ((rc = reserve(HV_MEM_INCREASE_RESERVATION, 1, 6, 0)) == 1)
        n++;
    test_num("memory: at the limit nothing comes", rc, 0);
    test_true("memory: the limit is the maximum", max - total() < 64);
    test_true("memory: pages came before", n > 0 && total() == before + n * 64);
    test_num("memory: an order too high",
             reserve(HV_MEM_INCREASE_RESERVATION, 1, 30, 0) > 0, 0);
    test_num("memory: wild frames are not given back",
             (frames[0] = 0xffffffffff, reserve(HV_MEM_DECREASE_RESERVATION, 1, 0, 0)),
             0);
    test_num("memory: nor the hypervisor's",
             (memory_op(HV_MEM_MACHPHYS_MFN_LIST, &list),
              reserve(HV_MEM_DECREASE_RESERVATION, 1, 0, 0)),
             0);
}

static void exchange(void)
{
    char *page = page_alloc();
    uint64_t in = va_mfn(page), out = (P(page) - VIRT_BASE) >> 12;
    struct hv_memory_exchange x = {
        .in = {.extent_start = P(&in), .nr_extents = 1, .domid = HV_DOMID_SELF},
        .out = {.extent_start = P(&out), .nr_extents = 1, .domid = HV_DOMID_SELF}};
    long before = total();

    map_mfn(page, 0);
    test_num("memory: a page is exchanged", memory_op(HV_MEM_EXCHANGE, &x), 0);
    test_num("memory: one was", (long)x.nr_exchanged, 1);
    test_num("memory: as many pages as before", total(), before);
    test_num("memory: the new frame is this page", (long)mfn_pfn(out),
             (long)((P(page) - VIRT_BASE) >> 12));
    ((uint64_t *)start_info->mfn_list)[(P(page) - VIRT_BASE) >> 12] = out;
    test_num("memory: it can be mapped", map_mfn(page, out << 12 | PTE_RW), 0);
    map_mfn(page, 0);
    in = out;
    out = (P(page) - VIRT_BASE) >> 12;
    x.nr_exchanged = 0;
    x.out.mem_flags = HV_MEMF_ADDRESS_BITS(24);
    test_num("memory: for one below 16 MiB, or none is there",
             memory_op(HV_MEM_EXCHANGE, &x) == 0 ? out < 4096 : 1, 1);
    if (x.nr_exchanged == 0)
        out = in;
    ((uint64_t *)start_info->mfn_list)[(P(page) - VIRT_BASE) >> 12] = out;
    map_mfn(page, out << 12 | PTE_RW);
    x.nr_exchanged = 0;
    x.out.nr_extents = 2;
    test_num("memory: sizes must agree", memory_op(HV_MEM_EXCHANGE, &x), -EINVAL);
    x.out.nr_extents = 1;
    x.out.domid = 0x1234;
    test_num("memory: domains must agree", memory_op(HV_MEM_EXCHANGE, &x), -EINVAL);
}

static void maps(void)
{
    static struct hv_e820entry e[64];
    struct hv_memory_map m = {.nr_entries = 64, .buffer = P(e)};
    uint64_t ram = 0;

    test_num("memory: machine_memory_map", memory_op(HV_MEM_MACHINE_MEMORY_MAP, &m), 0);
    for (unsigned int i = 0; i < m.nr_entries; i++)
        ram += e[i].type == HV_E820_RAM ? e[i].size : 0;
    test_true("memory: shows the machine's memory",
              ram > 400UL << 20 && ram <= 512UL << 20);
    m.nr_entries = 1;
    test_num("memory: not into one entry only", memory_op(HV_MEM_MACHINE_MEMORY_MAP, &m),
             -EINVAL);
}

/* In the middle of the machine's memory, where the hypervisor has used none. */
static void unused(void)
{
    uint64_t mfn = (uint64_t)memory_op(HV_MEM_MAXIMUM_RAM_PAGE, NULL) / 2;
    char *page = page_alloc();

    test_num("memory: RAM that nobody has is invalid in the m2p", (long)mfn_pfn(mfn), -1);
    test_true("memory: it cannot be mapped", map_mfn(page, mfn << 12 | PTE_RO) < 0);
    test_true("memory: nor written", map_mfn(page, mfn << 12 | PTE_RW) < 0);
    test_true("memory: nor be a page table", mmuext(HV_MMUEXT_PIN_L1_TABLE, mfn) < 0);
    frames[0] = mfn;
    test_num("memory: nor given back", reserve(HV_MEM_DECREASE_RESERVATION, 1, 0, 0), 0);
}

/* Frames with something in them are given back. */
static void stain(char *window)
{
    test_num("memory: frames come", reserve(HV_MEM_INCREASE_RESERVATION, 64, 0, 0), 64);
    for (int i = 0; i < 64; i++) {
        map_mfn(window, frames[i] << 12 | PTE_RW);
        memset(window, 0xa5, PAGE_SIZE);
    }
    map_mfn(window, 0);
    test_num("memory: frames that were written to are given back",
             reserve(HV_MEM_DECREASE_RESERVATION, 64, 0, 0), 64);
}

static long domctl(struct hv_domctl *op, uint32_t cmd, hv_domid_t domid)
{
    op->cmd = cmd;
    op->domain = domid;
    op->interface_version = HV_DOMCTL_INTERFACE_VERSION;
    return hcall1(HV_CALL_DOMCTL, P(op));
}

/* Gives a domain 64 frames; how many words in them are not zero, -1: it got fewer. */
static long stains(hv_domid_t domid, uint64_t *window)
{
    struct hv_memory_reservation r = {
        .extent_start = P(frames), .nr_extents = 64, .domid = domid};
    long found = 0;

    if (memory_op(HV_MEM_INCREASE_RESERVATION, &r) != 64)
        return -1;
    for (int i = 0; i < 64; i++) {
        if (hcall4(HV_CALL_UPDATE_VA_MAPPING_OTHERDOMAIN, P(window),
                   frames[i] << 12 | PTE_RO, HV_UVMF_INVLPG, domid))
            return -1;
        for (int k = 0; k < 512; k++)
            found += window[k] != 0;
    }
    map_mfn(window, 0);
    return found;
}

/* Xen 4.17 leaves it to a living domain to clean what it gives back. */
static bool cleans(void)
{
    static hv_extraversion_t extra;

    hcall2(HV_CALL_XEN_VERSION, HV_VER_EXTRAVERSION, P(extra));
    for (int i = 0; extra[i]; i++)
        if (extra[i] == 'o')
            return true;
    return false;
}

/* What one domain left in its memory reaches no other. */
static void another_domain(void)
{
    static struct hv_domctl op;
    uint64_t *window = page_alloc();
    hv_domid_t domid;

    stain((char *)window);
    op.u.createdomain = (struct hv_domctl_createdomain){.max_vcpus = 1,
                                                        .max_grant_frames = -1,
                                                        .max_maptrack_frames = -1,
                                                        .max_evtchn_port = 1023,
                                                        .grant_opts = 1};
    test_num("memory: a domain is created", domctl(&op, HV_DOMCTL_CREATEDOMAIN, 7), 0);
    domid = op.domain;
    op.u.max_mem.max_memkb = 4096;
    test_num("memory: and may have memory", domctl(&op, HV_DOMCTL_MAX_MEM, domid), 0);
    for (int i = 0; i < 8; i++)
        test_true("memory: which is all zero", stains(domid, window) == 0 || !cleans());
    while (domctl(&op, HV_DOMCTL_DESTROYDOMAIN, domid) == -ERESTART)
        ;
}

void test_main(void)
{
    numbers();
    unused();
    decrease_increase();
    exchange();
    maps();
    another_domain();
    limits();
}
