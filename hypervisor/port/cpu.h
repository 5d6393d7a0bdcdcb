/* SPDX-License-Identifier: MIT */
/* What a machine owes the core: CPUs, the current vCPU, interrupt masking.
 * The hot ones are inline in <port_inline.h>, which lies in hw/inc and in host/inc. */
#ifndef PORT_CPU_H
#define PORT_CPU_H

#include "lib/types.h"

#define HV_MAX_CPUS 64
#define CACHE_LINE  64

typedef uint64_t cpumask_t; /* bit n is CPU n */
#define CPUMASK_NONE 0ull
#define CPUMASK_ALL  (~0ull)
static inline cpumask_t cpumask_of(unsigned cpu)
{
    return 1ull << cpu;
}

struct vcpu;
typedef unsigned long irqflags_t;

/* In <port_inline.h>:
 *   unsigned cpu_id(void);                 this CPU's number, 0 is the boot CPU, dense
 *   struct vcpu *cpu_current(void);        the vCPU whose state is loaded here (idle vCPU
 * if none) void cpu_set_current(struct vcpu *v); irqflags_t irq_save(void); masks
 * interrupts, returns what irq_restore() takes void irq_restore(irqflags_t f); void
 * irq_enable(void); void irq_disable(void); bool irq_enabled(void); void cpu_relax(void);
 * spin-wait hint
 */
#include <port_inline.h>

/* Boot CPU, after param_parse() and console_early_init(): features, ACPI, interrupts,
 * clock; sets cpu_count(). */
struct boot_info;
void machine_init(const struct boot_info *bi);
/* Boot CPU, when softirqs, timers and the scheduler are ready for every CPU of
 * cpu_count(): each of the others is started and runs hv_ap_main(). A CPU that does not
 * come is left out of cpu_online(). */
void machine_start_cpus(void);

unsigned cpu_count(void);   /* CPUs present, set before the rooms start */
cpumask_t cpu_online(void); /* CPUs that run softirqs */
void cpu_idle(void); /* called with irqs off: enables them and sleeps until one arrives */
_Noreturn void cpu_halt_forever(void);
_Noreturn void machine_restart(void);
_Noreturn void
machine_poweroff(void); /* ACPI S5 where known, else halts with a message */
/* From now on all CPUs get so many NMIs a second, each of which calls hang_tick(); 0:
 * this machine has no source of them. */
unsigned cpu_nmi_ticks(void);
/* Registers, stack with symbol names, and the guest that was there, to the console. */
void cpu_dump_state(void);
/* For panic: the other CPUs stop where they are, for good; then their states too. */
void cpu_stop_others(void);
void cpu_dump_others(void);

#endif
