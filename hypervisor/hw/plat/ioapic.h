/* SPDX-License-Identifier: MIT */
/* The I/O APICs' pins by GSI number. irq.c's business. */
#ifndef HW_PLAT_IOAPIC_H
#define HW_PLAT_IOAPIC_H

#include "lib/types.h"

struct ioapic_route {
    uint8_t vector;
    uint8_t dest; /* APIC id, physical */
    bool level, low, masked, nmi;
};

unsigned
ioapic_init(void); /* finds them, masks all pins; returns one past the highest GSI */
bool ioapic_has(unsigned gsi);
void ioapic_set(unsigned gsi, const struct ioapic_route *r);
void ioapic_mask(unsigned gsi, bool masked);
bool ioapic_hidden_frame(unsigned n, paddr_t *addr); /* the nth I/O APIC's registers */

#endif
