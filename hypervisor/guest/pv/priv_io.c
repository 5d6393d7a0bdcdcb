/* SPDX-License-Identifier: MIT */
/* Port I/O of PV guests. Two questions decide: may this mode use ports at all (IOPL or
 * the guest's own I/O bitmap), and does the domain own the port (d->ioports). Ports
 * nobody gave read as all ones and swallow writes, as an empty bus does.
 *
 * PCI's address port 0xcf8 is each domain's own: a write is kept, and used when 0xcfc to
 * 0xcff are accessed, so that domains and the hypervisor do not disturb each other's
 * addresses. Only dom0 reaches the bus behind it. */
#include "guest/pv/priv_io.h"
#include "guest/pv/domain.h"
#include "lib/rangeset.h"
#include "mm/mmu.h"
#include "port/pci.h"
#include "port/priv.h"

#define PCI_ADDRESS 0xcf8
#define PCI_DATA    0xcfc

bool priv_io_allowed(struct vcpu *v, const struct hv_cpu_user_regs *r, uint16_t port,
                     unsigned size)
{
    uint8_t bits[2];
    unsigned mask;

    if (v->pv->iopl >= (v->hw.kernel_mode ? 1u : 3u))
        return true;
    /* A 64-bit PV Linux raises its own level once at boot (PHYSDEVOP_set_iopl). */
    if ((unsigned)port + size > v->pv->iobitmap_ports)
        return false;
    /* The bitmap is the kernel's: user mode's tables do not map it. */
    bits[1] = 0xff;
    if (mmu_read_kernel(v, v->pv->iobitmap + port / 8, &bits[0]) ||
        ((port & 7) + size > 8 &&
         mmu_read_kernel(v, v->pv->iobitmap + port / 8 + 1, &bits[1])))
        return false;
    mask = ((1u << size) - 1) << (port & 7);
    return !((bits[0] | (unsigned)bits[1] << 8) & mask);
}

static bool owns(const struct vcpu *v, uint16_t port, unsigned size)
{
    struct domain *d = v->domain;
    bool has;

    spin_lock(&d->lock);
    has = rangeset_has(d->ioports, port, (unsigned long)port + size - 1);
    spin_unlock(&d->lock);
    return has;
}

uint32_t priv_io_in(struct vcpu *v, uint16_t port, unsigned size)
{
    uint32_t val = 0;

    if (port == PCI_ADDRESS && size == 4)
        return v->domain->pv->pci_cf8;
    if ((port & ~3u) == PCI_DATA)
        return owns(v, port, size) ? pci_cf8_read(v->domain->pv->pci_cf8, port, size)
                                   : ~0u;
    if (owns(v, port, size))
        return io_in(port, size);
    for (unsigned i = 0; i < size; i++)
        val |= (owns(v, (uint16_t)(port + i), 1) ? io_in((uint16_t)(port + i), 1) & 0xff
                                                 : 0xffu)
               << 8 * i;
    return val;
}

void priv_io_out(struct vcpu *v, uint16_t port, unsigned size, uint32_t val)
{
    if (port == PCI_ADDRESS && size == 4) {
        v->domain->pv->pci_cf8 = val;
        return;
    }
    if ((port & ~3u) == PCI_DATA) {
        if (owns(v, port, size))
            pci_cf8_write(v->domain->pv->pci_cf8, port, size, val);
        return;
    }
    if (owns(v, port, size)) {
        io_out(port, size, val);
        return;
    }
    for (unsigned i = 0; i < size; i++)
        if (owns(v, (uint16_t)(port + i), 1))
            io_out((uint16_t)(port + i), 1, (val >> 8 * i) & 0xff);
}
