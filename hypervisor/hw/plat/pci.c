/* SPDX-License-Identifier: MIT */
/*
 * PCI configuration space: ports 0xcf8/0xcfc for what they reach, MCFG windows for the
 * rest (registers from 256, segments other than 0). Windows are mapped bus by bus on
 * first use.
 *
 * The ports are an index and a data register: `lock` keeps the two accesses together. The
 * index is put back afterwards, for the sake of a guest that has the ports itself and was
 * interrupted between its two accesses; guests on several CPUs need pci_cf8_read() and
 * its sister instead.
 *
 * Reference: PCI Local Bus Specification 3.0, "Configuration Mechanism"; PCI Express Base
 * Specification, "PCI Express Enhanced Configuration Access Mechanism".
 */
#include "hw/plat/pci.h"
#include "hw/plat/acpi.h"
#include "hw/plat/io.h"
#include "kern/lock.h"
#include "kern/log.h"
#include "lib/errno.h"
#include "port/map.h"
#include <stdatomic.h>

#define CF8        0xcf8
#define CFC        0xcfc
#define CF8_ENABLE 0x80000000u

static spinlock_t lock = SPINLOCK_INIT(RANK_LEAF);
static volatile char
    *_Atomic windows[ACPI_MAX_MCFG][256]; /* 1 MiB each, by bus; NULL: not mapped yet */

static volatile char *window_of(sbdf_t dev)
{
    unsigned seg = dev.n >> 16, bus = dev.n >> 8 & 0xff;

    for (unsigned i = 0; i < acpi.mcfgs; i++) {
        volatile char *p;

        if (acpi.mcfg[i].segment != seg || bus < acpi.mcfg[i].bus_start ||
            bus > acpi.mcfg[i].bus_end)
            continue;
        p = atomic_load(&windows[i][bus]);
        if (!p) {
            p = map_io(acpi.mcfg[i].addr + ((paddr_t)bus << 20), 1u << 20);
            atomic_store(&windows[i][bus], p);
        }
        return p ? p + ((dev.n & 0xff) << 12) : NULL;
    }
    return NULL;
}

static uint32_t port_read(uint32_t cf8, uint16_t port, unsigned size)
{
    irqflags_t f = spin_lock_irq(&lock);
    uint32_t v, old = pio_in32(CF8);

    pio_out32(CF8, cf8);
    v = size == 1 ? pio_in8(port) : size == 2 ? pio_in16(port) : pio_in32(port);
    pio_out32(CF8, old);
    spin_unlock_irq(&lock, f);
    return v;
}

static void port_write(uint32_t cf8, uint16_t port, unsigned size, uint32_t v)
{
    irqflags_t f = spin_lock_irq(&lock);
    uint32_t old = pio_in32(CF8);

    pio_out32(CF8, cf8);
    if (size == 1)
        pio_out8(port, (uint8_t)v);
    else if (size == 2)
        pio_out16(port, (uint16_t)v);
    else
        pio_out32(port, v);
    pio_out32(CF8, old);
    spin_unlock_irq(&lock, f);
}

static uint32_t cf8_of(sbdf_t dev, unsigned reg)
{
    return CF8_ENABLE | (dev.n & 0xffff) << 8 | (reg & 0xfc);
}

static bool by_ports(sbdf_t dev, unsigned reg)
{
    return dev.n >> 16 == 0 && reg < 256;
}

uint32_t pci_read(sbdf_t dev, unsigned reg, unsigned size)
{
    volatile char *p;

    if (by_ports(dev, reg))
        return port_read(cf8_of(dev, reg), (uint16_t)(CFC + (reg & 3)), size);
    p = reg < 4096 ? window_of(dev) : NULL;
    if (!p)
        return size == 1 ? 0xff : size == 2 ? 0xffff : ~0u;
    if (size == 1)
        return *(volatile uint8_t *)(p + reg);
    return size == 2 ? *(volatile uint16_t *)(p + reg) : *(volatile uint32_t *)(p + reg);
}

void pci_write(sbdf_t dev, unsigned reg, unsigned size, uint32_t val)
{
    volatile char *p;

    if (by_ports(dev, reg)) {
        port_write(cf8_of(dev, reg), (uint16_t)(CFC + (reg & 3)), size, val);
        return;
    }
    p = reg < 4096 ? window_of(dev) : NULL;
    if (!p)
        return;
    if (size == 1)
        *(volatile uint8_t *)(p + reg) = (uint8_t)val;
    else if (size == 2)
        *(volatile uint16_t *)(p + reg) = (uint16_t)val;
    else
        *(volatile uint32_t *)(p + reg) = val;
}

uint32_t pci_cf8_read(uint32_t cf8, uint16_t port, unsigned size)
{
    if (!(cf8 & CF8_ENABLE) || (port & 3) + size > 4)
        return size == 1 ? 0xff : size == 2 ? 0xffff : ~0u;
    return port_read(cf8, port, size);
}

void pci_cf8_write(uint32_t cf8, uint16_t port, unsigned size, uint32_t val)
{
    if ((cf8 & CF8_ENABLE) && (port & 3) + size <= 4)
        port_write(cf8, port, size, val);
}

bool pci_has_segment(unsigned seg)
{
    bool found = seg == 0;

    for (unsigned i = 0; i < acpi.mcfgs; i++)
        found |= acpi.mcfg[i].segment == seg;
    return found;
}

int pci_add_mmcfg(paddr_t base, unsigned seg, unsigned bus_start, unsigned bus_end)
{
    for (unsigned i = 0; i < acpi.mcfgs; i++)
        if (acpi.mcfg[i].addr == base && acpi.mcfg[i].segment == seg &&
            acpi.mcfg[i].bus_start == bus_start && acpi.mcfg[i].bus_end == bus_end)
            return 0;
    return -ENODEV;
}
