/* SPDX-License-Identifier: MIT */
/* The machine's part of port/isolate.h. */
#ifndef HW_CPU_ISOLATE_H
#define HW_CPU_ISOLATE_H

#include "port/context.h"

void isolate_boot(void);           /* boot CPU: is it wanted? then it is prepared */
void isolate_create(unsigned cpu); /* the tables of a CPU, before it starts */
/* v's tables are loaded on this CPU, or cr3_user is another: entry code is told. */
void isolate_tell(struct vcpu_hw *v);
extern bool isolate_on;   /* for some guests at least */
extern bool isolate_pcid; /* each of the four tables of a CPU has a PCID of its own */
void isolate_start_pcid(void);                      /* this CPU, before it runs a guest */
void isolate_flush_page(vaddr_t va);                /* of each PCID */
uint64_t isolate_full_cr3(const struct vcpu_hw *v); /* what C runs on for v's mode */
static inline void isolate_load(struct vcpu_hw *v)
{
    if (unlikely(isolate_on))
        isolate_tell(v);
}

#endif
