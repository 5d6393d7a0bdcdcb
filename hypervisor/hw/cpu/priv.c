/* SPDX-License-Identifier: MIT */
/* Privileged instructions on behalf of guests (port/priv.h). MSRs that are not there
 * fault: exception table. */
#include "port/priv.h"
#include "hw/cpu/extable.h"
#include "hw/cpu/msr.h"

vaddr_t cpu_fault_va(void)
{
    return read_cr2();
}

void cpu_cpuid(uint32_t leaf, uint32_t subleaf, struct cpuid_regs *out)
{
    uint32_t r[4];

    cpuid_raw(leaf, subleaf, r);
    *out = (struct cpuid_regs){r[0], r[1], r[2], r[3]};
}

bool cpu_rdmsr(uint32_t msr, uint64_t *val)
{
    uint32_t lo = 0, hi = 0;
    int bad = 0;

    __asm__ volatile("1: rdmsr\n2:\n.pushsection .text.fixup, \"ax\"\n"
                     "3: movl $1, %0; jmp 2b\n.popsection\n" EXTABLE_C("1b", "3b")
                     : "+r"(bad), "+a"(lo), "+d"(hi)
                     : "c"(msr));
    *val = lo | (uint64_t)hi << 32;
    return !bad;
}

bool cpu_wrmsr(uint32_t msr, uint64_t val)
{
    int bad = 0;

    __asm__ volatile("1: wrmsr\n2:\n.pushsection .text.fixup, \"ax\"\n"
                     "3: movl $1, %0; jmp 2b\n.popsection\n" EXTABLE_C("1b", "3b")
                     : "+r"(bad)
                     : "c"(msr), "a"((uint32_t)val), "d"((uint32_t)(val >> 32))
                     : "memory");
    return !bad;
}

uint32_t io_in(uint16_t port, unsigned size)
{
    uint32_t v = 0;

    switch (size) {
    case 1:
        __asm__ volatile("inb %w1, %b0" : "+a"(v) : "Nd"(port));
        break;
    case 2:
        __asm__ volatile("inw %w1, %w0" : "+a"(v) : "Nd"(port));
        break;
    default:
        __asm__ volatile("inl %w1, %0" : "+a"(v) : "Nd"(port));
        break;
    }
    return v;
}

void io_out(uint16_t port, unsigned size, uint32_t val)
{
    switch (size) {
    case 1:
        __asm__ volatile("outb %b0, %w1" : : "a"(val), "Nd"(port));
        break;
    case 2:
        __asm__ volatile("outw %w0, %w1" : : "a"(val), "Nd"(port));
        break;
    default:
        __asm__ volatile("outl %0, %w1" : : "a"(val), "Nd"(port));
        break;
    }
}

void cpu_flush_caches(void)
{
    __asm__ volatile("wbinvd" : : : "memory");
}
