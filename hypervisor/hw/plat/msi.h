/* SPDX-License-Identifier: MIT */
/* Message-signalled interrupts: what irq.c asks of msi.c. idx is the irq's number above
 * the GSIs. */
#ifndef HW_PLAT_MSI_H
#define HW_PLAT_MSI_H

#include "lib/types.h"

void msi_route(unsigned irq, uint8_t vector,
               uint32_t apic_id);         /* programs address and data */
void msi_mask(unsigned irq, bool masked); /* where the device can */

#endif
