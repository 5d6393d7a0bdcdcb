/* SPDX-License-Identifier: MIT */
/* The host port as tests drive it: fake CPUs in one thread, a clock that only tests move,
 * an arena as RAM.
 *
 * Nothing runs by itself. What the core does on CPU n happens while host_cpu is n;
 * softirqs (the scheduler among them) run in host_run_cpu() and host_settle(), timers
 * when host_advance() passes their time. A vCPU that was switched to "runs" by being
 * cpu_current() of its CPU: its guest does nothing, the test speaks for it. */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include <setjmp.h>

#include "kern/vcpu.h"
#include "port/cpu.h"
#include "port/platform.h"
#include "port/upcall.h"

#define HOST_FRAMES      65536u /* frame numbers of the arena: 256 MiB */
#define HOST_FIRST_FRAME 0x100  /* RAM begins here, as on a PC */

/* Once per process: that many CPUs, all online, and so much RAM; frame allocator, timers,
 * domain list and scheduler are up, every CPU runs its idle vCPU. Rooms above kern are
 * the test's affair (its own `rooms[]` replaces the one with nothing but the scheduler).
 */
void host_boot(unsigned cpus, unsigned ram_mib);

void host_on_cpu(unsigned cpu);  /* what follows is done by that CPU */
void host_run_cpu(unsigned cpu); /* its softirqs, until none is pending */
void host_settle(void);          /* those of all CPUs */
void host_advance(uint64_t ns);  /* time passes, timers fire, all CPUs settle */
extern uint64_t host_clock;      /* ns */
extern cpumask_t host_online;
/* Called when a CPU that waits for another does what that may be waiting for. */
extern void (*host_serve)(void);
extern unsigned host_switches;    /* ctx_switch() calls */
extern uint64_t host_tlb_flushes; /* of any kind, each CPU counted */
extern bool host_isolate;         /* guests that are made from now on are isolated */
extern uint64_t host_l1tf_safe;   /* of guests made from now on: l1tf_safe_address() */
bool host_irq_fire(unsigned irq); /* the device raises it; false: nobody has bound it */

/* From now on guest memory is only that: random addresses must not reach the test's own
 * memory. */
void host_guest_window(void *start, size_t n);

/* All console output so far, terminated. */
const char *host_console(void);
void host_console_clear(void);

/* Runs fn and says how it came back: 0 by returning, else what would have been the end of
 * the machine. */
enum host_end { HOST_RETURNED, HOST_RESTART, HOST_POWEROFF, HOST_HALT };
enum host_end host_catch(void (*fn)(void *arg), void *arg);

/* The processor, as far as a test gives it one: without these leaves are zero and MSRs
 * fault. */
struct cpuid_regs;
extern uint64_t host_xcr0; /* fpu_xcr0_supported() */
extern void (*host_cpuid)(uint32_t leaf, uint32_t subleaf, struct cpuid_regs *out);
extern bool (*host_wrmsr)(uint32_t msr, uint64_t val);

/* An upcall that does not return jumps here, a test's setjmp(), when it leaves: at once,
 * or by host_leave_by. */
extern jmp_buf host_leave;
extern void (*host_leave_by)(struct hv_cpu_user_regs *r);

/* MSRs that can be read; of those that a test does not name, none. */
extern struct host_msr {
    uint32_t msr; /* 0: unused */
    uint64_t val;
} host_msrs[32];

/* Firmware, as a test plays it. call NULL: a machine without EFI. */
extern struct host_efi {
    struct platform_efi info;
    struct platform_efi_range range;
    uint64_t (*call)(unsigned function, const uint64_t arg[EFI_ARGS]);
} host_efi;

#endif
