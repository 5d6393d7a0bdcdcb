/* SPDX-License-Identifier: MIT */
/* Descriptor tables and stacks of each CPU. */
#ifndef HW_CPU_DESC_H
#define HW_CPU_DESC_H

/* Selectors, all in the GDT's page 14 (GDT_RESERVED_PAGE); the ring-3 ones are the ABI's.
 * SYSRET's rule gives their order: 32-bit code, data, 64-bit code. */
#define SEL_HV_CS         0xe008
#define SEL_HV_DS         0xe010
#define SEL_USER_CS32     0xe023
#define SEL_USER_DS       0xe02b
#define SEL_USER_CS64     0xe033
#define SEL_KERNEL_CS64   0xe030 /* as a frame tells the guest of its kernel */
#define SEL_TSS           0xe040
#define SEL_LDT           0xe050
#define SEL_LAST          0xe05f

#define SYSCALL_STUB_SIZE  64
#define ISOLATED_STUB_SIZE 32

#ifndef __ASSEMBLY__
#include "hw/cpu/percpu.h"
#include "lib/types.h"

struct tss64 {
    uint32_t reserved0;
    uint64_t rsp[3], reserved1, ist[7], reserved2;
    uint16_t reserved3, iomap;
} __attribute__((packed));

/* One frame: the last page of every GDT that is loaded here, and behind it the TSS. */
struct desc_page {
    uint64_t gdt[256];
    struct tss64 tss;
};

struct cpu_info *desc_cpu_info(unsigned cpu);
void desc_create(unsigned cpu); /* boot CPU: stacks, GDT page, TSS of a CPU */
void desc_load(void); /* this CPU, on its stack: GDT, TSS, IDT, SYSCALL's MSRs */
/* Boot CPU: from now on entries from guests are isolate_entry.S's. The IDT's page. */
uint64_t desc_isolate(void);
void desc_load_gdt(uint64_t base); /* base: of a window, or the CPU's own */
void desc_load_own_gdt(void);
void desc_load_ldt(uint64_t base, unsigned entries); /* 0 entries: none */

/* entry.S: an empty stack of that CPU, then fn. */
_Noreturn void stack_jump(struct cpu_info *info, void (*fn)(void));
#endif

#endif
