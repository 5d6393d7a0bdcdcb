/* SPDX-License-Identifier: MIT */
/* What a machine owes the core: PCI configuration space and message-signalled interrupts.
 */
#ifndef PORT_PCI_H
#define PORT_PCI_H

#include "lib/types.h"

typedef struct {
    uint32_t n; /* segment << 16 | bus << 8 | devfn */
} sbdf_t;
static inline sbdf_t mk_sbdf(unsigned seg, unsigned bus, unsigned devfn)
{
    return (sbdf_t){(seg & 0xffff) << 16 | (bus & 0xff) << 8 | (devfn & 0xff)};
}

/* size 1, 2 or 4, reg aligned to it. All ones where there is nothing. */
uint32_t pci_read(sbdf_t dev, unsigned reg, unsigned size);
void pci_write(sbdf_t dev, unsigned reg, unsigned size, uint32_t val);
/* A guest's access through ports 0xcf8/0xcfc: cf8 is what it wrote to the first, port
 * 0xcfc-0xcff. */
uint32_t pci_cf8_read(uint32_t cf8, uint16_t port, unsigned size);
void pci_cf8_write(uint32_t cf8, uint16_t port, unsigned size, uint32_t val);

bool pci_has_segment(unsigned seg);
int pci_add_mmcfg(paddr_t base, unsigned seg, unsigned bus_start,
                  unsigned bus_end); /* -ENODEV: not in MCFG */

/* MSI (table_base 0) or MSI-X entry of a device: a machine irq, not bound yet; the device
 * is programmed when it is bound and masked when it is not. n > 1: a block of MSI
 * vectors, n consecutive irqs. -ENODEV: no such device or capability, -EINVAL, -ENOSPC,
 * -EEXIST: that entry has one. */
struct pci_msi {
    sbdf_t dev;
    uint16_t entry;
    bool msix;
    paddr_t
        table_base; /* MSI-X table's BAR, as the guest says; checked against the device */
};
int must_check pci_msi_alloc(const struct pci_msi *m, unsigned n, unsigned *irq);
void pci_msi_free(unsigned irq);
int pci_msi_restore(sbdf_t dev); /* programs the device anew, after its reset */
int pci_msix_prepare(sbdf_t dev, bool release);

#endif
