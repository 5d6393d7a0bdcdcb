/* SPDX-License-Identifier: MIT */
/* Furniture of sysctl: commands that have a file of their own. */
#ifndef CALL_SYSCTL_H
#define CALL_SYSCTL_H

#include "abi/sysctl.h"
#include "call/call.h"

/* A CPU goes offline or comes back, and the control domain is told: 0, -EINVAL, -EEXIST,
 * -EBUSY, or -ERESTART when another control operation is under way. */
int cpu_set_online(unsigned cpu, bool online);
int cpupool_sysctl(struct hcall *h, struct hv_sysctl_cpupool_op *op); /* domctl lock */

#endif
