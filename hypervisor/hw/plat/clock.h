/* SPDX-License-Identifier: MIT */
/* Time: the TSC, measured against HPET, PM timer or PIT. The core's side is port/clock.h.
 */
#ifndef HW_PLAT_CLOCK_H
#define HW_PLAT_CLOCK_H

#include "port/cpu.h"

void clock_init(void);    /* boot CPU, after apic_init_cpu(): measures for 10 ms, starts
                             clock_now() at 0 */
void clock_init_ap(void); /* other CPUs: their timers */
void clock_check_stable(void); /* all CPUs up: do their TSCs agree? */
/* Busy-waits, for bring-up and slow devices. Before clock_init() by a guess of 1 TSC tick
 * per ns. */
void clock_delay_us(unsigned us);
/* The battery-backed clock's registers for one who reads them on his own: firmware. */
irqflags_t must_check cmos_hold(void);
void cmos_release(irqflags_t f);

#endif
