/* SPDX-License-Identifier: MIT */
#ifndef HW_CPU_FPU_H
#define HW_CPU_FPU_H

#include "port/context.h"

void fpu_save(struct vcpu_hw *v); /* hardware -> v->fpu; interrupts off */
void fpu_load(struct vcpu_hw *v);
void fpu_plain(void); /* after fpu_save(): as programs find it; TS is off */

#endif
