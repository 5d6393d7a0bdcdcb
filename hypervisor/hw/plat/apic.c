/* SPDX-License-Identifier: MIT */
/*
 * The local APIC. xAPIC by default: x2APIC without interrupt remapping is only safe when
 * firmware turned it on, or needed when APIC ids do not fit eight bits.
 *
 * All state but the mode and the CPU number -> APIC id table is in the APICs themselves.
 * The two halves of an xAPIC interrupt command are written with interrupts off, so that
 * no handler can send in between.
 *
 * Reference: Intel 64 and IA-32 Architectures SDM vol. 3, "Advanced Programmable
 * Interrupt Controller (APIC)".
 */
#include "hw/plat/apic.h"
#include "hw/plat/acpi.h"
#include "hw/plat/io.h"
#include "hw/plat/irq.h"
#include "kern/log.h"
#include "port/map.h"

#define MSR_APIC_BASE    0x1b
#define BASE_X2          (1u << 10)
#define BASE_ON          (1u << 11)
#define MSR_TSC_DEADLINE 0x6e0
#define MSR_X2APIC       0x800

#define REG_ID           0x020
#define REG_VERSION      0x030
#define REG_TPR          0x080
#define REG_EOI          0x0b0
#define REG_SPURIOUS     0x0f0
#define REG_ISR          0x100
#define REG_ESR          0x280
#define REG_ICR          0x300
#define REG_ICR_HIGH     0x310
#define REG_LVT_TIMER    0x320
#define REG_LVT_THERMAL  0x330
#define REG_LVT_PERF     0x340
#define REG_LVT_LINT0    0x350
#define REG_LVT_LINT1    0x360
#define REG_LVT_ERROR    0x370
#define REG_TIMER_INIT   0x380
#define REG_TIMER_NOW    0x390
#define REG_TIMER_DIV    0x3e0

#define LVT_MASKED       (1u << 16)
#define LVT_NMI          (4u << 8)
#define LVT_DEADLINE     (2u << 17)
#define SPURIOUS_APIC_ON (1u << 8)
#define ICR_FIXED        0u
#define ICR_NMI          (4u << 8)
#define ICR_INIT         (5u << 8)
#define ICR_STARTUP      (6u << 8)
#define ICR_BUSY         (1u << 12)
#define ICR_ASSERT       (1u << 14)
#define DIV_BY_1         0xbu

static volatile char *regs; /* NULL in x2APIC mode */
static bool x2, use_deadline;
static uint32_t ids[HV_MAX_CPUS];

static uint32_t reg_get(unsigned reg)
{
    return x2 ? (uint32_t)msr_get(MSR_X2APIC + (reg >> 4)) : mmio_read(regs + reg);
}

static void reg_set(unsigned reg, uint32_t v)
{
    if (x2)
        msr_set(MSR_X2APIC + (reg >> 4), v);
    else
        mmio_write(regs + reg, v);
}

void apic_init(void)
{
    uint64_t base = msr_get(MSR_APIC_BASE);
    struct cpuid_regs f = cpuid_get(1, 0);
    bool need_x2 = false;

    if (!(f.d & 1u << 9))
        panic("this CPU has no local APIC, or firmware has turned it off\n");
    for (unsigned i = 0; i < acpi.cpus; i++)
        need_x2 |= acpi.apic_id[i] >= 0xff;
    x2 = (base & BASE_X2) || (need_x2 && (f.c & 1u << 21));
    use_deadline = f.c & 1u << 24;
    if (x2)
        return;
    regs = map_io(acpi.lapic ? acpi.lapic : base & 0xffffff000ull, PAGE_SIZE);
    if (!regs)
        panic("no room to map the local APIC\n");
}

/* A handler that firmware or a crashed kernel left in the middle would block all lower
 * vectors. */
static void drain_in_service(void)
{
    for (unsigned round = 0; round < 256; round++) {
        uint32_t any = 0;

        for (unsigned i = 0; i < 8; i++)
            any |= reg_get(REG_ISR + i * 0x10);
        if (!any)
            return;
        apic_eoi();
    }
}

