/* SPDX-License-Identifier: MIT */
/*
 * What the programs of the devices' benchmark share: an operation between two stamps
 * (mark.h), and its line of JSON. `ticks` are the TSC's, for one of its `reps`: under
 * QEMU's -icount instructions of the whole machine.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "mark.h"

static inline uint64_t rdtsc(void)
{
    uint32_t lo, hi;

    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
    return (uint64_t)hi << 32 | lo;
}

/* Whether a place's operations are windows of the profile: those in guests are. */
static inline bool is_marked(const char *in)
{
    return in[0] != 'd';
}

static inline uint64_t measure_begin(const char *in)
{
    if (is_marked(in))
        MARK(MARK_STAMP, 1);
    return rdtsc();
}

static inline void measure_end(const char *in, const char *op, unsigned int reps,
                               uint64_t before)
{
    uint64_t ticks = rdtsc() - before;

    if (is_marked(in))
        MARK(MARK_STAMP, 2);
    printf("{\"in\":\"%s\",\"op\":\"%s\",\"reps\":%u,\"ticks\":%llu}\n", in, op, reps,
           (unsigned long long)ticks / reps);
    fflush(stdout);
}

#endif
