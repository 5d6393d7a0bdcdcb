/* SPDX-License-Identifier: MIT */
/*
 * Machine irqs: which vector each has, who handles it, and when its line is masked.
 *
 * A vector means the same irq on every CPU, so moving an irq to another CPU is one write
 * to its route. 174 vectors are enough for I/O APIC pins that somebody uses plus
 * message-signalled ones.
 *
 * Level-triggered lines: masked and acknowledged on arrival, unmasked by irq_eoi(). So a
 * guest that takes its time (or never answers) blocks its own line only, not the local
 * APIC's priority class.
 *
 * Locks: `lock` guards all fields of all descriptors but the atomic ones. Delivery takes
 * no lock: it reads `fn`, which irq_unbind() clears, between raising and lowering `busy`,
 * for which irq_sync() waits.
 */
#include "hw/plat/irq.h"
#include "hw/plat/acpi.h"
#include "hw/plat/apic.h"
#include "hw/plat/io.h"
#include "hw/plat/ioapic.h"
#include "hw/plat/irq_msi.h"
#include "hw/plat/msi.h"
#include "hw/plat/nmi.h"
#include "kern/lock.h"
#include "kern/log.h"
#include "lib/errno.h"
#include <stdatomic.h>

#define MASK_FREE 1u /* nobody handles it */
#define MASK_USER 2u /* irq_mask() */
#define MASK_EOI  4u /* arrived, irq_eoi() to come */

struct irq_desc {
    _Atomic(irq_fn) fn;
    void *_Atomic arg;
    _Atomic uint32_t busy; /* CPUs in the handler; pairs with irq_sync's wait */
    _Atomic uint64_t count;
    uint8_t vector; /* 0: none */
    uint8_t masks;  /* MASK_* */
    bool level, low, msi, used;
    uint16_t cpu;
};

static struct irq_desc descs[IRQ_MAX];
static uint16_t by_vector[256]; /* irq + 1, 0: free */
static void (*fixed[256 - 0xe0])(struct hv_cpu_user_regs *r);
static unsigned nr_gsis;
static spinlock_t lock = SPINLOCK_INIT(RANK_IRQ);

unsigned irq_gsi_count(void)
{
    return nr_gsis;
}

static bool valid(unsigned irq)
{
    if (irq >= IRQ_MAX)
        return false;
    return irq < nr_gsis ? ioapic_has(irq) : descs[irq].msi;
}

static bool vector_usable(unsigned v)
{
    return v >= VEC_DEVICE_FIRST && v <= VEC_DEVICE_LAST && v != 0x80 && v != 0x82 &&
           !by_vector[v];
}

/* n vectors in a row, n a power of two, aligned to it; 0: none. Spread over the priority
 * classes. */
static unsigned pick_vectors(unsigned n)
{
    static unsigned next = VEC_DEVICE_FIRST;
    unsigned v = next;

    for (unsigned tries = 0; tries < 256; tries++) {
        unsigned i = 0;

        while (v % n == 0 && i < n && vector_usable(v + i))
            i++;
        if (i == n) {
            next = v + n > VEC_DEVICE_LAST ? VEC_DEVICE_FIRST : v + n;
            return v;
        }
        v = v >= VEC_DEVICE_LAST ? VEC_DEVICE_FIRST : v + 1;
    }
    return 0;
}

static void apply_route(unsigned irq)
{
    struct irq_desc *d = &descs[irq];

    if (d->msi) {
        msi_route(irq, d->vector, apic_id_of(d->cpu));
        msi_mask(irq, d->masks != 0);
    } else {
        ioapic_set(irq, &(struct ioapic_route){d->vector, (uint8_t)apic_id_of(d->cpu),
                                               d->level, d->low, d->masks != 0});
    }
}

static void apply_mask(unsigned irq, uint8_t old)
{
    struct irq_desc *d = &descs[irq];

    if (!old == !d->masks)
        return;
    if (d->msi)
        msi_mask(irq, d->masks != 0);
    else
        ioapic_mask(irq, d->masks != 0);
}

static void change_masks(unsigned irq, uint8_t set, uint8_t clear)
{
    irqflags_t f;
    uint8_t old;

    f = spin_lock_irq(&lock);
    old = descs[irq].masks;
    descs[irq].masks = (uint8_t)((old | set) & ~clear);
    apply_mask(irq, old);
    spin_unlock_irq(&lock, f);
}

