/* SPDX-License-Identifier: MIT */
/* Inside of the platform: what irq.c, msi.c and console.c owe each other. */
#ifndef HW_PLAT_IRQ_MSI_H
#define HW_PLAT_IRQ_MSI_H

#include "lib/types.h"

/* n consecutive irqs with n consecutive, aligned vectors, masked; -ENOSPC. */
int irq_alloc_msi(unsigned n);
void irq_free_msi(unsigned irq); /* unbound */
uint8_t irq_vector(unsigned irq);
void irq_reroute(unsigned irq); /* programs the device again */
bool irq_is_uart(unsigned gsi); /* console.c: a serial port in use */

#endif
