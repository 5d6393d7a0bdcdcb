/* SPDX-License-Identifier: MIT */
/* What a machine owes the core: the firmware's leftovers that a control domain asks for.
 */
#ifndef PORT_PLATFORM_H
#define PORT_PLATFORM_H

#include "abi/xen.h"
#include "port/cpu.h"

/* Ports and frames that even the control domain must not touch. */
void platform_hidden_ports(void (*fn)(void *arg, unsigned first, unsigned last),
                           void *arg);
void platform_hidden_frames(void (*fn)(void *arg, uint64_t first, uint64_t last),
                            void *arg);

/* The text screen as the control domain finds it. Size filled, 0: no screen for it. */
size_t platform_vga_info(struct hv_dom0_vga_console_info *info);
void platform_vga_handover(void); /* the hypervisor draws no more */

/* PM1 control values as the control domain computed them; state 5 does not return when it
 * works. */
int platform_sleep(unsigned state, uint16_t pm1a_cnt, uint16_t pm1b_cnt);

/* What EFI left behind: its system table's contents. false: not booted by EFI. */
struct platform_efi {
    uint32_t revision;         /* of the specification */
    uint32_t runtime_revision; /* of the runtime services; 0: there are none */
    uint32_t vendor_revision;
    uint64_t config_table; /* machine address */
    uint32_t config_entries;
    uint16_t vendor[64]; /* UCS-2, terminated */
};
bool platform_efi_info(struct platform_efi *e);
struct platform_efi_range {
    paddr_t start, end;
    uint64_t attr;
    uint32_t type;
};
/* The range of EFI's memory map that has the address; false: none, or no map. */
bool platform_efi_memory(paddr_t addr, struct platform_efi_range *r);
/* Calls a runtime service (HV_EFI_GET_TIME...) with its arguments in EFI's order;
 * pointers are the hypervisor's own. What firmware says goes to *status, EFI_ABORTED if
 * it faulted; it is not called again then. -EOPNOTSUPP: there is no such service. */
#define EFI_ERROR       0x8000000000000000ull /* this bit: nothing was done */
#define EFI_UNSUPPORTED (EFI_ERROR | 3)
#define EFI_ABORTED     (EFI_ERROR | 21)
#define EFI_ARGS        5
int platform_efi_call(unsigned function, const uint64_t arg[EFI_ARGS], uint64_t *status);

/* CPU numbers as firmware knows them; false: no such CPU. */
bool platform_cpu_ids(unsigned cpu, uint32_t *apic_id, uint32_t *acpi_id);
struct platform_cpu_version {
    char vendor[12];
    uint32_t family, model, stepping;
};
void platform_cpu_version(struct platform_cpu_version *v);

/* The hypervisor's own functions, rising by address; NULL: no more. */
const char *platform_symbol(uint32_t n, uint64_t *addr);

/* What tells this build from others; bytes, 0: nothing does. */
size_t platform_build_id(const void **id);

/* The battery-backed clock's registers, 0x70/0x71, kept apart from the hypervisor's own
 * accesses. */
uint8_t platform_cmos_read(uint8_t index);
void platform_cmos_write(uint8_t index, uint8_t val);

#endif