int irq_setup_gsi(unsigned gsi, bool level, bool active_low)
{
    struct irq_desc *d;
    irqflags_t f;
    int rc = 0;

    if (gsi >= nr_gsis || !valid(gsi))
        return -EINVAL;
    d = &descs[gsi];
    f = spin_lock_irq(&lock);
    if (d->fn) {
        rc = -EEXIST;
    } else if (d->level != level || d->low != active_low) {
        d->level = level;
        d->low = active_low;
        if (d->vector)
            apply_route(gsi);
    }
    spin_unlock_irq(&lock, f);
    return rc;
}

bool irq_is_level(unsigned irq)
{
    return irq < nr_gsis && descs[irq].level;
}

bool irq_is_reserved(unsigned irq)
{
    return !valid(irq) || (irq < nr_gsis && (irq_is_uart(irq) || nmi_owns_gsi(irq)));
}

int irq_bind(unsigned irq, irq_fn fn, void *arg, unsigned cpu)
{
    struct irq_desc *d;
    unsigned v;
    irqflags_t f;
    int rc;

    if (!valid(irq))
        return -EINVAL;
    d = &descs[irq];
    f = spin_lock_irq(&lock);
    rc = -EBUSY;
    if (d->fn)
        goto out;
    if (!d->vector) {
        v = pick_vectors(1);
        rc = -ENOSPC;
        if (!v)
            goto out;
        by_vector[v] = (uint16_t)(irq + 1);
        d->vector = (uint8_t)v;
    }
    d->cpu = (uint16_t)cpu;
    atomic_store(&d->arg, arg);
    atomic_store(&d->fn, fn);
    d->masks = 0;
    apply_route(irq);
    rc = 0;
out:
    spin_unlock_irq(&lock, f);
    return rc;
}

void irq_unbind(unsigned irq)
{
    struct irq_desc *d;
    irqflags_t f;

    if (!valid(irq))
        return;
    d = &descs[irq];
    f = spin_lock_irq(&lock);
    atomic_store(&d->fn, NULL);
    d->masks = MASK_FREE;
    apply_route(irq);
    if (!d->msi && d->vector) {
        by_vector[d->vector] = 0;
        d->vector = 0;
    }
    spin_unlock_irq(&lock, f);
}

void irq_sync(unsigned irq)
{
    while (irq < IRQ_MAX && atomic_load(&descs[irq].busy))
        cpu_relax();
}

void irq_eoi(unsigned irq)
{
    if (irq_is_level(irq))
        change_masks(irq, 0, MASK_EOI);
}

void irq_mask(unsigned irq)
{
    if (valid(irq))
        change_masks(irq, MASK_USER, 0);
}

void irq_unmask(unsigned irq)
{
    if (valid(irq))
        change_masks(irq, 0, MASK_USER);
}

int irq_set_cpu(unsigned irq, unsigned cpu)
{
    irqflags_t f;

    if (!valid(irq) || cpu >= cpu_count())
        return -EINVAL;
    f = spin_lock_irq(&lock);
    if (descs[irq].cpu != cpu) {
        descs[irq].cpu = (uint16_t)cpu;
        if (descs[irq].vector)
            apply_route(irq);
    }
    spin_unlock_irq(&lock, f);
    return 0;
}

uint64_t irq_counter(unsigned irq)
{
    return irq < IRQ_MAX ? descs[irq].count : 0;
}

/* ---- message-signalled irqs' numbers ---- */

static int find_irqs(unsigned n)
{
    for (unsigned i = nr_gsis; i + n <= IRQ_MAX; i++) {
        unsigned k = 0;

        while (k < n && !descs[i + k].used)
            k++;
        if (k == n)
            return (int)i;
    }
    return -1;
}

