/* SPDX-License-Identifier: MIT */
/*
 * Message-signalled interrupts. The hypervisor owns addresses, data and mask bits of
 * every MSI capability and MSI-X table it hands out; a control domain sets the enable
 * bits in the capabilities itself, as it would on bare hardware, and we set them too, so
 * the order does not matter.
 *
 * Until an irq is bound its vector leads nowhere (irq.c drops it), so a device that fires
 * early does no harm.
 *
 * `lock` guards `slots` and `tables`. msi_route() and msi_mask() run under irq.c's lock,
 * for an irq whose slot cannot change while it exists, and take none.
 *
 * Reference: PCI Local Bus Specification 3.0, "MSI and MSI-X"; Intel SDM vol. 3, "Message
 * Signalled Interrupts".
 */
#include "hw/plat/msi.h"
#include "hw/plat/io.h"
#include "hw/plat/irq_msi.h"
#include "hw/plat/pci.h"
#include "kern/lock.h"
#include "kern/log.h"
#include "lib/errno.h"
#include "port/irq.h"
#include "port/map.h"

#define PCI_COMMAND        0x04
#define PCI_COMMAND_MEMORY 2
#define PCI_STATUS         0x06
#define PCI_STATUS_CAPS    0x10
#define PCI_HEADER         0x0e
#define PCI_BAR            0x10
#define PCI_CAPS           0x34
#define CAP_MSI            0x05
#define CAP_MSIX           0x11

#define MSI_CTRL           2
#define MSI_ENABLE         1u
#define MSI_64             0x80u
#define MSI_MASKABLE       0x100u
#define MSI_ADDR           4
#define MSIX_ENABLE        0x8000u
#define MSIX_MASKALL       0x4000u
#define MSIX_ENTRY         16
#define MSI_TARGET         0xfee00000u

struct table { /* a device's MSI-X table; stays mapped */
    sbdf_t dev;
    paddr_t addr;
    volatile char *regs;
};

struct slot {
    sbdf_t dev;
    unsigned first, n; /* block of MSI irqs this one belongs to */
    uint16_t entry;
    uint8_t cap; /* 0: free */
    bool msix;
    volatile char *regs; /* MSI-X: its table entry */
};

static struct slot slots[IRQ_MAX];
static struct table tables[64];
static spinlock_t lock = SPINLOCK_INIT(RANK_PIRQ + 1);

static unsigned find_cap(sbdf_t dev, unsigned id)
{
    unsigned pos;

    if (pci_read(dev, 0, 2) == 0xffff ||
        !(pci_read(dev, PCI_STATUS, 2) & PCI_STATUS_CAPS))
        return 0;
    pos = pci_read(dev, PCI_CAPS, 1) & 0xfc;
    for (unsigned i = 0; i < 48 && pos >= 0x40; i++) {
        if (pci_read(dev, pos, 1) == id)
            return pos;
        pos = pci_read(dev, pos + 1, 1) & 0xfc;
    }
    return 0;
}

/* ---- called by irq.c ---- */

void msi_route(unsigned irq, uint8_t vector, uint32_t apic_id)
{
    struct slot *s = &slots[irq];
    uint32_t addr = MSI_TARGET | (apic_id & 0xff) << 12, ctrl;

    if (!s->cap)
        return;
    if (s->msix) {
        mmio_write(s->regs + 0, addr);
        mmio_write(s->regs + 4, 0);
        mmio_write(s->regs + 8, vector);
        return;
    }
    if (irq != s->first) /* one message for the block; the device adds the number */
        return;
    ctrl = pci_read(s->dev, s->cap + MSI_CTRL, 2);
    pci_write(s->dev, s->cap + MSI_ADDR, 4, addr);
    if (ctrl & MSI_64)
        pci_write(s->dev, s->cap + MSI_ADDR + 4, 4, 0);
    pci_write(s->dev, s->cap + (ctrl & MSI_64 ? 12u : 8u), 2, vector);
}

void msi_mask(unsigned irq, bool masked)
{
    struct slot *s = &slots[irq];
    uint32_t ctrl, bits;
    unsigned pos;

    if (!s->cap)
        return;
    if (s->msix) {
        mmio_write(s->regs + 12, masked);
        (void)mmio_read(s->regs + 12); /* it has taken effect */
        return;
    }
    ctrl = pci_read(s->dev, s->cap + MSI_CTRL, 2);
    if (!(ctrl & MSI_MASKABLE))
        return;
    pos = s->cap + (ctrl & MSI_64 ? 16u : 12u);
    bits = pci_read(s->dev, pos, 4) & ~(1u << s->entry);
    pci_write(s->dev, pos, 4, bits | (uint32_t)masked << s->entry);
}

/* ---- the device's side ---- */

static paddr_t bar_address(sbdf_t dev, unsigned bir)
{
    uint32_t lo;
    paddr_t a;

    if (bir > 5 || (pci_read(dev, PCI_HEADER, 1) & 0x7f) > 1)
        return 0;
    lo = pci_read(dev, PCI_BAR + 4 * bir, 4);
    if (lo & 1)
        return 0;
    a = lo & ~15u;
    if ((lo & 6) == 4 && bir < 5)
        a |= (paddr_t)pci_read(dev, PCI_BAR + 4 * bir + 4, 4) << 32;
    return a;
}

