/* SPDX-License-Identifier: MIT */
/* port/cpu.h's and port/map.h's inline functions where a thread is a CPU. Interrupts come
 * only where the model asks for them, so masking them is no more than a flag. */
#ifndef MODEL_PORT_INLINE_H
#define MODEL_PORT_INLINE_H

#include <sched.h>
#include "lib/types.h"

struct vcpu;

extern _Thread_local unsigned model_cpu;
extern _Thread_local struct vcpu *model_current;
extern _Thread_local bool model_irqs_on;
extern uint8_t *model_arena;

static inline unsigned cpu_id(void)
{
    return model_cpu;
}
static inline struct vcpu *cpu_current(void)
{
    return model_current;
}
static inline void cpu_set_current(struct vcpu *v)
{
    model_current = v;
}
static inline unsigned long irq_save(void)
{
    bool was = model_irqs_on;

    model_irqs_on = false;
    return was;
}
static inline void irq_restore(unsigned long f)
{
    model_irqs_on = f;
}
static inline void irq_enable(void)
{
    model_irqs_on = true;
}
static inline void irq_disable(void)
{
    model_irqs_on = false;
}
static inline bool irq_enabled(void)
{
    return model_irqs_on;
}
static inline void cpu_relax(void)
{
    sched_yield(); /* there may be more CPUs here than the host has */
}
void cpu_set_fault_va(uint64_t va);
bool guest_peek(uint64_t va, uint64_t *val);
bool guest_peek_pair(uint64_t va, uint64_t val[2]);
#define WITHOUT_RET
bool tlb_quick(void);
void tlb_quick_cr3(uint64_t cr3);
static inline void *map_mfn(mfn_t m)
{
    return model_arena + (m.n << PAGE_SHIFT);
}
static inline mfn_t map_to_mfn(const void *p)
{
    return mk_mfn((uint64_t)((const uint8_t *)p - model_arena) >> PAGE_SHIFT);
}

#endif
