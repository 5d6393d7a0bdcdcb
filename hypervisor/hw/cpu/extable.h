/* SPDX-License-Identifier: MIT */
/* Instructions that may fault, and where to go on then; and instructions that are there only under SMAP. */
#ifndef HW_CPU_EXTABLE_H
#define HW_CPU_EXTABLE_H

#ifdef __ASSEMBLY__
#define EXTABLE(from, to)          \
    .pushsection .extable, "a";    \
    .balign 4;                     \
    .long (from) - ., (to) - .;    \
    .popsection
/* Three-byte holes that smap_patch() fills with the instruction when SMAP is used. */
#define ASM_STAC                        \
661:    nopl (%rax);                    \
    .pushsection .stac_sites, "a";      \
    .balign 4;                          \
    .long 661b - .;                     \
    .popsection
#define ASM_CLAC                        \
661:    nopl (%rax);                    \
    .pushsection .clac_sites, "a";      \
    .balign 4;                          \
    .long 661b - .;                     \
    .popsection
#else
#include "lib/types.h"

#define EXTABLE_C(from, to)                                                      \
    ".pushsection .extable, \"a\"; .balign 4; .long " from " - ., " to " - .; "  \
    ".popsection\n"
#define STAC_C                                                                       \
    "661: nopl (%%rax); .pushsection .stac_sites, \"a\"; .balign 4; .long 661b - .; " \
    ".popsection\n"
#define CLAC_C                                                                       \
    "661: nopl (%%rax); .pushsection .clac_sites, \"a\"; .balign 4; .long 661b - .; " \
    ".popsection\n"

uint64_t extable_find(uint64_t rip); /* where to go on, or 0 */
void smap_patch(void);               /* boot CPU, before any guest: makes the holes STAC and CLAC */
#endif

#endif
