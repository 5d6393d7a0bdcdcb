/* SPDX-License-Identifier: MIT */
/* The bare machine's answer to port/cpu.h's and port/map.h's inline functions.
 *
 * A CPU's own data lie at the top of its stack slot, so its address is the stack pointer
 * with the low bits set: no segment register is used, and so none has to be exchanged on
 * the way in from a guest. */
#ifndef HW_PORT_INLINE_H
#define HW_PORT_INLINE_H

#include "hw/cpu/extable.h"
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

static inline void cpu_set_fault_va(vaddr_t va)
{
    __asm__ volatile("mov %0, %%cr2" : : "r"(va));
}
/* The end of a function that reads *val, of whatever size, at va: whether it could. */
#define PEEK(va, val)                                                                    \
    do {                                                                                 \
        __asm__ goto(STAC_C "1: mov (%1), %0\n" CLAC_C                                   \
                            ".pushsection .text.fixup, \"ax\"\n"                         \
                            "2: " CLAC_C "jmp %l2\n.popsection\n" EXTABLE_C("1b", "2b")  \
                     : "=r"(*(val))                                                      \
                     : "r"(va)                                                           \
                     :                                                                   \
                     : bad);                                                             \
        return true;                                                                     \
    bad:                                                                                 \
        return false;                                                                    \
    } while (0)
static inline bool guest_peek(vaddr_t va, uint64_t *val)
{
    PEEK(va, val);
}
/* The hypervisor's range is the lowest of the negative addresses; below it there are
 * none, and above -1 comes 0, which is the guest's. */
extern const int64_t hv_virt_end; /* hw/cpu/entry.S: HV_VIRT_END */
static inline bool hw_not_guests(vaddr_t va)
{
    return unlikely((int64_t)va < hv_virt_end);
}
static inline bool guest_peek32(vaddr_t va, uint32_t *val)
{
    if (hw_not_guests(va))
        return false;
    PEEK(va, val);
}
static inline bool guest_peek_pair(vaddr_t va, uint64_t val[2])
{
    uint64_t a, b;

    if (hw_not_guests(va))
        return false;
    __asm__ goto(STAC_C "1: mov (%2), %0\n2: mov 8(%2), %1\n" CLAC_C
                        ".pushsection .text.fixup, \"ax\"\n3: " CLAC_C
                        "jmp %l3\n.popsection\n" EXTABLE_C("1b", "3b")
                            EXTABLE_C("2b", "3b")
                 : "=&r"(a), "=r"(b)
                 : "r"(va)
                 :
                 : bad);
    val[0] = a;
    val[1] = b;
    return true;
bad:
    return false;
}

/* For tlb_quick_cr3(): where tables are not the guest's own alone, more is to be done. */
extern bool isolate_on;
static inline bool tlb_quick(void)
{
    return likely(!isolate_on);
}
extern _Atomic uint32_t tlb_last, tlb_time[]; /* hw/cpu/ipi.c */
#define HW_CR4_PGE 0x80ull
/* A switch of tables that forgets all translations, global ones too. Interrupts are off.
 */
static inline void tlb_quick_cr3(uint64_t cr3)
{
    uint32_t now = __atomic_add_fetch(&tlb_last, 1, __ATOMIC_SEQ_CST);
    uint64_t cr4;

    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    if (unlikely(cr4 & HW_CR4_PGE))
        __asm__ volatile("mov %0, %%cr4" : : "r"(cr4 & ~HW_CR4_PGE) : "memory");
    __asm__ volatile("mov %0, %%cr3" : : "r"(cr3) : "memory");
    if (unlikely(cr4 & HW_CR4_PGE))
        __asm__ volatile("mov %0, %%cr4" : : "r"(cr4) : "memory");
    __atomic_store_n(&tlb_time[cpu_id()], now, __ATOMIC_SEQ_CST);
}

/* Of a function that entry code does not call but jumps to: its end is a jump as well, to
 * __x86_return_thunk there. */
#define WITHOUT_RET __attribute__((function_return("thunk-extern")))

static inline void *map_mfn(mfn_t m)
{
    return (void *)(DIRECTMAP_START + (m.n << PAGE_SHIFT));
}
static inline mfn_t map_to_mfn(const void *p)
{
    return mk_mfn(((uint64_t)p - DIRECTMAP_START) >> PAGE_SHIFT);
}

#endif
