/* SPDX-License-Identifier: MIT */
/* CPU features. All CPUs are taken to be alike.
 * Reference: AMD64 Architecture Programmer's Manual volume 3, "Obtaining Processor
 * Information Via the CPUID Instruction"; Intel SDM volume 2, "CPUID". */
#include "hw/cpu/features.h"
#include "hw/cpu/extable.h"
#include "hw/cpu/msr.h"
#include "kern/param.h"
#include "port/cpu.h"
#include "port/priv.h"

/* x87, SSE, AVX, AVX-512 (three), PKRU. MPX and AMX are not switched. */
#define XCR0_KNOWN    0x2e7ull
#define XCR0_AVX      0x0e4ull /* AVX and AVX-512 */
#define DE_CFG_LFENCE 2ull     /* LFENCE waits for what is before it */

struct cpu_features cpu_features;

static bool bit(uint32_t r, unsigned n)
{
    return r >> n & 1;
}

static void probe_extended(struct cpu_features *f)
{
    uint32_t r[4];

    cpuid_raw(0x80000001, 0, r);
    f->nx = bit(r[3], 20);
    f->page1g = bit(r[3], 26);
    f->rdtscp = bit(r[3], 27);
}

/* Gather Data Sampling: Intel's family 6 from Skylake to Rocket Lake, unless the CPU says
 * that it is not so, or that microcode mends it. What a hypervisor below us says of the
 * model is not to be relied on. */
static bool leaks_gathers(const struct cpu_features *f)
{
    static const uint8_t models[] = {0x4e, 0x55, 0x5e, 0x66, 0x6a, 0x6c, 0x7d, 0x7e,
                                     0x8c, 0x8d, 0x8e, 0x9e, 0xa5, 0xa6, 0xa7};
    uint32_t r[4];
    bool leaks;

    cpuid_raw(1, 0, r);
    if (!f->intel || (r[0] & 0xf00) != 0x600)
        return false;
    leaks = bit(r[2], 31);
    for (unsigned i = 0; i < sizeof(models); i++)
        leaks |= models[i] == ((r[0] >> 4 & 15) | (r[0] >> 12 & 0xf0));
    cpuid_raw(7, 0, r);
    return leaks &&
           !(bit(r[3], 29) && rdmsr(MSR_ARCH_CAPS) & (CAPS_GDS_CTRL | CAPS_GDS_NO));
}

/* All but AMD's and their kin, unless the CPU says that it is not so. */
static bool reads_ahead(const struct cpu_features *f)
{
    uint32_t r[4];

    if (f->amd || f->hygon)
        return false;
    cpuid_raw(0, 0, r);
    if (r[0] < 7)
        return true;
    cpuid_raw(7, 0, r);
    return !(bit(r[3], 29) && rdmsr(MSR_ARCH_CAPS) & CAPS_RDCL_NO);
}

static void probe_xsave(struct cpu_features *f)
{
    uint32_t r[4];

    f->fpu_size = 512;
    f->xcr0 = 3;
    if (!f->xsave)
        return;
    cpuid_raw(0xd, 0, r);
    f->xcr0 = (r[0] | (uint64_t)r[3] << 32) & XCR0_KNOWN;
    if (leaks_gathers(f)) /* Xen's way: without AVX there are none */
        f->xcr0 &= ~(uint64_t)XCR0_AVX;
    write_cr4(read_cr4() | CR4_OSXSAVE);
    xsetbv(f->xcr0);
    cpuid_raw(0xd, 0, r); /* EBX: size for what XCR0 enables now */
    f->fpu_size = r[1];
    cpuid_raw(0xd, 1, r);
    f->xsaveopt = bit(r[0], 0);
}

/* QEMU's TCG reads IRET's frame as if ring 0 did, so that with SMAP on a PV kernel's own
 * IRET faults (seen in 7.2; Xen's dom0 dies there as well). */
static bool is_tcg(void)
{
    uint32_t r[4];

    cpuid_raw(1, 0, r);
    if (!bit(r[2], 31))
        return false;
    cpuid_raw(0x40000000, 0, r);
    return r[1] == 0x54474354 && r[2] == 0x43544743 && r[3] == 0x47435447;
}

/* Flushing global entries takes writes of CR4, which a hypervisor below us intercepts on
 * AMD's and Hygon's CPUs: dearer there than what global entries save. As Xen decides. */
static bool global_pages_pay(const struct cpu_features *f, const uint32_t leaf1[4])
{
    return !((f->amd || f->hygon) && bit(leaf1[2], 31));
}

void features_probe(void)
{
    struct cpu_features *f = &cpu_features;
    uint32_t r[4], max;

    cpuid_raw(0, 0, r);
    max = r[0];
    f->intel = r[1] == 0x756e6547; /* "Genu" */
    f->amd = r[1] == 0x68747541;   /* "Auth" */
    f->hygon = r[1] == 0x6f677948; /* "Hygo" */
    cpuid_raw(1, 0, r);
    f->pge = bit(r[3], 13) && global_pages_pay(f, r);
    f->pcid = bit(r[2], 17);
    f->xsave = bit(r[2], 26) && max >= 0xd;
    if (max >= 7) {
        cpuid_raw(7, 0, r);
        f->fsgsbase = bit(r[1], 0);
        f->smep = bit(r[1], 7);
        f->invpcid = bit(r[1], 10);
        f->smap = bit(r[1], 20) && !is_tcg();
        f->umip = bit(r[2], 2);
        f->spec_ctrl = f->ibpb = bit(r[3], 26);
    }
    cpuid_raw(0x80000000, 0, r);
    if (r[0] >= 0x80000008) {
        cpuid_raw(0x80000008, 0, r);
        f->ibpb |= bit(r[1], 12);
    }
    f->meltdown = reads_ahead(f);
    probe_extended(f);
    probe_xsave(f);
}

/* The page attribute table that the PV ABI promises guests: WB, WT, UC-, UC, WC, WP, UC,
 * UC. Its first four are those of reset, which the hypervisor's own mappings use. */
#define PAT_GUESTS 0x050100070406ull

void features_enable(void)
{
    const struct cpu_features *f = &cpu_features;
    uint64_t cr4 = CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT;

    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE | (f->nx ? EFER_NXE : 0));
    write_cr0(CR0_HV);
    wrmsr(MSR_PAT,
          PAT_GUESTS); /* before caches are asked to obey any entry but the first four */
    cr4 |= (f->pge ? CR4_PGE : 0) | (f->umip ? CR4_UMIP : 0) |
           (f->fsgsbase ? CR4_FSGSBASE : 0) | (f->xsave ? CR4_OSXSAVE : 0) |
           (f->smep && boot_params.smep ? CR4_SMEP : 0) |
           (f->smap && boot_params.smap ? CR4_SMAP : 0);
    write_cr4(cr4);
    if (f->xsave) {
        xsetbv(f->xcr0);
        cpu_info()->xcr0 = f->xcr0;
    }
    if (f->amd || f->hygon) {
        uint64_t cfg;

        if (cpu_rdmsr(MSR_AMD64_DE_CFG, &cfg))
            (void)cpu_wrmsr(MSR_AMD64_DE_CFG, cfg | DE_CFG_LFENCE);
    }
    if (f->rdtscp) {
        wrmsr(MSR_TSC_AUX, 0);
        cpu_info()->tsc_aux = 0;
    }
}
