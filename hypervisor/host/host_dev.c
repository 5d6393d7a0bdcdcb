/* SPDX-License-Identifier: MIT */
/* The host port: console, interrupts, PCI, firmware, privileged instructions; all with
 * nothing behind them. */
#include "host/host.h"
#include "lib/errno.h"
#include "port/console.h"
#include "port/irq.h"
#include "port/pci.h"
#include "port/platform.h"
#include "port/priv.h"
#include "port/unpack.h"

#include <string.h>

/* port/console.h */
static char output[1u << 20];
static size_t output_len;

void console_early_init(const char *cmdline)
{
}
void console_late_init(void)
{
}
void console_set_input(void (*fn)(char c))
{
}
void console_write(const char *s, size_t n)
{
    n = MIN(n, sizeof(output) - 1 - output_len);
    memcpy(output + output_len, s, n);
    output_len += n;
    output[output_len] = '\0';
}
const char *host_console(void)
{
    return output;
}
void host_console_clear(void)
{
    output[output_len = 0] = '\0';
}

/* port/irq.h: 24 pins, the odd ones from 17 on are level-triggered. */
#define GSIS 24
static struct irq_state {
    irq_fn fn;
    void *arg;
    bool masked;
    uint64_t count;
} irqs[IRQ_MAX];

unsigned irq_gsi_count(void)
{
    return GSIS;
}
int irq_setup_gsi(unsigned gsi, bool level, bool active_low)
{
    return gsi < GSIS ? 0 : -EINVAL;
}
bool irq_is_level(unsigned irq)
{
    return irq >= 16 && irq < GSIS;
}
bool irq_is_reserved(unsigned irq)
{
    return irq >= IRQ_MAX;
}
int irq_bind(unsigned irq, irq_fn fn, void *arg, unsigned cpu)
{
    if (irq >= IRQ_MAX)
        return -EINVAL;
    if (irqs[irq].fn)
        return -EBUSY;
    irqs[irq] = (struct irq_state){fn, arg, false, 0};
    return 0;
}
void irq_unbind(unsigned irq)
{
    irqs[irq].fn = NULL;
}
void irq_sync(unsigned irq)
{
}
void irq_eoi(unsigned irq)
{
    irqs[irq].masked = false;
}
void irq_mask(unsigned irq)
{
    irqs[irq].masked = true;
}
void irq_unmask(unsigned irq)
{
    irqs[irq].masked = false;
}
int irq_set_cpu(unsigned irq, unsigned cpu)
{
    return 0;
}
uint64_t irq_counter(unsigned irq)
{
    return irqs[irq].count;
}
int irq_ioapic_read(paddr_t base, uint32_t reg, uint32_t *val)
{
    return -EINVAL;
}
int irq_ioapic_write(paddr_t base, uint32_t reg, uint32_t val)
{
    return -EINVAL;
}
bool host_irq_fire(unsigned irq)
{
    struct irq_state *s = &irqs[irq];
    irqflags_t f;

    if (!s->fn || s->masked)
        return false;
    s->masked = irq_is_level(irq);
    s->count++;
    f = irq_save();
    s->fn(irq, s->arg);
    irq_restore(f);
    return true;
}

/* port/pci.h: an empty bus. */
uint32_t pci_read(sbdf_t dev, unsigned reg, unsigned size)
{
    return ~0u;
}
void pci_write(sbdf_t dev, unsigned reg, unsigned size, uint32_t val)
{
}
uint32_t pci_cf8_read(uint32_t cf8, uint16_t port, unsigned size)
{
    return ~0u;
}
void pci_cf8_write(uint32_t cf8, uint16_t port, unsigned size, uint32_t val)
{
}
bool pci_has_segment(unsigned seg)
{
    return seg == 0;
}
int pci_add_mmcfg(paddr_t base, unsigned seg, unsigned bus_start, unsigned bus_end)
{
    return -ENODEV;
}
int pci_msi_alloc(const struct pci_msi *m, unsigned n, unsigned *irq)
{
    static unsigned next = GSIS;

    if (next + n > IRQ_MAX)
        return -ENOSPC;
    *irq = next;
    next += n;
    return 0;
}
void pci_msi_free(unsigned irq)
{
}
int pci_msi_restore(sbdf_t dev)
{
    return -ENODEV;
}
int pci_msix_prepare(sbdf_t dev, bool release)
{
    return -ENODEV;
}

