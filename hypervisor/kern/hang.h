/* SPDX-License-Identifier: MIT */
/* The option "watchdog": each CPU must get to its timers. */
#ifndef KERN_HANG_H
#define KERN_HANG_H

#include "lib/types.h"

void hang_init(void);     /* boot CPU, when nothing keeps it from softirqs any more */
bool hang_watching(void); /* NMIs are ours */
/* At each of the NMIs that cpu_nmi_ticks() brings. true: this CPU is stuck. */
bool hang_tick(void);

#endif
