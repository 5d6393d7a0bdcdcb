/* SPDX-License-Identifier: MIT */
/* The local APIC of each CPU, as xAPIC (memory) or x2APIC (MSRs). */
#ifndef HW_PLAT_APIC_H
#define HW_PLAT_APIC_H

#include "port/cpu.h"

/* Once, on the boot CPU, before apic_init_cpu() (plat_init does it): picks the mode, maps registers. */
void apic_init(void);
/* Each CPU, interrupts off, cpu_id() valid: enables its APIC, masks its local vectors, sets up the timer,
 * records which APIC id the CPU number has. */
void apic_init_cpu(void);

uint32_t apic_id(void);                       /* this CPU's */
uint32_t apic_id_of(unsigned cpu);            /* after that CPU's apic_init_cpu() */
bool apic_x2(void);
void apic_eoi(void);

/* Fixed-vector interrupts by CPU number. The CPU may be this one. */
void apic_send_ipi(unsigned cpu, uint8_t vector);
void apic_send_ipi_mask(cpumask_t cpus, uint8_t vector);
void apic_send_nmi(unsigned cpu);
/* Bring-up, by APIC id: no CPU numbers yet. page is the frame number of the code below 1 MiB. */
void apic_send_init(uint32_t apicid);
void apic_send_sipi(uint32_t apicid, uint8_t page);

/* Timer of this CPU, in TSC ticks: fires VEC_TIMER at that TSC value; ~0 never. clock.c's business. */
void apic_timer_set(uint64_t tsc, uint64_t now_tsc);
void apic_timer_calibrate(void); /* boot CPU, once the TSC rate is known */

#endif
