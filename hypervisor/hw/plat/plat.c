/* SPDX-License-Identifier: MIT */
/* The platform's beginnings in their order, what the control domain may not touch. */
#include "hw/plat/plat.h"
#include "hw/plat/acpi.h"
#include "hw/plat/apic.h"
#include "hw/plat/clock.h"
#include "hw/plat/console.h"
#include "hw/plat/efi.h"
#include "hw/plat/io.h"
#include "hw/plat/ioapic.h"
#include "hw/plat/irq.h"
#include "kern/log.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "port/console.h"
#include "port/platform.h"
#include "port/upcall.h"

void plat_init(const struct boot_info *bi)
{
    console_init_vga();
    acpi_init(bi);
    efi_init(bi);
    irq_8259_off();
    apic_init();
    apic_init_cpu();
    irq_init();
    apic_set_handlers();
    clock_init();
}

void plat_init_ap(void)
{
    apic_init_cpu();
    clock_init_ap();
}

void plat_init_late(void)
{
    static bool done;

    if (!done)
        clock_check_stable();
    done = true;
}

/* ---- what is ours ---- */

void platform_hidden_ports(void (*fn)(void *arg, unsigned first, unsigned last),
                           void *arg)
{
    fn(arg, 0x20, 0x21); /* 8259s */
    fn(arg, 0xa0, 0xa1);
    fn(arg, 0x4d0, 0x4d1);
    fn(arg, 0x40, 0x43); /* 8254, but for the speaker's gate at 0x61 */
    console_hidden_ports(fn, arg);
}

void platform_hidden_frames(void (*fn)(void *arg, uint64_t first, uint64_t last),
                            void *arg)
{
    paddr_t a;

    for (unsigned i = 0; ioapic_hidden_frame(i, &a); i++)
        fn(arg, a >> PAGE_SHIFT, a >> PAGE_SHIFT);
    fn(arg, 0xfee00, 0xfeeff); /* local APICs, and where messages go */
    if (acpi.lapic)
        fn(arg, acpi.lapic >> PAGE_SHIFT, acpi.lapic >> PAGE_SHIFT);
}

int platform_sleep(unsigned state, uint16_t a, uint16_t b)
{
    if (state != 5)
        return -EINVAL; /* S3 needs the whole machine's state saved */
    if (!acpi.pm1a_cnt.address)
        return -EIO;
    log_info("Power off\n");
    irq_disable();
    acpi_enter_sleep(a, b);
    return -EIO;
}

bool platform_cpu_ids(unsigned cpu, uint32_t *apic, uint32_t *id)
{
    if (cpu >= cpu_count())
        return false;
    *apic = apic_id_of(cpu);
    *id = 0;
    for (unsigned i = 0; i < acpi.cpus; i++)
        if (acpi.apic_id[i] == *apic)
            *id = acpi.acpi_id[i];
    return true;
}

void platform_cpu_version(struct platform_cpu_version *v)
{
    struct cpuid_regs r = cpuid_get(0, 0);
    uint32_t s = cpuid_get(1, 0).a;

    memcpy(v->vendor, &r.b, 4);
    memcpy(v->vendor + 4, &r.d, 4);
    memcpy(v->vendor + 8, &r.c, 4);
    v->family = (s >> 8 & 15) + ((s >> 8 & 15) == 15 ? s >> 20 & 0xff : 0);
    v->model = s >> 4 & 15;
    if ((s >> 8 & 15) >= 6)
        v->model |= s >> 12 & 0xf0;
    v->stepping = s & 15;
}
