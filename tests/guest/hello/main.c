/* SPDX-License-Identifier: MIT */
/* A PV kernel boots, and what it is born with makes sense. */
#include "guest.h"
#include "abi/features.h"
#include "abi/version.h"

static void start_of_day(void)
{
    struct hv_start_info *si = start_info;
    uint64_t pfn;

    test_true("hello: the magic is xen-M.m-x86_64",
              !memcmp(si->magic, "xen-", 4) && si->magic[5] == '.');
    test_num("hello: dom0 is privileged and the initial domain",
             si->flags & (HV_SIF_PRIVILEGED | HV_SIF_INITDOMAIN),
             HV_SIF_PRIVILEGED | HV_SIF_INITDOMAIN);
    test_true("hello: nr_pages is about what dom0_mem says",
              si->nr_pages > 4096 && si->nr_pages <= 32768);
    test_true("hello: shared_info is a page's machine address",
              si->shared_info && !(si->shared_info & 4095));
    test_num("hello: pt_base is page aligned", si->pt_base & 4095, 0);
    test_true("hello: there are page tables enough for the first mapping",
              si->nr_pt_frames >= 4);
    for (pfn = 0; pfn < si->nr_pages; pfn++)
        if (mfn_pfn(((uint64_t *)si->mfn_list)[pfn]) != pfn)
            break;
    test_num("hello: m2p is the inverse of the p2m list", (long)pfn, (long)si->nr_pages);
    test_true("hello: the command line has the module's arguments",
              !memcmp(si->cmd_line, "one two", 7));
}

static void page_tables(void)
{
    uint64_t cr3;

    asm volatile("mov %%cr3, %0" : "=r"(cr3));
    test_num("hello: cr3 reads as pt_base's frame", (long)(cr3 >> 12),
             (long)va_mfn((void *)start_info->pt_base));
    test_num("hello: the first table maps itself read-only",
             (long)(*pte_at((void *)start_info->pt_base, 1) & PTE_W), 0);
    test_num("hello: kernel data is mapped to its own frame",
             (long)PTE_MFN(*pte_at(&cr3, 1)), (long)va_mfn(&cr3));
}

static void features(void)
{
    struct hv_feature_info f = {.submap_idx = 0};

    test_num("hello: get_features works", version_op(HV_VER_GET_FEATURES, &f), 0);
    test_true("hello: dom0 is a feature", f.submap & (1 << HV_FEAT_DOM0));
    test_true("hello: preserve_ad is a feature",
              f.submap & (1 << HV_FEAT_MMU_PT_UPDATE_PRESERVE_AD));
    test_true("hello: gnttab_map_avail_bits is a feature",
              f.submap & (1 << HV_FEAT_GNTTAB_MAP_AVAIL_BITS));
    test_true("hello: a PV guest is not auto translated",
              !(f.submap & (1 << HV_FEAT_AUTO_TRANSLATED_PHYSMAP)));
    test_true("hello: page tables are not writable",
              !(f.submap & (1 << HV_FEAT_WRITABLE_PAGE_TABLES)));
    f.submap_idx = 1;
    test_num("hello: no second submap", version_op(HV_VER_GET_FEATURES, &f), -EINVAL);
}

static void cpuid_leaves(void)
{
    uint32_t a = HV_CPUID_FIRST_LEAF, b, c = 0, d;

    asm volatile(HV_CPUID : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    test_num("hello: the forced cpuid gives the signature", b, HV_CPUID_SIGNATURE_EBX);
    test_true("hello: there are leaves up to 0x40000002 at least",
              a >= HV_CPUID_LEAF(2) && c == HV_CPUID_SIGNATURE_ECX &&
                  d == HV_CPUID_SIGNATURE_EDX);
    a = HV_CPUID_LEAF(1);
    c = 0;
    asm volatile(HV_CPUID : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    test_num("hello: cpuid and xen_version agree on the version", a,
             version_op(HV_VER_VERSION, NULL));
}

void test_main(void)
{
    uint32_t *time = &shared_info->wc_sec;

    start_of_day();
    page_tables();
    features();
    cpuid_leaves();
    test_true("hello: shared_info knows the wall clock", *time > 1700000000);
    test_true("hello: events start masked",
              shared_info->vcpu_info[0].evtchn_upcall_mask == 1);
    test_true("hello: time runs", now_ns() < now_ns() || now_ns() < now_ns());
}
