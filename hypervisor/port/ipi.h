/* SPDX-License-Identifier: MIT */
/* What a machine owes the core: reaching other CPUs and their TLBs. */
#ifndef PORT_IPI_H
#define PORT_IPI_H

#include "port/cpu.h"

void ipi_poke(
    cpumask_t cpus); /* each leaves its guest or its sleep and looks at its softirqs */
/* Runs fn(arg) on each CPU of the mask (own CPU included when set) with irqs off, waits
 * for all. */
void ipi_call(cpumask_t cpus, void (*fn)(void *arg), void *arg);
/* What an ipi_call() asks of this CPU, now: for loops that wait, perhaps with irqs off,
 * for a CPU that may be in one. */
void ipi_serve(void);

#define TLB_ALL (~0ull)
void tlb_flush_local(
    void); /* all non-global entries of this CPU, and guest-global ones */
void tlb_flush_local_page(vaddr_t va);
/* In <port_inline.h>, with interrupts off:
 *   bool tlb_quick(void);               guests run on no tables but their own here
 *   void tlb_quick_cr3(uint64_t cr3);   then: loads CR3, tlb_flush_local() included */
void tlb_flush_mask(cpumask_t cpus, vaddr_t va); /* one page, or TLB_ALL; waits for all */

/* A clock that ticks with each whole flush. A frame stamped with tlb_clock() when its
 * last mapping went may be re-used once every CPU that could hold it has flushed since:
 * tlb_filter() drops the CPUs of the mask that have flushed after the stamp. 0 in a stamp
 * means "unknown: flush". */
uint32_t tlb_clock(void);
cpumask_t tlb_filter(cpumask_t cpus, uint32_t stamp);

#endif