/* port/platform.h */
void platform_hidden_ports(void (*fn)(void *arg, unsigned first, unsigned last),
                           void *arg)
{
    fn(arg, 0x20, 0x21);
}
void platform_hidden_frames(void (*fn)(void *arg, uint64_t first, uint64_t last),
                            void *arg)
{
    fn(arg, 0xfee00, 0xfee00);
}
size_t platform_vga_info(struct hv_dom0_vga_console_info *info)
{
    return 0;
}
void platform_vga_handover(void)
{
}
int platform_sleep(unsigned state, uint16_t pm1a_cnt, uint16_t pm1b_cnt)
{
    return -ENOSYS;
}
size_t platform_build_id(const void **id)
{
    *id = "\1\2\3";
    return 3;
}

const char *platform_symbol(uint32_t n, uint64_t *addr)
{
    static const char *const names[] = {"first", "second"};

    *addr = n;
    return n < ARRAY_SIZE(names) ? names[n] : NULL;
}
bool platform_cpu_ids(unsigned cpu, uint32_t *apic_id, uint32_t *acpi_id)
{
    *apic_id = *acpi_id = cpu;
    return cpu < cpu_count();
}
struct host_efi host_efi;
bool platform_efi_info(struct platform_efi *e)
{
    if (host_efi.call)
        *e = host_efi.info;
    return host_efi.call;
}
bool platform_efi_memory(paddr_t addr, struct platform_efi_range *r)
{
    *r = host_efi.range;
    return host_efi.call && addr >= r->start && addr < r->end;
}
int platform_efi_call(unsigned function, const uint64_t arg[EFI_ARGS], uint64_t *status)
{
    if (!host_efi.call)
        return -EOPNOTSUPP;
    *status = host_efi.call(function, arg);
    return 0;
}
void platform_cpu_version(struct platform_cpu_version *v)
{
    *v = (struct platform_cpu_version){.family = 6};
}
uint8_t platform_cmos_read(uint8_t index)
{
    return 0;
}
void platform_cmos_write(uint8_t index, uint8_t val)
{
}

/* port/priv.h */
static vaddr_t fault_va;
vaddr_t cpu_fault_va(void)
{
    return fault_va;
}
void cpu_set_fault_va(vaddr_t va)
{
    fault_va = va;
}
void (*host_cpuid)(uint32_t leaf, uint32_t subleaf, struct cpuid_regs *out);
void cpu_cpuid(uint32_t leaf, uint32_t subleaf, struct cpuid_regs *out)
{
    *out = (struct cpuid_regs){0};
    if (host_cpuid)
        host_cpuid(leaf, subleaf, out);
}
struct host_msr host_msrs[32];
static struct host_msr *find_msr(uint32_t msr)
{
    for (unsigned i = 0; msr && i < ARRAY_SIZE(host_msrs); i++)
        if (host_msrs[i].msr == msr)
            return &host_msrs[i];
    return NULL;
}
bool cpu_rdmsr(uint32_t msr, uint64_t *val)
{
    const struct host_msr *m = find_msr(msr);

    if (m)
        *val = m->val;
    return m;
}
void cpu_mtrr_write(struct cpu_mtrr_meeting *m, uint32_t msr, uint64_t base,
                    uint64_t mask)
{
    find_msr(msr)->val = base;
    find_msr(msr + 1)->val = mask;
}
bool (*host_wrmsr)(uint32_t msr, uint64_t val);
bool cpu_wrmsr(uint32_t msr, uint64_t val)
{
    return host_wrmsr && host_wrmsr(msr, val);
}
uint32_t io_in(uint16_t port, unsigned size)
{
    return size == 4 ? ~0u : (1u << 8 * size) - 1;
}
void io_out(uint16_t port, unsigned size, uint32_t val)
{
}
void cpu_flush_caches(void)
{
}

/* port/unpack.h: plain images only. */
int unpack_kernel(const void *image, size_t size, struct unpacked *out, const char **why)
{
    *out = (struct unpacked){.data = (void *)(uintptr_t)image, .size = size};
    return 0;
}
