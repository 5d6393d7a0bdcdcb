/* SPDX-License-Identifier: MIT */
/* Privileged instructions and the numbers they take.
 * Reference: AMD64 Architecture Programmer's Manual volume 2, "System Resources". */
#ifndef HW_CPU_MSR_H
#define HW_CPU_MSR_H

#define MSR_SPEC_CTRL      0x48
#define MSR_PRED_CMD       0x49
#define MSR_ARCH_CAPS      0x10a
#define MSR_SYSENTER_CS    0x174
#define MSR_EFER           0xc0000080
#define MSR_STAR           0xc0000081
#define MSR_LSTAR          0xc0000082
#define MSR_CSTAR          0xc0000083
#define MSR_SFMASK         0xc0000084
#define MSR_FS_BASE        0xc0000100
#define MSR_GS_BASE        0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define MSR_TSC_AUX        0xc0000103
#define MSR_PAT            0x277
#define MSR_AMD64_DE_CFG   0xc0011029

/* MSR_SPEC_CTRL */
#define SPEC_BHI_DIS_S (1ull << 10)
/* MSR_ARCH_CAPS */
#define CAPS_RDCL_NO      (1ull << 0)
#define CAPS_IBRS_ALL     (1ull << 1)
#define CAPS_RSBA         (1ull << 2)
#define CAPS_SKIP_L1DFL   (1ull << 3)
#define CAPS_SSB_NO       (1ull << 4)
#define CAPS_MDS_NO       (1ull << 5)
#define CAPS_TAA_NO       (1ull << 8)
#define CAPS_SBDR_SSDP_NO (1ull << 13)
#define CAPS_FBSDP_NO     (1ull << 14)
#define CAPS_PSDP_NO      (1ull << 15)
#define CAPS_FB_CLEAR     (1ull << 17)
#define CAPS_RRSBA        (1ull << 19)
#define CAPS_BHI_NO       (1ull << 20)
#define CAPS_PBRSB_NO     (1ull << 24)
#define CAPS_GDS_CTRL     (1ull << 25)
#define CAPS_GDS_NO       (1ull << 26)
#define CAPS_RFDS_NO      (1ull << 27)
#define CAPS_RFDS_CLEAR   (1ull << 28)

#define EFER_SCE          0x001
#define EFER_LME          0x100
#define EFER_NXE          0x800

#define CR0_PE            0x00000001
#define CR0_MP            0x00000002
#define CR0_TS            0x00000008
#define CR0_ET            0x00000010
#define CR0_NE            0x00000020
#define CR0_WP            0x00010000
#define CR0_AM            0x00040000
#define CR0_PG            0x80000000
#define CR0_HV            (CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG)

#define CR3_NOFLUSH       (1ull << 63) /* with PCIDs: what the TLB has stays */

#define CR4_DE            0x00000008
#define CR4_PSE           0x00000010
#define CR4_PAE           0x00000020
#define CR4_MCE           0x00000040
#define CR4_PGE           0x00000080
#define CR4_OSFXSR        0x00000200
#define CR4_OSXMMEXCPT    0x00000400
#define CR4_UMIP          0x00000800
#define CR4_FSGSBASE      0x00010000
#define CR4_PCIDE         0x00020000
#define CR4_OSXSAVE       0x00040000
#define CR4_SMEP          0x00100000
#define CR4_SMAP          0x00200000

#define EFLAGS_TF         0x00000100
#define EFLAGS_IF         0x00000200
#define EFLAGS_DF         0x00000400
#define EFLAGS_IOPL       0x00003000
#define EFLAGS_NT         0x00004000
#define EFLAGS_RF         0x00010000
#define EFLAGS_VM         0x00020000
#define EFLAGS_AC         0x00040000
/* What SYSCALL clears. */
#define EFLAGS_SYSCALL_MASK                                                              \
    (EFLAGS_AC | EFLAGS_VM | EFLAGS_RF | EFLAGS_NT | EFLAGS_IOPL | EFLAGS_DF |           \
     EFLAGS_IF | EFLAGS_TF)
/* What a guest kernel finds cleared at the start of an exception or event... */
#define EFLAGS_BOUNCE_CLEAR                                                              \
    (EFLAGS_AC | EFLAGS_VM | EFLAGS_RF | EFLAGS_NT | EFLAGS_IOPL | EFLAGS_TF)
/* ... and of a system call. */
#define EFLAGS_ENTRY_CLEAR                                                               \
    (EFLAGS_AC | EFLAGS_VM | EFLAGS_RF | EFLAGS_NT | EFLAGS_IOPL | EFLAGS_DF | EFLAGS_TF)

#ifndef __ASSEMBLY__
#include "lib/types.h"

static inline uint64_t rdmsr(uint32_t msr)
{
    uint32_t lo, hi;
    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
    return lo | (uint64_t)hi << 32;
}
static inline void wrmsr(uint32_t msr, uint64_t v)
{
    __asm__ volatile("wrmsr"
                     :
                     : "c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32))
                     : "memory");
}
static inline void cpuid_raw(uint32_t leaf, uint32_t sub, uint32_t r[4])
{
    __asm__ volatile("cpuid"
                     : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3])
                     : "a"(leaf), "c"(sub));
}

#define CR_ACCESS(n)                                                                     \
    static inline uint64_t read_cr##n(void)                                              \
    {                                                                                    \
        uint64_t v;                                                                      \
        __asm__ volatile("mov %%cr" #n ", %0" : "=r"(v) : : "memory");                   \
        return v;                                                                        \
    }                                                                                    \
    static inline void write_cr##n(uint64_t v)                                           \
    {                                                                                    \
        __asm__ volatile("mov %0, %%cr" #n : : "r"(v) : "memory");                       \
    }
CR_ACCESS(0)
CR_ACCESS(2)
CR_ACCESS(3)
CR_ACCESS(4)

static inline void invlpg(vaddr_t va)
{
    __asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}
/* type 0: va in this PCID, if not global; 2: everything. */
static inline void invpcid(uint64_t type, uint64_t pcid, vaddr_t va)
{
    struct {
        uint64_t pcid, va;
    } desc = {pcid, va};

    __asm__ volatile("invpcid %0, %1" : : "m"(desc), "r"(type) : "memory");
}
static inline void xsetbv(uint64_t v)
{
    __asm__ volatile("xsetbv" : : "c"(0), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)));
}
#endif

#endif
