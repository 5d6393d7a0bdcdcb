/* SPDX-License-Identifier: MIT */
/* PCI configuration space and message-signalled interrupts. The core's side is
 * port/pci.h. */
#ifndef HW_PLAT_PCI_H
#define HW_PLAT_PCI_H

#include "port/pci.h"

#endif
