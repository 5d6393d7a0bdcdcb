/* SPDX-License-Identifier: MIT */
/*
 * ELF notes (owner "Xen") by which a kernel says how it wants to be started. Numeric
 * ones hold 4 or 8 bytes; strings end with NUL.
 *
 * Reference: Xen public interface, elfnote.h.
 */
#ifndef HV_ABI_ELFNOTE_H
#define HV_ABI_ELFNOTE_H

#define HV_ELFNOTE_INFO 0            /* string, NAME=VALUE */
#define HV_ELFNOTE_ENTRY 1           /* virtual address */
#define HV_ELFNOTE_HYPERCALL_PAGE 2  /* virtual address */
#define HV_ELFNOTE_VIRT_BASE 3       /* virtual address of pseudo-physical 0 */
#define HV_ELFNOTE_PADDR_OFFSET 4    /* subtract from p_paddr */
#define HV_ELFNOTE_XEN_VERSION 5     /* string "xen-3.0" */
#define HV_ELFNOTE_GUEST_OS 6        /* string */
#define HV_ELFNOTE_GUEST_VERSION 7   /* string */
#define HV_ELFNOTE_LOADER 8          /* string, "generic" */
#define HV_ELFNOTE_PAE_MODE 9        /* string, 32-bit kernels */
#define HV_ELFNOTE_FEATURES 10       /* string: names with |, ! before required ones */
#define HV_ELFNOTE_BSD_SYMTAB 11     /* string: "yes" loads the symbol table */
#define HV_ELFNOTE_HV_START_LOW 12   /* lowest address of the hypervisor's hole */
#define HV_ELFNOTE_L1_MFN_VALID 13   /* mask/value pairs */
#define HV_ELFNOTE_SUSPEND_CANCEL 14 /* number */
#define HV_ELFNOTE_INIT_P2M 15       /* virtual address for the p2m list */
#define HV_ELFNOTE_MOD_START_PFN 16  /* number: initrd need not be mapped */
#define HV_ELFNOTE_SUPPORTED_FEATURES 17 /* number: mask of HV_FEAT_* */
#define HV_ELFNOTE_PHYS32_ENTRY 18   /* PVH: 32-bit physical entry */
#define HV_ELFNOTE_MAX HV_ELFNOTE_PHYS32_ENTRY

/* In crash dumps and dump-core files. */
#define HV_ELFNOTE_CRASH_INFO 0x1000001
#define HV_ELFNOTE_CRASH_REGS 0x1000002
#define HV_ELFNOTE_DUMPCORE_NONE 0x2000000
#define HV_ELFNOTE_DUMPCORE_HEADER 0x2000001
#define HV_ELFNOTE_DUMPCORE_XEN_VERSION 0x2000002
#define HV_ELFNOTE_DUMPCORE_FORMAT_VERSION 0x2000003

#endif
