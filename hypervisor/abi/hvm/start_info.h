/* SPDX-License-Identifier: MIT */
/*
 * What a PVH kernel is given in ebx: physical addresses of everything it needs.
 *
 * Reference: Xen public interface, arch-x86/hvm/start_info.h; "x86/HVM direct boot ABI".
 */
#ifndef HV_ABI_HVM_START_INFO_H
#define HV_ABI_HVM_START_INFO_H

#define HV_HVM_START_MAGIC_VALUE 0x336ec578

#define HV_HVM_MEMMAP_TYPE_RAM 1
#define HV_HVM_MEMMAP_TYPE_RESERVED 2
#define HV_HVM_MEMMAP_TYPE_ACPI 3
#define HV_HVM_MEMMAP_TYPE_NVS 4
#define HV_HVM_MEMMAP_TYPE_UNUSABLE 5
#define HV_HVM_MEMMAP_TYPE_DISABLED 6
#define HV_HVM_MEMMAP_TYPE_PMEM 7

#ifndef __ASSEMBLY__
#include <stdint.h>

struct hv_hvm_start_info {
    uint32_t magic;
    uint32_t version; /* 1: memmap is there */
    uint32_t flags;   /* HV_SIF_* */
    uint32_t nr_modules;
    uint64_t modlist_paddr; /* struct hv_hvm_modlist_entry[] */
    uint64_t cmdline_paddr;
    uint64_t rsdp_paddr;
    uint64_t memmap_paddr; /* struct hv_hvm_memmap_table_entry[] */
    uint32_t memmap_entries;
    uint32_t reserved;
};

struct hv_hvm_modlist_entry {
    uint64_t paddr;
    uint64_t size;
    uint64_t cmdline_paddr;
    uint64_t reserved;
};

struct hv_hvm_memmap_table_entry {
    uint64_t addr;
    uint64_t size;
    uint32_t type; /* HV_HVM_MEMMAP_TYPE_* */
    uint32_t reserved;
};

#endif /* !__ASSEMBLY__ */
#endif
