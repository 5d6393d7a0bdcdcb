/* SPDX-License-Identifier: MIT */
/* Vectors from 32 up: who gets them. port/irq.h is the core's side (machine irqs). */
#ifndef HW_PLAT_IRQ_H
#define HW_PLAT_IRQ_H

#include "abi/xen.h"
#include "port/irq.h"

/* The vector space, the same on all CPUs. */
#define VEC_PIC_FIRST 0x20 /* 0x20-0x2f: the masked 8259s' spurious ones */
/* Machine irqs. 0x80 and 0x82 are left out: guests use them as software interrupts. */
#define VEC_DEVICE_FIRST 0x30
#define VEC_DEVICE_LAST 0xdf
#define VEC_TIMER       0xf0 /* local APIC timer */
#define VEC_POKE        0xf8 /* look at your softirqs: EOI and nothing else */
#define VEC_CALL        0xf9 /* run the posted function; handler registered by SMP code */
#define VEC_FLUSH       0xfa /* TLB flush; handler registered by SMP code */
#define VEC_ERROR       0xfe /* local APIC error */
#define VEC_SPURIOUS    0xff /* no EOI */

/* Entry code calls this for every vector >= 32 with interrupts off; r->entry_vector holds
 * the vector. The handler runs, and the APIC gets its EOI (before the handler for IPIs
 * and edge interrupts). */
void irq_dispatch(struct hv_cpu_user_regs *r);

/* Handlers of the fixed vectors (0xe0 up); irqs off, after the EOI. Set before the first
 * may come. */
void irq_set_vector(uint8_t vector, void (*fn)(struct hv_cpu_user_regs *r));

/* Boot CPU, before the local APIC stops listening to them: a request that stays raised
 * after that is one that nobody can answer. */
void irq_8259_off(void);
void irq_init(void); /* boot CPU, once: I/O APICs found and masked */

#endif
