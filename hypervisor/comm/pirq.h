/* SPDX-License-Identifier: MIT */
/* Physical interrupts in a domain's numbering: pirq <-> machine irq, binding, EOI.
 *
 * In the control domain pirq n is GSI n for all GSIs; message-signalled irqs get numbers
 * above them. */
#ifndef COMM_PIRQ_H
#define COMM_PIRQ_H

#include "kern/vcpu.h"
#include "port/pci.h"

extern const struct room pirq_room;

/* Called by evtchn_bind_pirq, before it commits. -EINVAL: not mapped, -EBUSY: taken,
 * -ENOSPC. */
int pirq_bind(struct vcpu *v, unsigned pirq, bool share);
void pirq_unbind(struct domain *d,
                 unsigned pirq); /* nothing happens if it is not bound */
void pirq_set_cpu(struct domain *d, unsigned pirq,
                  unsigned cpu); /* its port moved to a vCPU there */
/* PHYSDEVOP_eoi, and unmask of a bound port. -EINVAL: no such pirq. */
int pirq_eoi(struct domain *d, unsigned pirq);
bool pirq_needs_eoi(struct domain *d, unsigned pirq);

/* *pirq in: the number wanted or -1, out: the one given. Mapping the same again is no
 * error. */
int pirq_map_gsi(struct domain *d, unsigned gsi, int *pirq);
/* n > 1: that many in a row, *pirq is the first. */
int pirq_map_msi(struct domain *d, const struct pci_msi *m, unsigned n, int *pirq);
int pirq_unmap(struct domain *d, unsigned pirq); /* also unbinds. -EINVAL: not mapped */
int pirq_get_free(struct domain *d,
                  bool msi); /* a number, kept for a later map, or -ENOSPC */
unsigned pirq_count(const struct domain *d);   /* numbers lie below it */
int pirq_irq(struct domain *d, unsigned pirq); /* machine irq, -1: not mapped */

/* The guest's page (of frame gmfn) becomes a bitmap of pirqs that need EOI. -EBUSY: has
 * one, -EINVAL. */
int pirq_set_eoi_page(struct domain *d, uint64_t gmfn, bool auto_unmask);
bool pirq_auto_unmask(
    const struct domain *d); /* EOI also unmasks the port (interface v1) */

#endif
