/* SPDX-License-Identifier: MIT */
/* Time as guests see it: the clock records in vcpu_info and registered areas, wall clock,
 * vCPU timers, runstates. */
#ifndef GUEST_TIME_H
#define GUEST_TIME_H

#include "kern/room.h"
#include "kern/vcpu.h"

extern const struct room time_room;

void time_init(void);
void time_update_vcpu(struct vcpu *v); /* writes the clock record to hw.info */
int time_register_area(struct vcpu *v, vaddr_t area); /* v is current */
void time_set_wallclock(uint64_t sec, uint32_t nsec,
                        uint64_t system_time); /* for dom0's settime */
void time_domain_wallclock(struct domain *d);  /* writes shared_info's copy */
int time_set_offset(struct domain *d, int64_t seconds);
int time_register_runstate(struct vcpu *v, vaddr_t area); /* v is current */
void time_enter_guest(struct vcpu *v); /* on the way in after a switch: runstate area */

int time_set_singleshot(struct vcpu *v, uint64_t when, bool future_only); /* -ETIME */
void time_stop_singleshot(struct vcpu *v);
int time_set_periodic(struct vcpu *v, uint64_t period);
void time_stop_periodic(struct vcpu *v);
/* As Xen's PV vCPUs begin: a tick each 10 ms until the kernel stops it. */
void time_start_tick(struct vcpu *v);

#endif
