/* SPDX-License-Identifier: MIT */
/* The platform's three beginnings. Order on the boot CPU: console_early_init()
 * (port/console.h; ports only, needs nothing), plat_init() (needs map_io, the direct map
 * and cpu_id(); no interrupts yet), then bring-up of the others, each of which calls
 * plat_init_ap(). */
#ifndef HW_PLAT_PLAT_H
#define HW_PLAT_PLAT_H

struct boot_info;

void plat_init_early(const struct boot_info *bi); /* serial line, screen */
void plat_init(const struct boot_info *bi); /* ACPI, local APIC, I/O APICs, clock, PCI */
void plat_init_ap(void);                    /* this CPU's local APIC; interrupts off */
/* Boot CPU, once all CPUs are up and take interrupts (ipi_call works): compares the TSCs.
 * console_late_init() does it when nobody did before. */
void plat_init_late(void);

#endif
