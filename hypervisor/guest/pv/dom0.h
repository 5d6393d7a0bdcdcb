/* SPDX-License-Identifier: MIT */
/* Building the control domain from the boot loader's modules. */
#ifndef GUEST_PV_DOM0_H
#define GUEST_PV_DOM0_H

#include "kern/domain.h"
#include "port/upcall.h"

/* Builds dom0, paused by its controller pause. Panics with a line that says what to do
 * when it cannot be. */
struct domain *dom0_build(const struct boot_info *bi);

#endif
