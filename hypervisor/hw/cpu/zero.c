/* SPDX-License-Identifier: MIT */
/* Zeroing frames by sixteen bytes at a time. The vector registers are the guest's whose
 * turn it is on this CPU (hw/cpu/fpu.c switches them eagerly), so one is borrowed and put
 * back. An interrupt in between that does the same puts back what it found, and vCPUs are
 * switched on the way out only. A guest that has CR0.TS set would make these instructions
 * fault, and before the first vCPU the CPU may not have them on yet: then it goes by
 * words. */
#include "kern/vcpu.h"
#include "lib/string.h"
#include "port/cpu.h"
#include "port/map.h"

#define STEP 1024 /* bytes a round */

/* Stores of that kind all over [p, end), whole pages. */
#define FILL(store, p, end)                                                              \
    __asm__ volatile("1:\n.set zero_at, 0\n.rept 64\n" store                             \
                     " %%xmm0, zero_at(%0)\n.set zero_at, zero_at + 16\n.endr\n"         \
                     "add %1, %0\ncmp %2, %0\njne 1b"                                    \
                     : "+r"(p)                                                           \
                     : "i"(STEP), "r"(end)                                               \
                     : "memory", "cc")

static bool may_borrow(void)
{
    const struct vcpu *v = cpu_current();

    return v && !v->hw.ts;
}

static void zero(mfn_t m, uint64_t frames, bool past_caches)
{
    char *p = map_mfn(m), *end = p + frames * PAGE_SIZE, saved[16];

    if (!may_borrow()) {
        memset(p, 0, frames * PAGE_SIZE);
        return;
    }
    __asm__ volatile("movups %%xmm0, %0" : "=m"(saved));
    __asm__ volatile("xorps %xmm0, %xmm0");
    if (past_caches) {
        FILL("movntps", p, end);
        __asm__ volatile("sfence" : : : "memory");
    } else {
        FILL("movaps", p, end);
    }
    __asm__ volatile("movups %0, %%xmm0" : : "m"(saved));
}

void map_zero(mfn_t m, uint64_t frames)
{
    if (frames)
        zero(m, frames, false);
}

void map_zero_cold(mfn_t m, uint64_t frames)
{
    if (frames)
        zero(m, frames, true);
}