static volatile char *table_of(sbdf_t dev, unsigned cap, paddr_t told)
{
    uint32_t where = pci_read(dev, cap + 4, 4);
    unsigned entries = (pci_read(dev, cap + MSI_CTRL, 2) & 0x7ff) + 1,
             slot = ARRAY_SIZE(tables);
    paddr_t bar = bar_address(dev, where & 7), a;
    volatile char *p;

    if (!bar)
        bar = told; /* a virtual function's registers read as zero */
    if (!bar || bar != told)
        return NULL;
    a = bar + (where & ~7u);
    for (unsigned i = 0; i < ARRAY_SIZE(tables); i++) {
        if (tables[i].regs && tables[i].dev.n == dev.n && tables[i].addr == a)
            return tables[i].regs;
        if (slot == ARRAY_SIZE(tables) && (!tables[i].regs || tables[i].dev.n == dev.n))
            slot = i;
    }
    if (slot == ARRAY_SIZE(tables))
        return NULL;
    p = map_io(a & PAGE_MASK, (a & ~PAGE_MASK) + entries * MSIX_ENTRY);
    if (!p)
        return NULL;
    tables[slot] = (struct table){dev, a, p + (a & ~PAGE_MASK)};
    return tables[slot].regs;
}

static bool entry_taken(sbdf_t dev, bool msix, unsigned entry)
{
    for (unsigned i = irq_gsi_count(); i < IRQ_MAX; i++)
        if (slots[i].cap && slots[i].dev.n == dev.n &&
            (slots[i].msix != msix || !msix || slots[i].entry == entry))
            return true;
    return false;
}

/* The device's side of a new block; *regs only for MSI-X. */
static int check_device(const struct pci_msi *m, unsigned n, unsigned *cap,
                        volatile char **regs)
{
    uint32_t ctrl;

    *cap = find_cap(m->dev, m->msix ? CAP_MSIX : CAP_MSI);
    if (!*cap)
        return -ENODEV;
    if (entry_taken(m->dev, m->msix, m->entry))
        return -EEXIST;
    ctrl = pci_read(m->dev, *cap + MSI_CTRL, 2);
    if (!m->msix)
        return n > 1u << (ctrl >> 1 & 7) ? -EINVAL : 0;
    if (n != 1 || m->entry > (ctrl & 0x7ff))
        return -EINVAL;
    if (!(pci_read(m->dev, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY))
        return -ENXIO;
    *regs = table_of(m->dev, *cap, m->table_base);
    return *regs ? 0 : -EINVAL;
}

static void set_enable(sbdf_t dev, unsigned cap, bool msix, unsigned n, bool on)
{
    uint32_t ctrl = pci_read(dev, cap + MSI_CTRL, 2);

    if (msix) {
        ctrl = on ? (ctrl | MSIX_ENABLE) & ~MSIX_MASKALL : ctrl & ~MSIX_ENABLE;
    } else {
        ctrl &= ~(MSI_ENABLE | 7u << 4);
        if (on)
            ctrl |= MSI_ENABLE | (n > 1 ? 32u - (uint32_t)__builtin_clz(n - 1) : 0) << 4;
    }
    pci_write(dev, cap + MSI_CTRL, 2, ctrl);
}

int pci_msi_alloc(const struct pci_msi *m, unsigned n, unsigned *irq)
{
    volatile char *regs = NULL;
    unsigned cap;
    int rc, first;

    if (!n || n > 32)
        return -EINVAL;
    spin_lock(&lock);
    rc = check_device(m, n, &cap, &regs);
    if (rc)
        goto out;
    first = irq_alloc_msi(n);
    if (first < 0) {
        rc = first;
        goto out;
    }
    for (unsigned i = 0; i < n; i++)
        slots[(unsigned)first + i] = (struct slot){
            .dev = m->dev,
            .first = (unsigned)first,
            .n = n,
            .entry = m->msix ? m->entry : (uint16_t)i,
            .cap = (uint8_t)cap,
            .msix = m->msix,
            .regs = regs ? regs + m->entry * MSIX_ENTRY : NULL,
        };
    for (unsigned i = 0; i < n; i++)
        irq_reroute((unsigned)first + i);
    set_enable(m->dev, cap, m->msix, n, true);
    *irq = (unsigned)first;
out:
    spin_unlock(&lock);
    return rc;
}

void pci_msi_free(unsigned irq)
{
    struct slot s;
    bool last = true;

    if (irq < irq_gsi_count() || irq >= IRQ_MAX)
        return;
    spin_lock(&lock);
    s = slots[irq];
    if (s.cap) {
        msi_mask(irq, true);
        slots[irq].cap = 0;
        irq_free_msi(irq);
        for (unsigned i = irq_gsi_count(); i < IRQ_MAX; i++)
            last &= !(slots[i].cap && slots[i].dev.n == s.dev.n);
        if (last)
            set_enable(s.dev, s.cap, s.msix, 1, false);
    }
    spin_unlock(&lock);
}

int pci_msi_restore(sbdf_t dev)
{
    if (pci_read(dev, 0, 2) == 0xffff)
        return -ENODEV;
    spin_lock(&lock);
    for (unsigned i = irq_gsi_count(); i < IRQ_MAX; i++) {
        if (!slots[i].cap || slots[i].dev.n != dev.n)
            continue;
        irq_reroute(i);
        set_enable(dev, slots[i].cap, slots[i].msix, slots[i].n, true);
    }
    spin_unlock(&lock);
    return 0;
}

int pci_msix_prepare(sbdf_t dev, bool release)
{
    return find_cap(dev, CAP_MSIX) ? 0 : -ENODEV;
}
