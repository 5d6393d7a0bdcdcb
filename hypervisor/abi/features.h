/* SPDX-License-Identifier: MIT */
/*
 * Feature bits: what a kernel says it can live with (ELF notes), and what the
 * hypervisor offers it (xen_version(HV_VER_GET_FEATURES)). Bit numbers.
 *
 * Reference: Xen public interface, features.h.
 */
#ifndef HV_ABI_FEATURES_H
#define HV_ABI_FEATURES_H

#define HV_FEAT_WRITABLE_PAGE_TABLES 0       /* page tables may be mapped writable */
#define HV_FEAT_WRITABLE_DESCRIPTOR_TABLES 1
#define HV_FEAT_AUTO_TRANSLATED_PHYSMAP 2    /* guest frames are not machine frames */
#define HV_FEAT_SUPERVISOR_MODE_KERNEL 3
#define HV_FEAT_PAE_PGDIR_ABOVE_4GB 4
#define HV_FEAT_MMU_PT_UPDATE_PRESERVE_AD 5
#define HV_FEAT_HIGHMEM_ASSIST 6             /* MMUEXT_CLEAR_PAGE, COPY_PAGE */
#define HV_FEAT_GNTTAB_MAP_AVAIL_BITS 7
#define HV_FEAT_HVM_CALLBACK_VECTOR 8
#define HV_FEAT_HVM_SAFE_PVCLOCK 9
#define HV_FEAT_HVM_PIRQS 10
#define HV_FEAT_DOM0 11                      /* can be the initial domain */
#define HV_FEAT_MEMORY_OP_VNODE_SUPPORTED 13
#define HV_FEAT_ARM_SMCCC_SUPPORTED 14
#define HV_FEAT_LINUX_RSDP_UNRESTRICTED 15   /* PVH: RSDP anywhere */
#define HV_FEAT_NOT_DIRECT_MAPPED 16
#define HV_FEAT_DIRECT_MAPPED 17
#define HV_FEAT_NR_SUBMAPS 1 /* of 32 bits */

#endif
