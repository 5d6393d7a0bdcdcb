/* SPDX-License-Identifier: MIT */
/* Time: the TSC, measured against HPET, PM timer or PIT. The core's side is port/clock.h. */
#ifndef HW_PLAT_CLOCK_H
#define HW_PLAT_CLOCK_H

#include "lib/types.h"

void clock_init(void);      /* boot CPU: measures (10 ms), starts clock_now() at 0, reads the CMOS clock */
void clock_init_ap(void);   /* other CPUs, while the boot CPU waits in clock_check_warp() or not at all */
/* Busy-waits for bring-up and for slow devices. Before clock_init() by a guess of 1 TSC tick per ns. */
void clock_delay_us(unsigned us);
/* Is a TSC seen by one CPU behind one seen earlier by another? All CPUs run this at once (ipi_call with
 * clock_warp_cpu), then the boot CPU asks. */
void clock_warp_cpu(void *rounds);
bool clock_warp_found(void);

#endif
