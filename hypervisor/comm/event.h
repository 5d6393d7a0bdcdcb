/* SPDX-License-Identifier: MIT */
/* Event channels: ports, bindings, delivery. The 2-level and the FIFO layout are
 * event_2l.c and event_fifo.c behind one table of functions. Typed functions: no guest
 * memory here. */
#ifndef COMM_EVENT_H
#define COMM_EVENT_H

#include "abi/event_channel.h"
#include "kern/vcpu.h"

extern const struct room evtchn_room;

int evtchn_alloc_unbound(struct domain *d, domid_t remote,
                         uint32_t *port); /* port in d */
int evtchn_bind_interdomain(struct domain *ld, domid_t rdom, uint32_t rport,
                            uint32_t *lport);
int evtchn_bind_virq(struct domain *d, unsigned virq, unsigned vcpu, uint32_t *port);
int evtchn_bind_ipi(struct domain *d, unsigned vcpu, uint32_t *port);
int evtchn_bind_pirq(struct domain *d, unsigned pirq, unsigned flags, uint32_t *port);
int evtchn_close(struct domain *d, uint32_t port);
long evtchn_send(struct domain *d, uint32_t port); /* interrupts are on */
int evtchn_status(struct domain *caller, struct hv_evtchn_status *s);
int evtchn_bind_vcpu(struct domain *d, uint32_t port, unsigned vcpu);
long evtchn_unmask(struct domain *d, uint32_t port);      /* the same */
void evtchn_unmask_pirq(struct domain *d, unsigned pirq); /* its port, if it is bound */
int evtchn_reset(struct domain *d); /* -ERESTART possible; -EBUSY: under way */
int evtchn_init_control(struct vcpu *v, struct hv_evtchn_init_control *c);
int evtchn_expand_array(struct domain *d, uint64_t gfn);
int evtchn_set_priority(struct domain *d, uint32_t port, uint32_t priority);

void evtchn_raise_virq(struct vcpu *v,
                       unsigned virq); /* VIRQ_TIMER, VIRQ_DEBUG ...; any context */
void evtchn_raise_global_virq(
    unsigned virq); /* to the domain that was set for it, else dom0 */
int evtchn_set_global_virq(struct domain *d, unsigned virq);
bool evtchn_raise_pirq(struct domain *d,
                       unsigned pirq); /* irq context; false: not bound */
bool evtchn_port_pending(struct domain *d, uint32_t port); /* for SCHEDOP_poll */
bool evtchn_port_valid(struct domain *d, uint32_t port);
int evtchn_poll(struct vcpu *v, const uint32_t *ports, unsigned n,
                uint64_t timeout); /* 0: pending or asleep */

#endif
