/* SPDX-License-Identifier: MIT */
/* The bare machine's answer to port/cpu.h's and port/map.h's inline functions.
 *
 * A CPU's own data lie at the top of its stack slot, so its address is the stack pointer
 * with the low bits set: no segment register is used, and so none has to be exchanged on
 * the way in from a guest. */
#ifndef HW_PORT_INLINE_H
#define HW_PORT_INLINE_H

#include "hw/cpu/percpu.h"
#include "lib/types.h"
#include "port/layout.h"

register unsigned long hw_rsp __asm__("rsp");

static inline struct cpu_info *cpu_info(void)
{
    return (struct cpu_info *)((hw_rsp | (STACK_SLOT - 1)) + 1) - 1;
}
static inline unsigned cpu_id(void)
{
    return cpu_info()->cpu;
}
static inline struct vcpu *cpu_current(void)
{
    return cpu_info()->current;
}
static inline void cpu_set_current(struct vcpu *v)
{
    cpu_info()->current = v;
}

#define HW_RFLAGS_IF 0x200ul
static inline unsigned long hw_rflags(void)
{
    unsigned long f;
    __asm__ volatile("pushfq; popq %0" : "=r"(f) : : "memory");
    return f;
}
static inline void irq_enable(void)
{
    __asm__ volatile("sti" : : : "memory");
}
static inline void irq_disable(void)
{
    __asm__ volatile("cli" : : : "memory");
}
static inline bool irq_enabled(void)
{
    return hw_rflags() & HW_RFLAGS_IF;
}
static inline unsigned long irq_save(void)
{
    unsigned long f = hw_rflags();
    irq_disable();
    return f;
}
static inline void irq_restore(unsigned long f)
{
    if (f & HW_RFLAGS_IF)
        irq_enable();
    else
        irq_disable();
}
static inline void cpu_relax(void)
{
    __asm__ volatile("pause" : : : "memory");
}

static inline void *map_mfn(mfn_t m)
{
    return (void *)(DIRECTMAP_START + (m.n << PAGE_SHIFT));
}
static inline mfn_t map_to_mfn(const void *p)
{
    return mk_mfn(((uint64_t)p - DIRECTMAP_START) >> PAGE_SHIFT);
}

#endif
