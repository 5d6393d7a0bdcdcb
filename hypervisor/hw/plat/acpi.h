/* SPDX-License-Identifier: MIT */
/* What the firmware's ACPI tables say. Read once at boot; nothing here interprets AML,
 * but for the one package that names the sleep types of S5. */
#ifndef HW_PLAT_ACPI_H
#define HW_PLAT_ACPI_H

#include "port/cpu.h"

struct boot_info;

#define ACPI_MAX_IOAPICS 8
#define ACPI_MAX_MCFG    8

struct acpi_gas {  /* generic address; address 0: absent */
    uint8_t space; /* 0 memory, 1 I/O port, 2 PCI configuration space */
    uint8_t width, offset, access;
    uint64_t address;
};

struct acpi_info {
    /* CPUs the firmware has enabled, the boot CPU first, else in the table's order. */
    unsigned cpus;
    uint32_t apic_id[HV_MAX_CPUS];
    uint32_t acpi_id[HV_MAX_CPUS];
    paddr_t lapic; /* base of the xAPIC registers; 0: no MADT */
    bool has_8259;
    struct {
        paddr_t addr;
        uint32_t id, gsi_base;
    } ioapic[ACPI_MAX_IOAPICS];
    unsigned ioapics;
    struct {
        uint32_t gsi;
        bool level, low; /* trigger and polarity */
        bool present;
    } isa[16]; /* interrupt source overrides */
    struct {
        paddr_t addr;
        uint16_t segment;
        uint8_t bus_start, bus_end;
    } mcfg[ACPI_MAX_MCFG];
    unsigned mcfgs;
    paddr_t hpet; /* 0: none */
    uint16_t hpet_min_tick;
    /* FADT */
    uint16_t sci_irq;
    struct acpi_gas pm1a_cnt, pm1b_cnt, pm1a_evt, pm1b_evt, pm_timer, reset;
    uint8_t pm1_evt_len, pm1_cnt_len;
    uint8_t reset_value;
    bool has_reset, pm_timer_32bit;
    uint32_t smi_cmd; /* port, and what to write there to turn ACPI mode on */
    uint8_t acpi_enable;
    uint8_t century; /* CMOS index, 0: none */
    bool s5_valid;
    uint8_t s5_typ_a, s5_typ_b;
    paddr_t rsdp; /* 0: no ACPI at all */
};
extern struct acpi_info acpi;

void acpi_init(
    const struct boot_info *bi); /* logs what is missing; leaves one CPU then */
/* Sets SLP_TYP and SLP_EN of PM1 control. Returns only when the machine did not go down.
 */
void acpi_enter_sleep(uint16_t pm1a_cnt, uint16_t pm1b_cnt);
void acpi_poweroff(
    void); /* S5 with the types found in the DSDT; returns when that failed */
void acpi_reset(
    void); /* by FADT's reset register; returns when there is none or it failed */

#endif
