/* SPDX-License-Identifier: MIT */
/* The hypervisor's part of the 64-bit address space: level-4 slots 256 to 271, as the PV
 * ABI grants it (public arch-x86/xen-x86_64.h: HYPERVISOR_VIRT_START/END). Usable from
 * assembly.
 *
 *  256  0xffff800000000000  machine-to-phys table, read-only, user-readable (ABI)
 *  257  0xffff808000000000  memory-mapped devices (map_io)
 *  260  0xffff820000000000  per-domain: descriptor-table windows of each vCPU
 *  261  0xffff828000000000  frame table (struct page array)
 *       0xffff82c000000000  machine-to-phys table, writable
 *       0xffff82d040000000  hypervisor image
 *  262  0xffff830000000000  direct map of all RAM, to the end of slot 271 (5 TiB)
 */
#ifndef PORT_LAYOUT_H
#define PORT_LAYOUT_H

#define HV_VIRT_START    0xffff800000000000
#define HV_VIRT_END      0xffff880000000000
#define HV_FIRST_SLOT    256
#define HV_LAST_SLOT     271
#define M2P_RO_START     0xffff800000000000
#define IOMAP_START      0xffff808000000000
#define PERDOMAIN_START  0xffff820000000000
#define PERDOMAIN_SLOT   260
#define FRAMETABLE_START 0xffff828000000000
#define M2P_RW_START     0xffff82c000000000
#define IMAGE_START      0xffff82d040000000
#define DIRECTMAP_START  0xffff830000000000

/* Each vCPU has a window of 32 pages in the per-domain area: 16 for the GDT, 16 for the
 * LDT. GDT pages 0-13 are the guest's frames, 14 and 15 the CPU's own (ABI:
 * FIRST_RESERVED_GDT_PAGE). */
#define VCPU_WINDOW_PAGES 32
#define VCPU_GDT_PAGES    16
#define GDT_RESERVED_PAGE 14

#endif
