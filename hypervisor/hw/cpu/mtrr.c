/* SPDX-License-Identifier: MIT */
/* Writing an MTRR: on all CPUs at once, with caches off and empty, because a line must
 * not be cached by two rules. Reference: Intel SDM volume 3, "MTRR Considerations in MP
 * Systems". */
#include <stdatomic.h>
#include "hw/cpu/msr.h"
#include "port/cpu.h"
#include "port/ipi.h"
#include "port/priv.h"

#define MSR_MTRR_DEF_TYPE 0x2ff
#define DEF_TYPE_ON       0x800ull
#define CR0_CD            0x40000000ull
#define CR0_NW            0x20000000ull

/* Until all of them are here. */
static void meet(_Atomic uint32_t *arrived, cpumask_t cpus)
{
    unsigned n = (unsigned)__builtin_popcountll(cpus);

    atomic_fetch_add(arrived, 1);
    while (atomic_load(arrived) < n)
        cpu_relax();
}

void cpu_mtrr_write(struct cpu_mtrr_meeting *m, uint32_t msr, uint64_t base,
                    uint64_t mask)
{
    irqflags_t f = irq_save();
    uint64_t cr0 = read_cr0(), def = rdmsr(MSR_MTRR_DEF_TYPE);

    meet(&m->before, m->cpus);
    write_cr0((cr0 | CR0_CD) & ~CR0_NW);
    cpu_flush_caches();
    tlb_flush_local();
    wrmsr(MSR_MTRR_DEF_TYPE, def & ~DEF_TYPE_ON);
    wrmsr(msr + 1, 0);
    wrmsr(msr, base);
    wrmsr(msr + 1, mask);
    cpu_flush_caches();
    tlb_flush_local();
    wrmsr(MSR_MTRR_DEF_TYPE, def);
    write_cr0(cr0);
    meet(&m->after, m->cpus);
    irq_restore(f);
}
