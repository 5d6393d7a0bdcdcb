/* SPDX-License-Identifier: MIT */
/* The TLB's part of a switch; ipi.c keeps its clock. */
#ifndef HW_CPU_CONTEXT_H
#define HW_CPU_CONTEXT_H

#include "lib/types.h"

void tlb_load_cr3(uint64_t cr3); /* and forget everything, global entries too */

#endif
