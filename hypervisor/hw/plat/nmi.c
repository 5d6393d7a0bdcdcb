/* SPDX-License-Identifier: MIT */
/*
 * NMIs at a steady rate, for the watchdog: the 8254's first counter, which nothing else
 * here uses, by way of its I/O APIC pin to all CPUs. Performance counters would do, too,
 * but each processor has its own and emulators have none.
 *
 * Reference: Intel 8254 data sheet, "Mode 2: Rate Generator"; Intel 82093AA I/O APIC data
 * sheet, "Delivery Mode"; UEFI's and ACPI's "Interrupt Source Override Structure".
 */
#include "hw/plat/nmi.h"
#include "hw/plat/acpi.h"
#include "hw/plat/clock.h"
#include "hw/plat/io.h"
#include "hw/plat/ioapic.h"
#include "port/cpu.h"

#include <stdatomic.h>

#define PIT_COUNTER0     0x40
#define PIT_CONTROL      0x43
#define COUNTER0_MODE2   0x34 /* both bytes of the count */
#define HZ               18   /* of the longest count, 65536 */
#define ALL_CPUS         0xff /* APIC id */
#define FIRST_TICK_TRIES 200

static _Atomic uint32_t seen;
static bool ticking;

static unsigned pit_gsi(void)
{
    return acpi.isa[0].present ? acpi.isa[0].gsi : 0;
}

void nmi_seen(void)
{
    atomic_store_explicit(&seen, 1, memory_order_relaxed);
}

bool nmi_owns_gsi(unsigned gsi)
{
    return ticking && gsi == pit_gsi();
}

unsigned cpu_nmi_ticks(void)
{
    struct ioapic_route r = {.nmi = true, .dest = ALL_CPUS};

    if (!ioapic_has(pit_gsi()))
        return 0;
    pio_out8(PIT_CONTROL, COUNTER0_MODE2);
    pio_out8(PIT_COUNTER0, 0);
    pio_out8(PIT_COUNTER0, 0);
    ioapic_set(pit_gsi(), &r);
    for (unsigned i = 0; i < FIRST_TICK_TRIES && !atomic_load(&seen); i++)
        clock_delay_us(1000);
    ticking = atomic_load(&seen);
    if (!ticking) {
        r.masked = true;
        ioapic_set(pit_gsi(), &r);
    }
    return ticking ? HZ : 0;
}
