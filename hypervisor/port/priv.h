/* SPDX-License-Identifier: MIT */
/* What a machine owes the core: privileged instructions that guests' ones are emulated
 * with. */
#ifndef PORT_PRIV_H
#define PORT_PRIV_H

#include "port/cpu.h"

struct cpuid_regs {
    uint32_t a, b, c, d;
};

vaddr_t cpu_fault_va(void); /* CR2: valid until interrupts or faults can come between */
/* In <port_inline.h>: void cpu_set_fault_va(vaddr_t va); */
void cpu_cpuid(uint32_t leaf, uint32_t subleaf, struct cpuid_regs *out);
bool cpu_rdmsr(uint32_t msr, uint64_t *val); /* false: it faulted */
bool cpu_wrmsr(uint32_t msr, uint64_t val);
uint32_t io_in(uint16_t port, unsigned size); /* size 1, 2, 4 */
void io_out(uint16_t port, unsigned size, uint32_t val);
void cpu_flush_caches(void);

/* Writes a variable-range MTRR, base at msr and mask behind it, on this CPU; all of
 * `cpus` must come here at the same time, with one meeting that begins as zeroes. */
struct cpu_mtrr_meeting {
    cpumask_t cpus;
    _Atomic uint32_t before, after;
};
void cpu_mtrr_write(struct cpu_mtrr_meeting *m, uint32_t msr, uint64_t base,
                    uint64_t mask);

#endif
