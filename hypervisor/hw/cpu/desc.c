/* SPDX-License-Identifier: MIT */
/* GDT pages, TSS and IDT.
 *
 * A GDT is 15 pages of which only the last (the desc_page) is the hypervisor's; a CPU
 * without a guest loads a GDTR that points 14 pages before its desc_page, of which it
 * uses nothing but that page. Reference: AMD64 Architecture Programmer's Manual volume 2,
 * "Segmented Virtual Memory", "SYSCALL and SYSRET Instructions". */
#include "hw/cpu/desc.h"
#include "hw/boot/boot.h"
#include "hw/cpu/msr.h"
#include "kern/softirq.h"
#include "lib/string.h"
#include "port/cpu.h"

#define DESC_CODE64(dpl) (0x00a09b0000000000ull | (uint64_t)(dpl) << 45)
#define DESC_CODE32(dpl) (0x00cf9b000000ffffull | (uint64_t)(dpl) << 45)
#define DESC_DATA(dpl)   (0x00cf93000000ffffull | (uint64_t)(dpl) << 45)
#define SYS_LDT          2ull
#define SYS_TSS          9ull
#define GATE_INTERRUPT   0x8eull

enum { IST_NMI = 1, IST_MC, IST_DB, IST_DF };

struct gate {
    uint64_t lo, hi;
};
static struct gate idt[256] __attribute__((aligned(4096)));
extern const char vector_stubs[], isolated_vectors[]; /* 16 bytes each */
extern const char syscall_stubs[], syscall32_stubs[]; /* SYSCALL_STUB_SIZE bytes each */
extern const char isolated_syscall[], isolated_syscall32[];

static bool isolated; /* entry code is isolate_entry.S's */

