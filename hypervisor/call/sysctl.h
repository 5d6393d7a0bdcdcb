/* SPDX-License-Identifier: MIT */
/* Furniture of sysctl: commands that have a file of their own. */
#ifndef CALL_SYSCTL_H
#define CALL_SYSCTL_H

#include "abi/sysctl.h"
#include "call/call.h"

int cpupool_sysctl(struct hcall *h, struct hv_sysctl_cpupool_op *op); /* domctl lock */

#endif
