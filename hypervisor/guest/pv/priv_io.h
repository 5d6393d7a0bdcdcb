/* SPDX-License-Identifier: MIT */
/* Port I/O of a PV guest. */
#ifndef GUEST_PV_PRIV_IO_H
#define GUEST_PV_PRIV_IO_H

#include "kern/vcpu.h"

bool priv_io_allowed(struct vcpu *v, const struct hv_cpu_user_regs *r, uint16_t port,
                     unsigned size);
uint32_t priv_io_in(struct vcpu *v, uint16_t port, unsigned size);
void priv_io_out(struct vcpu *v, uint16_t port, unsigned size, uint32_t val);

#endif
