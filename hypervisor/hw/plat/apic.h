/* SPDX-License-Identifier: MIT */
/* The local APIC of each CPU, as xAPIC (memory) or x2APIC (MSRs). */
#ifndef HW_PLAT_APIC_H
#define HW_PLAT_APIC_H

#include "port/cpu.h"

/* Once, on the boot CPU, before apic_init_cpu() (plat_init does it): picks the mode, maps
 * registers. */
void apic_init(void);
/* Each CPU, interrupts off, cpu_id() valid: enables its APIC, masks its local vectors,
 * sets up the timer, records which APIC id the CPU number has. */
void apic_init_cpu(void);

void apic_set_handlers(void); /* once, after irq_init() */

uint32_t apic_id(void);            /* this CPU's */
uint32_t apic_id_of(unsigned cpu); /* after that CPU's apic_init_cpu() */
bool apic_x2(void);
void apic_eoi(void);

/* Fixed-vector interrupts by CPU number. The CPU may be this one. */
void apic_send_ipi(unsigned cpu, uint8_t vector);
void apic_send_ipi_mask(cpumask_t cpus, uint8_t vector);
void apic_send_nmi(unsigned cpu);
/* Bring-up, by APIC id: no CPU numbers yet. page is the frame number of the code below 1
 * MiB. */
void apic_send_init(uint32_t apicid);
void apic_send_sipi(uint32_t apicid, uint8_t page);

/* Timer of this CPU, clock.c's business: raises VEC_TIMER. Either of the two, by
 * apic_timer_deadline(). */
bool apic_timer_deadline(void);        /* there is a TSC-deadline mode and we use it */
void apic_timer_set_tsc(uint64_t tsc); /* deadline mode: at this TSC value; 0 never */
void apic_timer_set_count(uint32_t n); /* one-shot mode: after n ticks; 0 never */
uint32_t
apic_timer_left(void); /* one-shot mode: ticks still to go; to measure its rate */

#endif
