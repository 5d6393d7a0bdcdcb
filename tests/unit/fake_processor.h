/* SPDX-License-Identifier: MIT */
/* A processor whose CPUID and MSRs are the test's, for files of hw/cpu that are compiled
 * right in the test. */
#ifndef FAKE_PROCESSOR_H
#define FAKE_PROCESSOR_H

#include <check.h>
#include <string.h>
#define __ASSEMBLY__ /* of msr.h the numbers only */
#include "hw/cpu/msr.h"
#undef __ASSEMBLY__
#include "host/host.h"
#include "hw/cpu/features.h"
#include "hw/cpu/percpu.h"
#include "kern/param.h"
#include "lib/types.h"

#define INTEL                                                                            \
    {                                                                                    \
        0x756e6547, 0x6c65746e, 0x49656e69                                               \
    } /* EBX, ECX, EDX */
#define AMD                                                                              \
    {                                                                                    \
        0x68747541, 0x444d4163, 0x69746e65                                               \
    }
#define HYGON                                                                            \
    {                                                                                    \
        0x6f677948, 0x656e6975, 0x6e65476e                                               \
    }
#define CENTAUR                                                                          \
    {                                                                                    \
        0x746e6543, 0x736c7561, 0x48727561                                               \
    }

#define MD_CLEAR   (1u << 10) /* leaf 7, EDX */
#define IBRSB      (1u << 26)
#define ARCH_CAPS  (1u << 29)
#define SMEP       (1u << 7) /* leaf 7, EBX */
#define INVPCID    (1u << 10)
#define RTM        (1u << 11)
#define PCID       (1u << 17) /* leaf 1, ECX */
#define BHI_CTRL   (1u << 4)  /* leaf 7, subleaf 2, EDX */
#define IBPB       (1u << 12) /* leaf 0x80000008, EBX */
#define VERW_CLEAR (1u << 5)  /* leaf 0x80000021, EAX */
#define TSA_NO     6u         /* ECX: of both kinds */

#define MODEL(family, model, stepping)                                                   \
    ((family) > 15 ? 0xf00u | ((family)-15u) << 20 : (family) << 8) |                    \
        ((model)&15u) << 4 | ((model)&0xf0u) << 12 | (stepping)

static struct processor {
    uint32_t vendor[3];
    uint32_t last, eax1, ecx1, ebx7, edx7, edx72, ebx_e8, eax_e21, ecx_e21;
    uint64_t cr4;
    unsigned bits; /* of physical addresses */
    uint64_t arch_caps;
} cpu;

static struct write {
    uint32_t msr;
    uint64_t val;
} writes[16];
static unsigned n;
static struct cpu_info info;

static inline struct cpu_info *cpu_info(void)
{
    return &info;
}
static inline void cpuid_raw(uint32_t leaf, uint32_t sub, uint32_t r[4])
{
    memset(r, 0, 4 * sizeof(*r));
    if (leaf == 0) {
        r[0] = cpu.last;
        memcpy(r + 1, cpu.vendor, sizeof(cpu.vendor));
    } else if (leaf == 1) {
        r[0] = cpu.eax1;
        r[2] = cpu.ecx1;
    } else if (leaf == 7 && cpu.last >= 7) {
        r[1] = sub ? 0 : cpu.ebx7;
        r[3] = sub == 2 ? cpu.edx72 : sub ? 0 : cpu.edx7;
    } else if (leaf == 0x80000000) {
        r[0] = cpu.eax_e21 ? 0x80000021 : 0x80000008;
    } else if (leaf == 0x80000008) {
        r[0] = cpu.bits;
        r[1] = cpu.ebx_e8;
    } else if (leaf == 0x80000021) {
        r[0] = cpu.eax_e21;
        r[2] = cpu.ecx_e21;
    }
}
static inline uint64_t rdmsr(uint32_t msr)
{
    ck_assert_uint_eq(msr, MSR_ARCH_CAPS);
    ck_assert_msg(cpu.edx7 & ARCH_CAPS, "reads a register that is not there");
    return cpu.arch_caps;
}
static inline void wrmsr(uint32_t msr, uint64_t val)
{
    writes[n++] = (struct write){msr, val};
}
static inline uint64_t read_cr4(void)
{
    return cpu.cr4;
}
static inline void write_cr4(uint64_t v)
{
    cpu.cr4 = v;
}
static inline void write_cr0(uint64_t v)
{
}
static inline void xsetbv(uint64_t v)
{
}

/* A machine with that processor, as far as its features are known. */
static inline void boot_on(struct processor p, const char *options)
{
    host_boot(1, 16);
    param_parse(options);
    host_console_clear();
    cpu = p;
    features_probe();
}

#endif
