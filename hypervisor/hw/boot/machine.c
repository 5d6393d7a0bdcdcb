/* SPDX-License-Identifier: MIT */
/* The machine comes up around the core (port/cpu.h): this CPU's features, the platform,
 * the other CPUs; and the ways in which it goes down.
 *
 * Bring-up: one CPU at a time gets INIT and SIPI, starts in head.S's trampoline on a page
 * below 1 MiB, and comes out in smp_entry() on its own stack. Reference: Intel SDM volume
 * 3, "MP Initialization Protocol Algorithm for MP Systems". */
#include <stdatomic.h>
#include "hw/boot/boot.h"
#include "hw/cpu/desc.h"
#include "hw/cpu/extable.h"
#include "hw/cpu/features.h"
#include "hw/cpu/ipi.h"
#include "hw/cpu/isolate.h"
#include "hw/cpu/mitigate.h"
#include "hw/cpu/msr.h"
#include "hw/plat/acpi.h"
#include "hw/plat/apic.h"
#include "hw/plat/clock.h"
#include "hw/plat/efi.h"
#include "hw/plat/io.h"
#include "hw/plat/plat.h"
#include "kern/log.h"
#include "kern/param.h"
#include "lib/string.h"
#include "port/cpu.h"

#define START_TIMEOUT_US 200000
#define SECOND_SIPI_US   1000

extern uint8_t trampoline_start[], trampoline_end[];
extern uint32_t trampoline_cr3, trampoline_efer;
extern uint64_t trampoline_stack;
_Noreturn void smp_entry(void); /* from the trampoline */

static _Atomic cpumask_t online = 1;
static unsigned count = 1;

unsigned cpu_count(void)
{
    return count;
}

cpumask_t cpu_online(void)
{
    return atomic_load_explicit(&online, memory_order_relaxed);
}

void machine_init(const struct boot_info *bi)
{
    unsigned max = boot_params.nosmp ? 1 : boot_params.maxcpus;

    features_enable();
    mitigate_patch();
    mitigate_boot();
    /* The 8259s are silenced while the local APIC still listens to them: a request that
     * it has latched from the firmware's timer goes away only so. */
    pio_out8(0x21, 0xff);
    pio_out8(0xa1, 0xff);
    plat_init(bi);
    ipi_init();
    count = MAX(MIN(acpi.cpus, HV_MAX_CPUS), 1u);
    if (max && count > max)
        count = max;
}

void smp_entry(void)
{
    write_cr3(paging_master());
    desc_load();
    features_enable();
    isolate_start_pcid();
    plat_init_ap();
    atomic_fetch_or(&online, cpumask_of(cpu_id()));
    hv_ap_main();
}

/* The highest page of RAM below 640 KiB; 0: none. */
static paddr_t trampoline_page(const struct boot_info *bi)
{
    paddr_t best = 0;
    unsigned i;

    for (i = 0; i < bi->ranges; i++) {
        paddr_t end = MIN(bi->map[i].end, 0xa0000ull) & PAGE_MASK;

        if (bi->map[i].type == 1 && end >= bi->map[i].start + PAGE_SIZE)
            best = end - PAGE_SIZE;
    }
    return best;
}

static void *in_page(paddr_t page, const void *what)
{
    return (uint8_t *)phys_ptr(page) + ((const uint8_t *)what - trampoline_start);
}

static bool wait_online(unsigned cpu, unsigned us)
{
    for (; us; us -= 10) {
        if (cpu_online() & cpumask_of(cpu))
            return true;
        clock_delay_us(10);
    }
    return cpu_online() & cpumask_of(cpu);
}

static bool start(unsigned cpu, paddr_t page)
{
    uint64_t sp = (uint64_t)&desc_cpu_info(cpu)->regs;
    uint32_t id = acpi.apic_id[cpu];

    memcpy(in_page(page, &trampoline_stack), &sp, sizeof(sp));
    apic_send_init(id);
    clock_delay_us(10); /* processors of this century need no 10 ms */
    apic_send_sipi(id, (uint8_t)(page >> PAGE_SHIFT));
    if (wait_online(cpu, SECOND_SIPI_US))
        return true;
    apic_send_sipi(id, (uint8_t)(page >> PAGE_SHIFT));
    return wait_online(cpu, START_TIMEOUT_US);
}

void machine_start_cpus(void)
{
    paddr_t page = trampoline_page(&boot_info);
    uint32_t cr3 = (uint32_t)paging_trampoline_cr3(),
             efer = EFER_LME | EFER_NXE | EFER_SCE;
    unsigned cpu, up = 1;

    if (count > 1 && !page) {
        log_warn("no RAM below 640 KiB to start other processors from; using one");
        count = 1;
    }
    if (count == 1) {
        log_info("1 of 1 CPUs up");
        return;
    }
    memcpy(phys_ptr(page), trampoline_start, (size_t)(trampoline_end - trampoline_start));
    memcpy(in_page(page, &trampoline_cr3), &cr3, sizeof(cr3));
    memcpy(in_page(page, &trampoline_efer), &efer, sizeof(efer));
    paging_trampoline(true);
    for (cpu = 1; cpu < count; cpu++) {
        desc_create(cpu);
        isolate_create(cpu);
        if (start(cpu, page))
            up++;
        else
            log_warn("CPU %u (APIC id %u) does not start", cpu, acpi.apic_id[cpu]);
    }
    paging_trampoline(false);
    log_info("%u of %u CPUs up", up, count);
}

void cpu_idle(void)
{
    if (mitigations.verw)
        cpu_verw();
    __asm__ volatile("sti; hlt" : : : "memory");
    if (mitigations.verw)
        cpu_verw();
}

void cpu_halt_forever(void)
{
    for (;;)
        __asm__ volatile("cli; hlt");
}

void machine_restart(void)
{
    static const struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) no_idt = {0, 0};

    irq_disable();
    efi_reset();
    acpi_reset();
    pio_out8(0xcf9, 0x02);
    pio_out8(0xcf9, 0x06);
    pio_out8(0x64, 0xfe);
    clock_delay_us(50000);
    __asm__ volatile("lidt %0; int3" : : "m"(no_idt));
    cpu_halt_forever();
}

void machine_poweroff(void)
{
    acpi_poweroff();
    log_err("power off does not work here: the machine is halted");
    cpu_halt_forever();
}
