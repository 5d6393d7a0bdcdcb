/* SPDX-License-Identifier: MIT */
/* The host's answer to port/cpu.h's and port/map.h's inline functions: fake CPUs in one
 * thread. */
#ifndef HOST_PORT_INLINE_H
#define HOST_PORT_INLINE_H

#include "lib/types.h"

struct vcpu;

extern unsigned host_cpu; /* the fake CPU that runs now */
extern struct vcpu *host_current[64];
extern bool host_irqs_on[64];
extern uint8_t *host_arena; /* where frame 0 would be mapped */
void host_relax(void);      /* lets the other CPUs do what they were asked to */

static inline unsigned cpu_id(void)
{
    return host_cpu;
}
static inline struct vcpu *cpu_current(void)
{
    return host_current[host_cpu];
}
static inline void cpu_set_current(struct vcpu *v)
{
    host_current[host_cpu] = v;
}
static inline unsigned long irq_save(void)
{
    bool was = host_irqs_on[host_cpu];

    host_irqs_on[host_cpu] = false;
    return was;
}
static inline void irq_restore(unsigned long f)
{
    host_irqs_on[host_cpu] = f;
}
static inline void irq_enable(void)
{
    host_irqs_on[host_cpu] = true;
}
static inline void irq_disable(void)
{
    host_irqs_on[host_cpu] = false;
}
static inline bool irq_enabled(void)
{
    return host_irqs_on[host_cpu];
}
static inline void cpu_relax(void)
{
    host_relax();
}
void cpu_set_fault_va(uint64_t va);
bool guest_peek(uint64_t va, uint64_t *val);
bool guest_peek32(uint64_t va, uint32_t *val);
bool guest_peek_pair(uint64_t va, uint64_t val[2]);
#define WITHOUT_RET
bool tlb_quick(void);
void tlb_quick_cr3(uint64_t cr3);
static inline void *map_mfn(mfn_t m)
{
    return host_arena + (m.n << PAGE_SHIFT);
}
static inline mfn_t map_to_mfn(const void *p)
{
    return mk_mfn((uint64_t)((const uint8_t *)p - host_arena) >> PAGE_SHIFT);
}

#endif
