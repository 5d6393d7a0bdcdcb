/* SPDX-License-Identifier: MIT */
/* Instructions that may fault, and where to go on then; and instructions that are there
 * only under SMAP. */
#ifndef HW_CPU_EXTABLE_H
#define HW_CPU_EXTABLE_H

#ifdef __ASSEMBLY__
#define EXTABLE(from, to)          \
    .pushsection .extable, "a";    \
    .balign 4;                     \
    .long (from) - ., (to) - .;    \
    .popsection
/* Three-byte holes that mitigate_patch() fills with the instruction when SMAP is used. */
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
/* Before C runs on behalf of a guest: return addresses of our own, so that no RET is
 * predicted to where the guest's calls left it. They stay on the stack: rsp is n words
 * lower. With SMEP a guest's addresses cannot be fetched here, and mitigate_patch() puts
 * a subtraction and a jump, 12 bytes, in the first two's place. */
.macro FILL_RSB n
771:
    .rept \n
    call 772f
    int3
772:
    .endr
773:
    .pushsection .rsb_sites, "a"
    .balign 4
    .long 771b - ., 773b - 771b, \n * 8
    .popsection
.endm
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
bool rsb_filling(uint64_t addr); /* a return address of FILL_RSB */
void mitigate_patch(void); /* boot CPU, before any guest: fits the holes to this CPU */
#endif

#endif
