/* SPDX-License-Identifier: MIT */
/* What a machine owes the core: time. */
#ifndef PORT_CLOCK_H
#define PORT_CLOCK_H

#include "lib/types.h"

/* The affine map from TSC to system time: ns = base_ns + (((tsc - base_tsc) << shift) *
 * mul >> 32), with a right shift where shift is negative: the form guests see in
 * vcpu_time_info. */
struct clock_scale {
    uint64_t base_tsc;
    uint64_t base_ns;
    uint32_t mul;
    int8_t shift;
};

uint64_t clock_now(void); /* ns since boot, monotonic, the same on all CPUs */
uint64_t clock_tsc(void);
uint64_t clock_tsc_khz(void);
bool clock_tsc_stable(void); /* the TSC ticks at one rate, in step on all CPUs */
void clock_get_scale(struct clock_scale *s);
uint64_t clock_wall_at_boot(void); /* ns since the epoch when clock_now() was 0 */
void clock_set_deadline(
    uint64_t ns); /* this CPU: raise SOFTIRQ_TIMER at that time; ~0 = never */

#endif