void apic_init_cpu(void)
{
    unsigned max_lvt;

    msr_set(MSR_APIC_BASE, msr_get(MSR_APIC_BASE) | BASE_ON);
    if (x2)
        msr_set(MSR_APIC_BASE, msr_get(MSR_APIC_BASE) | BASE_ON | BASE_X2);
    ids[cpu_id()] = apic_id();
    max_lvt = reg_get(REG_VERSION) >> 16 & 0xff;
    reg_set(REG_TPR, 0);
    reg_set(REG_SPURIOUS, SPURIOUS_APIC_ON | VEC_SPURIOUS);
    reg_set(REG_LVT_LINT0, LVT_MASKED);
    reg_set(REG_LVT_LINT1, cpu_id() == 0 ? LVT_NMI : LVT_NMI | LVT_MASKED);
    if (max_lvt >= 4)
        reg_set(REG_LVT_PERF, LVT_MASKED);
    if (max_lvt >= 5)
        reg_set(REG_LVT_THERMAL, LVT_MASKED);
    reg_set(REG_ESR, 0);
    reg_set(REG_LVT_ERROR, VEC_ERROR);
    reg_set(REG_TIMER_DIV, DIV_BY_1);
    reg_set(REG_LVT_TIMER, VEC_TIMER | (use_deadline ? LVT_DEADLINE : 0));
    /* "software must ... serialize" the switch to deadline mode and the first write of
     * the deadline. */
    __asm__ volatile("mfence" : : : "memory");
    if (use_deadline)
        apic_timer_set_tsc(0);
    else
        apic_timer_set_count(0);
    drain_in_service();
}

uint32_t apic_id(void)
{
    return x2 ? reg_get(REG_ID) : reg_get(REG_ID) >> 24;
}

uint32_t apic_id_of(unsigned cpu)
{
    return ids[cpu];
}

bool apic_x2(void)
{
    return x2;
}

void apic_eoi(void)
{
    if (x2)
        msr_set(MSR_X2APIC + (REG_EOI >> 4), 0);
    else
        mmio_write(regs + REG_EOI, 0);
}

static void icr_send(uint32_t dest, uint32_t cmd)
{
    irqflags_t f;

    if (x2) {
        /* An x2APIC write does not order earlier stores: what the handler shall see must
         * be out. */
        __asm__ volatile("mfence; lfence" : : : "memory");
        msr_set(MSR_X2APIC + (REG_ICR >> 4), (uint64_t)dest << 32 | cmd);
        return;
    }
    f = irq_save();
    for (unsigned i = 0; i < 100000 && (mmio_read(regs + REG_ICR) & ICR_BUSY); i++)
        cpu_relax();
    mmio_write(regs + REG_ICR_HIGH, dest << 24);
    mmio_write(regs + REG_ICR, cmd);
    irq_restore(f);
}

void apic_send_ipi(unsigned cpu, uint8_t vector)
{
    icr_send(ids[cpu], ICR_FIXED | ICR_ASSERT | vector);
}

void apic_send_ipi_mask(cpumask_t cpus, uint8_t vector)
{
    for (; cpus; cpus &= cpus - 1)
        apic_send_ipi((unsigned)__builtin_ctzll(cpus), vector);
}

void apic_send_nmi(unsigned cpu)
{
    icr_send(ids[cpu], ICR_NMI | ICR_ASSERT);
}

void apic_send_init(uint32_t apicid)
{
    icr_send(apicid, ICR_INIT | ICR_ASSERT);
}

void apic_send_sipi(uint32_t apicid, uint8_t page)
{
    icr_send(apicid, ICR_STARTUP | ICR_ASSERT | page);
}

bool apic_timer_deadline(void)
{
    return use_deadline;
}

void apic_timer_set_tsc(uint64_t tsc)
{
    msr_set(MSR_TSC_DEADLINE, tsc);
}

void apic_timer_set_count(uint32_t n)
{
    reg_set(REG_TIMER_INIT, n);
}

uint32_t apic_timer_left(void)
{
    return reg_get(REG_TIMER_NOW);
}

static void on_error(struct hv_cpu_user_regs *r)
{
    uint32_t esr;

    reg_set(REG_ESR, 0);
    esr = reg_get(REG_ESR);
    log_warn("CPU%u: local APIC error %#x\n", cpu_id(), esr);
}

void apic_set_handlers(void)
{
    irq_set_vector(VEC_ERROR, on_error);
}
