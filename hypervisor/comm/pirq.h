/* SPDX-License-Identifier: MIT */
/* Physical interrupts in a domain's numbering: pirq <-> machine irq, binding, EOI. */
#ifndef COMM_PIRQ_H
#define COMM_PIRQ_H

#include "kern/vcpu.h"

extern const struct room pirq_room;
int pirq_bind(struct vcpu *v, unsigned pirq, bool share);  /* called by evtchn_bind_pirq, before it commits */
void pirq_unbind(struct domain *d, unsigned pirq);
int pirq_eoi(struct domain *d, unsigned pirq);             /* PHYSDEVOP_eoi, and unmask of a bound port */
bool pirq_needs_eoi(struct domain *d, unsigned pirq);

#endif
