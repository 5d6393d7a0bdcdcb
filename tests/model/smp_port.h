/* SPDX-License-Identifier: MIT */
/* A machine whose CPUs are threads. */
#ifndef SMP_PORT_H
#define SMP_PORT_H

#include "kern/vcpu.h"

#define MODEL_CPUS 12

void model_boot(
    void); /* memory, timers, scheduler; the caller is CPU 0, not yet started */
void model_start(
    void); /* the other CPUs begin to run what there is; the caller stays outside */
void model_guest_entry(void); /* what vcpu_hw.resume of a guest is */
extern void (*model_guest)(
    struct vcpu *v); /* a step of the guest on this CPU; the test sets it */
_Noreturn void model_fail(const char *why, const struct vcpu *v);
uint64_t model_progress(const struct vcpu *v);

#endif
