/* SPDX-License-Identifier: MIT */
/* x87, SSE, AVX... of vCPUs, switched eagerly. An area is an XSAVE area (standard form)
 * where there is XSAVE, else an FXSAVE one; the first 512 bytes are the same. XCR0 is the
 * guest's while it runs and everything the hardware has while state is moved, so that
 * components it has turned off for now are kept too. Reference: Intel SDM volume 1,
 * "Managing State Using the XSAVE Feature Set". */
#include "hw/cpu/fpu.h"
#include "hw/cpu/extable.h"
#include "hw/cpu/features.h"
#include "hw/cpu/msr.h"
#include "lib/string.h"
#include "port/cpu.h"

#define FXSAVE_USED   416 /* the rest of the 512 bytes is software's */
#define XSTATE_BV     512
#define FCW_DEFAULT   0x37f
#define MXCSR_DEFAULT 0x1f80

size_t fpu_area_size(void)
{
    return ROUND_UP(cpu_features.fpu_size, 64u);
}

void fpu_init_area(void *area)
{
    uint8_t *p = area;
    const uint16_t fcw = FCW_DEFAULT;
    const uint32_t mxcsr = MXCSR_DEFAULT;

    memset(area, 0, fpu_area_size());
    memcpy(p, &fcw, sizeof(fcw));
    memcpy(p + 24, &mxcsr, sizeof(mxcsr));
}

void fpu_import(void *area, const void *fxsave)
{
    const uint64_t x87_sse = 3;

    fpu_init_area(area);
    memcpy(area, fxsave, FXSAVE_USED);
    if (cpu_features.xsave)
        memcpy((uint8_t *)area + XSTATE_BV, &x87_sse, sizeof(x87_sse));
}

static void set_xcr0(uint64_t v)
{
    if (cpu_info()->xcr0 != v) {
        xsetbv(v);
        cpu_info()->xcr0 = v;
    }
}

static void store(void *area)
{
    if (!cpu_features.xsave)
        __asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
    else if (cpu_features.xsaveopt)
        __asm__ volatile("xsaveopt64 (%0)" : : "r"(area), "a"(~0u), "d"(~0u) : "memory");
    else
        __asm__ volatile("xsave64 (%0)" : : "r"(area), "a"(~0u), "d"(~0u) : "memory");
}

/* false: the area holds what no FPU could have. */
static bool restore(const void *area)
{
    int bad = 0;

    if (cpu_features.xsave)
        __asm__ volatile("1: xrstor64 (%1)\n2:\n.pushsection .text.fixup, \"ax\"\n"
                         "3: movl $1, %0; jmp 2b\n.popsection\n" EXTABLE_C("1b", "3b")
                         : "+r"(bad)
                         : "r"(area), "a"(~0u), "d"(~0u)
                         : "memory");
    else
        __asm__ volatile("1: fxrstor64 (%1)\n2:\n.pushsection .text.fixup, \"ax\"\n"
                         "3: movl $1, %0; jmp 2b\n.popsection\n" EXTABLE_C("1b", "3b")
                         : "+r"(bad)
                         : "r"(area)
                         : "memory");
    return !bad;
}

void ctx_set_ts(struct vcpu_hw *v, bool on)
{
    v->ts = on;
    write_cr0(on ? CR0_HV | CR0_TS : CR0_HV);
}

void fpu_plain(void)
{
    const uint32_t mxcsr = MXCSR_DEFAULT;

    __asm__ volatile("fninit; ldmxcsr %0" : : "m"(mxcsr));
}

/* Saving and loading are FPU instructions themselves: TS is off around them. */
void fpu_save(struct vcpu_hw *v)
{
    if (unlikely(v->ts))
        write_cr0(CR0_HV);
    if (!v->fpu)
        return;
    if (cpu_features.xsave)
        set_xcr0(cpu_features.xcr0);
    store(v->fpu);
}

void fpu_load(struct vcpu_hw *v)
{
    if (!v->fpu)
        return;
    if (cpu_features.xsave)
        set_xcr0(cpu_features.xcr0);
    if (!restore(v->fpu)) {
        fpu_init_area(v->fpu);
        (void)restore(v->fpu);
    }
    if (cpu_features.xsave)
        set_xcr0(v->xcr0 ? v->xcr0 & cpu_features.xcr0 : 3);
    if (unlikely(v->ts))
        write_cr0(CR0_HV | CR0_TS);
}

void ctx_set_xcr0(struct vcpu_hw *v, uint64_t xcr0)
{
    irqflags_t f = irq_save();

    v->xcr0 = xcr0;
    if (cpu_features.xsave)
        set_xcr0(xcr0 ? xcr0 & cpu_features.xcr0 : 3);
    irq_restore(f);
}

uint64_t fpu_xcr0_supported(void)
{
    return cpu_features.xsave ? cpu_features.xcr0 : 0;
}
