/* SPDX-License-Identifier: MIT */
/* NMIs; the core's side is cpu_nmi_ticks() (port/cpu.h). */
#ifndef HW_PLAT_NMI_H
#define HW_PLAT_NMI_H

#include "lib/types.h"

void nmi_seen(void); /* one has come */
bool nmi_owns_gsi(unsigned gsi);

#endif
