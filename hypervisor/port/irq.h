/* SPDX-License-Identifier: MIT */
/* What a machine owes the core: machine irqs. Numbers 0 to irq_gsi_count()-1 are the I/O
 * APICs' pins (GSIs, in ACPI's numbering), those above are message-signalled ones, made
 * by pci_msi_alloc() (port/pci.h).
 *
 * A level-triggered irq stays masked from its arrival until irq_eoi(); an edge-triggered
 * one is over when it has been delivered, irq_eoi() does nothing. Functions may be called
 * from any context unless said otherwise. */
#ifndef PORT_IRQ_H
#define PORT_IRQ_H

#include "port/cpu.h"

#define IRQ_MAX 512 /* machine irqs, GSIs and MSIs together */

typedef void (*irq_fn)(unsigned irq, void *arg); /* irq context: irqs off */

unsigned irq_gsi_count(void);
/* Trigger and polarity of a GSI: -EEXIST when somebody handles it already. */
int irq_setup_gsi(unsigned gsi, bool level, bool active_low);
bool irq_is_level(unsigned irq);
bool irq_is_reserved(unsigned irq); /* the hypervisor's own (serial line) or none such */

/* Gives the irq a vector on that CPU and opens it. -EBUSY taken, -ENOSPC no vector left,
 * -EINVAL no such irq. */
int must_check irq_bind(unsigned irq, irq_fn fn, void *arg, unsigned cpu);
void irq_unbind(unsigned irq); /* masks; fn does not start any more, but may still run on
                                  another CPU */
void irq_sync(unsigned irq); /* waits until no handler of it runs; holding no lock that a
                                handler takes */
void irq_eoi(unsigned irq);
void irq_mask(unsigned irq);
void irq_unmask(unsigned irq);
int irq_set_cpu(unsigned irq, unsigned cpu); /* where it is delivered from now on */
uint64_t irq_counter(unsigned irq);

/* Raw I/O APIC registers, for a control domain that reads them: -EINVAL when no I/O APIC
 * is there. Routing entries keep the hypervisor's vector and destination whatever is
 * written. */
int irq_ioapic_read(paddr_t base, uint32_t reg, uint32_t *val);
int irq_ioapic_write(paddr_t base, uint32_t reg, uint32_t val);

#endif