int irq_alloc_msi(unsigned n)
{
    irqflags_t f = spin_lock_irq(&lock);
    unsigned align = 1, v;
    int first = -ENOSPC;

    while (align < n)
        align *= 2;
    v = pick_vectors(align);
    if (v)
        first = find_irqs(n);
    if (first < 0) {
        spin_unlock_irq(&lock, f);
        return -ENOSPC;
    }
    for (unsigned i = 0; i < n; i++) {
        struct irq_desc *d =
            &descs[(unsigned)first + i]; /* busy may still be counting down */

        d->vector = (uint8_t)(v + i);
        d->masks = MASK_FREE;
        d->level = d->low = false;
        d->msi = d->used = true;
        d->cpu = 0;
        atomic_store(&d->count, 0);
        by_vector[v + i] = (uint16_t)((unsigned)first + i + 1);
    }
    spin_unlock_irq(&lock, f);
    return first;
}

void irq_free_msi(unsigned irq)
{
    irqflags_t f = spin_lock_irq(&lock);

    by_vector[descs[irq].vector] = 0;
    descs[irq].vector = 0;
    descs[irq].used = descs[irq].msi = false;
    spin_unlock_irq(&lock, f);
}

uint8_t irq_vector(unsigned irq)
{
    return descs[irq].vector;
}

void irq_reroute(unsigned irq)
{
    irqflags_t f = spin_lock_irq(&lock);

    apply_route(irq);
    spin_unlock_irq(&lock, f);
}

/* ---- delivery ---- */

void irq_set_vector(uint8_t vector, void (*fn)(struct hv_cpu_user_regs *r))
{
    ASSERT(vector >= 0xe0);
    fixed[vector - 0xe0] = fn;
}

static void device_irq(unsigned irq)
{
    struct irq_desc *d = &descs[irq];
    irq_fn fn;

    if (d->level)
        change_masks(irq, MASK_EOI, 0);
    apic_eoi();
    atomic_fetch_add(&d->busy, 1);
    fn = atomic_load(&d->fn);
    if (fn) {
        atomic_fetch_add_explicit(&d->count, 1, memory_order_relaxed);
        fn(irq, atomic_load(&d->arg));
    }
    atomic_fetch_sub(&d->busy, 1);
}

/* The 8259s are masked, but a line that falls at the wrong moment still makes vector 7 of
 * either. These come past the local APIC: no EOI there unless a real one of that number
 * was in service. */
static void pic_irq(unsigned vector)
{
    unsigned n = vector - VEC_PIC_FIRST;

    if (n >= 8)
        pio_out8(0xa0, 0x20);
    pio_out8(0x20, 0x20);
}

void irq_dispatch(struct hv_cpu_user_regs *r)
{
    unsigned v = r->entry_vector & 0xff;

    if (v >= 0xe0) {
        if (v == VEC_SPURIOUS)
            return;
        apic_eoi();
        if (fixed[v - 0xe0])
            fixed[v - 0xe0](r);
    } else if (by_vector[v]) {
        device_irq(by_vector[v] - 1u);
    } else if (v < VEC_DEVICE_FIRST) {
        pic_irq(v);
    } else {
        apic_eoi(); /* was unbound a moment ago */
    }
}

void irq_8259_off(void)
{
    static const uint8_t cmd[2] = {0x20, 0xa0};

    for (unsigned i = 0; i < 2; i++) {
        pio_out8(cmd[i] + 1, 0xff);
        pio_out8(cmd[i], 0x11); /* initialise, four words */
        pio_out8(cmd[i] + 1, (uint8_t)(VEC_PIC_FIRST + 8 * i));
        pio_out8(cmd[i] + 1, i ? 2 : 4); /* cascade on line 2 */
        pio_out8(cmd[i] + 1, 1);
        pio_out8(cmd[i] + 1, 0xff);
    }
}

void irq_init(void)
{
    nr_gsis = ioapic_init();
    nr_gsis = MAX(MIN(nr_gsis, (unsigned)IRQ_MAX / 2), 16u);
    for (unsigned i = 0; i < IRQ_MAX; i++)
        descs[i].masks = MASK_FREE;
    for (unsigned i = 16; i < nr_gsis;
         i++) /* PCI's way, until setup_gsi says otherwise */
        descs[i].level = descs[i].low = true;
    for (unsigned i = 0; i < ARRAY_SIZE(acpi.isa); i++) {
        unsigned g = acpi.isa[i].gsi;

        if (!acpi.isa[i].present || g >= nr_gsis)
            continue;
        descs[g].level = acpi.isa[i].level;
        descs[g].low = acpi.isa[i].low;
    }
}
