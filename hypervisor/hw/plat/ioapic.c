/* SPDX-License-Identifier: MIT */
/*
 * I/O APICs. Each has an index and a data register, so each access is two: `lock` keeps
 * them together. The low half of every routing entry is kept in `low`, so that masking is
 * one write.
 *
 * Reference: Intel 82093AA I/O APIC data sheet, "Register Description".
 */
#include "hw/plat/ioapic.h"
#include "hw/plat/acpi.h"
#include "hw/plat/io.h"
#include "kern/console.h"
#include "kern/heap.h"
#include "kern/lock.h"
#include "kern/log.h"
#include "lib/errno.h"
#include "port/irq.h"
#include "port/map.h"

#define REGSEL           0x00
#define WINDOW           0x10
#define REG_VERSION      1
#define REG_ENTRY        0x10
#define ENTRY_NMI        (4u << 8) /* delivery mode; no vector */
#define ENTRY_LOW_ACTIVE (1u << 13)
#define ENTRY_IRR        (1u << 14)
#define ENTRY_LEVEL      (1u << 15)
#define ENTRY_MASKED     (1u << 16)
#define MAX_PINS         240

static struct ioapic {
    volatile char *regs;
    paddr_t addr;
    unsigned base, pins;
    uint32_t low[MAX_PINS]; /* lock */
} chips[ACPI_MAX_IOAPICS];
static unsigned nr_chips;
static spinlock_t lock = SPINLOCK_INIT(RANK_LEAF);

static uint32_t reg_get(struct ioapic *c, unsigned reg)
{
    mmio_write(c->regs + REGSEL, reg);
    return mmio_read(c->regs + WINDOW);
}

static void reg_set(struct ioapic *c, unsigned reg, uint32_t v)
{
    mmio_write(c->regs + REGSEL, reg);
    mmio_write(c->regs + WINDOW, v);
}

static struct ioapic *chip_of(unsigned gsi)
{
    for (unsigned i = 0; i < nr_chips; i++)
        if (gsi >= chips[i].base && gsi - chips[i].base < chips[i].pins)
            return &chips[i];
    return NULL;
}

static bool chip_init(struct ioapic *c, unsigned n)
{
    uint32_t version;

    c->addr = acpi.ioapic[n].addr;
    c->base = acpi.ioapic[n].gsi_base;
    c->regs = map_io(c->addr, PAGE_SIZE);
    if (!c->regs)
        return false;
    version = reg_get(c, REG_VERSION);
    if (version == ~0u) {
        log_warn("I/O APIC at %#lx does not answer\n", (unsigned long)c->addr);
        return false;
    }
    c->pins = MIN((version >> 16 & 0xff) + 1, (uint32_t)MAX_PINS);
    for (unsigned pin = 0; pin < c->pins; pin++) {
        c->low[pin] = ENTRY_MASKED;
        reg_set(c, REG_ENTRY + 2 * pin, ENTRY_MASKED);
    }
    return true;
}

/* Debug key 'z': every pin that is routed. */
static void dump(void)
{
    for (unsigned i = 0; i < nr_chips; i++) {
        struct ioapic *c = &chips[i];

        log_info("IO APIC %u at %#lx: GSIs %u to %u\n", i, (unsigned long)c->addr,
                 c->base, c->base + c->pins - 1);
        for (unsigned pin = 0; pin < c->pins; pin++) {
            irqflags_t f = spin_lock_irq(&lock);
            uint32_t low = reg_get(c, REG_ENTRY + 2 * pin),
                     high = reg_get(c, REG_ENTRY + 2 * pin + 1);

            spin_unlock_irq(&lock, f);
            if (low & 0xff)
                log_info("  pin %u: vector %#x, to APIC %u, %s, active %s%s%s\n", pin,
                         low & 0xff, high >> 24, low & ENTRY_LEVEL ? "level" : "edge",
                         low & ENTRY_LOW_ACTIVE ? "low" : "high",
                         low & ENTRY_MASKED ? ", masked" : "",
                         low & ENTRY_IRR ? ", in service" : "");
        }
    }
}

unsigned ioapic_init(void)
{
    unsigned top = 0;

    debug_key_add('z', "dump IOAPIC info", dump);

    for (unsigned i = 0; i < acpi.ioapics; i++) {
        struct ioapic *c = &chips[nr_chips];

        if (!chip_init(c, i))
            continue;
        nr_chips++;
        top = MAX(top, c->base + c->pins);
    }
    return top;
}

bool ioapic_has(unsigned gsi)
{
    return chip_of(gsi) != NULL;
}

void ioapic_set(unsigned gsi, const struct ioapic_route *r)
{
    struct ioapic *c = chip_of(gsi);
    unsigned pin;
    uint32_t low;
    irqflags_t f;

    if (!c)
        return;
    pin = gsi - c->base;
    low = r->vector | (r->low ? ENTRY_LOW_ACTIVE : 0) | (r->level ? ENTRY_LEVEL : 0) |
          (r->masked ? ENTRY_MASKED : 0) | (r->nmi ? ENTRY_NMI : 0);
    f = spin_lock_irq(&lock);
    if (c->low[pin] == low) { /* only the destination: one write, so no edge gets lost */
        reg_set(c, REG_ENTRY + 2 * pin + 1, (uint32_t)r->dest << 24);
        spin_unlock_irq(&lock, f);
        return;
    }
    /* Masked while the destination changes: the halves are not written at once. */
    reg_set(c, REG_ENTRY + 2 * pin, c->low[pin] | ENTRY_MASKED);
    reg_set(c, REG_ENTRY + 2 * pin + 1, (uint32_t)r->dest << 24);
    reg_set(c, REG_ENTRY + 2 * pin, low);
    c->low[pin] = low;
    spin_unlock_irq(&lock, f);
}

void ioapic_mask(unsigned gsi, bool masked)
{
    struct ioapic *c = chip_of(gsi);
    uint32_t *low;
    irqflags_t f;

    if (!c)
        return;
    low = &c->low[gsi - c->base];
    f = spin_lock_irq(&lock);
    *low = masked ? *low | ENTRY_MASKED : *low & ~ENTRY_MASKED;
    reg_set(c, REG_ENTRY + 2 * (gsi - c->base), *low);
    spin_unlock_irq(&lock, f);
}

bool ioapic_hidden_frame(unsigned n, paddr_t *addr)
{
    if (n >= nr_chips)
        return false;
    *addr = chips[n].addr;
    return true;
}

static struct ioapic *chip_at(paddr_t base)
{
    for (unsigned i = 0; i < nr_chips; i++)
        if (chips[i].addr == base)
            return &chips[i];
    return NULL;
}

int irq_ioapic_read(paddr_t base, uint32_t reg, uint32_t *val)
{
    struct ioapic *c = chip_at(base);
    irqflags_t f;

    if (!c)
        return -EINVAL;
    f = spin_lock_irq(&lock);
    *val = reg_get(c, reg & 0xff);
    spin_unlock_irq(&lock, f);
    return 0;
}

/* A control domain routes interrupts by setup_gsi; what it writes to routing entries is
 * of no interest: they hold our vectors. Its identification register it may have. */
int irq_ioapic_write(paddr_t base, uint32_t reg, uint32_t val)
{
    struct ioapic *c = chip_at(base);
    irqflags_t f;

    if (!c)
        return -EINVAL;
    if (reg != 0)
        return 0;
    f = spin_lock_irq(&lock);
    reg_set(c, 0, val);
    spin_unlock_irq(&lock, f);
    return 0;
}