struct table_ptr {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

static unsigned gdt_index(unsigned sel)
{
    return (sel - GDT_RESERVED_PAGE * PAGE_SIZE) / 8;
}

static uint64_t slot(unsigned cpu)
{
    return STACKS_START + (uint64_t)cpu * STACK_SLOT;
}

struct cpu_info *desc_cpu_info(unsigned cpu)
{
    return (struct cpu_info *)slot(cpu + 1) - 1;
}

static void set_system(struct desc_page *d, unsigned sel, uint64_t type, uint64_t base,
                       uint64_t limit)
{
    uint64_t *e = &d->gdt[gdt_index(sel)];

    e[1] = base >> 32;
    e[0] = (limit & 0xffff) | (base & 0xffffff) << 16 | (0x80 | type) << 40 |
           (limit >> 16 & 0xf) << 48 | (base >> 24 & 0xff) << 56;
}

static void map_stacks(unsigned cpu)
{
    unsigned i;

    for (i = 0; i < STACK_SLOT / PAGE_SIZE; i++)
        if (STACK_PAGE_MASK >> i & 1)
            paging_map(slot(cpu) + i * PAGE_SIZE, boot_page(), PAGE_SIZE, PTE_DATA);
}

static void fill_gdt(struct desc_page *d, unsigned cpu)
{
    struct tss64 *t = &d->tss;
    uint64_t s = slot(cpu);

    d->gdt[gdt_index(SEL_HV_CS)] = DESC_CODE64(0);
    d->gdt[gdt_index(SEL_HV_DS)] = DESC_DATA(0);
    d->gdt[gdt_index(SEL_HV_DS) + 1] = DESC_CODE32(1); /* 0xe019, the ABI's ring-1 code */
    d->gdt[gdt_index(SEL_USER_CS32)] = DESC_CODE32(3);
    d->gdt[gdt_index(SEL_USER_DS)] = DESC_DATA(3);
    d->gdt[gdt_index(SEL_USER_CS64)] = DESC_CODE64(3);
    t->rsp[0] = (uint64_t)&desc_cpu_info(cpu)->regs.es;
    t->ist[IST_NMI - 1] = s + 4 * PAGE_SIZE;
    t->ist[IST_MC - 1] = s + 6 * PAGE_SIZE;
    t->ist[IST_DB - 1] = s + 8 * PAGE_SIZE;
    t->ist[IST_DF - 1] = s + 11 * PAGE_SIZE;
    t->iomap = sizeof(*t); /* beyond the limit: every port faults */
    set_system(d, SEL_TSS, SYS_TSS, (uint64_t)t, sizeof(*t) - 1);
}

static void set_gate(unsigned vector, unsigned ist, unsigned dpl)
{
    uint64_t va = (uint64_t)(isolated ? isolated_vectors : vector_stubs) + vector * 16;

    idt[vector].lo = (va & 0xffff) | (uint64_t)SEL_HV_CS << 16 | (uint64_t)ist << 32 |
                     (GATE_INTERRUPT | dpl << 5) << 40 | (va >> 16 & 0xffff) << 48;
    idt[vector].hi = va >> 32;
}

static void fill_idt(void)
{
    unsigned i;

    for (i = 0; i < 256; i++)
        set_gate(i, 0, 0);
    set_gate(1, IST_DB, 0);
    set_gate(2, IST_NMI, 0);
    set_gate(3, 0, 3); /* int3 and into are the guest's own */
    set_gate(4, 0, 3);
    set_gate(0x80, 0, 3); /* also because some emulators report a closed gate wrongly */
    set_gate(8, IST_DF, 0);
    set_gate(18, IST_MC, 0);
}

void desc_create(unsigned cpu)
{
    struct cpu_info *info = desc_cpu_info(cpu);
    paddr_t desc;

    if (!cpu)
        fill_idt();
    map_stacks(cpu);
    info->cpu = cpu;
    info->softirq = &softirq_cpu[cpu].pending;
    info->desc = (void *)(slot(cpu) + STACK_DESC_PAGE * PAGE_SIZE);
    desc = boot_page();
    paging_map((uint64_t)info->desc, desc, PAGE_SIZE, PTE_DATA);
    info->desc_pte = desc | (PTE_DATA & ~PTE_G);
    fill_gdt(info->desc, cpu);
}

static void load_syscall(void)
{
    uint64_t stub = cpu_id() * SYSCALL_STUB_SIZE;

    if (isolated)
        stub = cpu_id() * ISOLATED_STUB_SIZE;
    wrmsr(MSR_LSTAR, (uint64_t)(isolated ? isolated_syscall : syscall_stubs) + stub);
    wrmsr(MSR_CSTAR, (uint64_t)(isolated ? isolated_syscall32 : syscall32_stubs) + stub);
}

uint64_t desc_isolate(void)
{
    isolated = true;
    fill_idt();
    load_syscall();
    return (uint64_t)idt;
}

void desc_load_gdt(uint64_t base)
{
    struct table_ptr p = {SEL_LAST, base};

    __asm__ volatile("lgdt %0" : : "m"(p) : "memory");
}

void desc_load_own_gdt(void)
{
    desc_load_gdt((uint64_t)cpu_info()->desc - GDT_RESERVED_PAGE * PAGE_SIZE);
}

void desc_load_ldt(uint64_t base, unsigned entries)
{
    uint16_t sel = entries ? SEL_LDT : 0;

    if (entries)
        set_system(cpu_info()->desc, SEL_LDT, SYS_LDT, base, entries * 8 - 1);
    __asm__ volatile("lldt %0" : : "r"(sel) : "memory");
}

/* The hypervisor's own selectors become those of the page just loaded. */
static void reload_segments(void)
{
    __asm__ volatile("pushq %0; leaq 1f(%%rip), %%rax; pushq %%rax; lretq; 1:"
                     :
                     : "i"(SEL_HV_CS)
                     : "rax", "memory");
    __asm__ volatile(
        "mov %0, %%ss; mov %1, %%ds; mov %1, %%es; mov %1, %%fs; mov %1, %%gs"
        :
        : "r"(SEL_HV_DS), "r"(0)
        : "memory");
}

void desc_load(void)
{
    struct table_ptr p = {sizeof(idt) - 1, (uint64_t)idt};
    struct desc_page *d = cpu_info()->desc;
    uint16_t tss = SEL_TSS;

    desc_load_own_gdt();
    reload_segments();
    desc_load_ldt(0, 0);
    d->gdt[gdt_index(SEL_TSS)] &= ~(2ull << 40); /* not busy */
    __asm__ volatile("lidt %0; ltr %1" : : "m"(p), "r"(tss) : "memory");
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE);
    wrmsr(MSR_STAR, (uint64_t)SEL_USER_CS32 << 48 | (uint64_t)SEL_HV_CS << 32);
    load_syscall();
    wrmsr(MSR_SFMASK, EFLAGS_SYSCALL_MASK);
    wrmsr(MSR_SYSENTER_CS, 0); /* SYSENTER faults */
}
