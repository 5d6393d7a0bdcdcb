/* SPDX-License-Identifier: MIT */
/* What CPUs leak, by their makers' word: what the CPU says of itself counts most, else
 * its model, and a model that is not known is taken to have what its maker's others have.
 * VERW counts only where the CPU says that it cleans.
 *
 * Reference: Intel, "Affected Processors: Transient Execution Attacks & Related Security
 * Issues by CPU", "Microarchitectural Data Sampling", "L1 Terminal Fault", "Register File
 * Data Sampling", "Branch History Injection"; AMD, "Transient Scheduler Attacks". */
#include "hw/cpu/bugs.h"
#include "hw/cpu/features.h"
#include "hw/cpu/msr.h"

struct cpu_bugs cpu_bugs;

struct ident {
    unsigned family, model;
    bool taa; /* has RTM */
    uint32_t max, edx7;
};

static bool is_model(const struct ident *id, const uint8_t *models, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (models[i] == id->model)
            return true;
    return false;
}
#define IS_MODEL(id, models) is_model(id, models, sizeof(models))

static struct ident identify(void)
{
    struct ident id = {0};
    uint32_t r[4];

    cpuid_raw(1, 0, r);
    id.family = r[0] >> 8 & 15;
    id.model = (r[0] >> 4 & 15) | (r[0] >> 12 & 0xf0);
    if (id.family == 15)
        id.family += r[0] >> 20 & 0xff;
    cpuid_raw(0, 0, r);
    id.max = r[0];
    if (id.max >= 7) {
        cpuid_raw(7, 0, r);
        id.taa = r[1] >> 11 & 1;
        id.edx7 = r[3];
    }
    return id;
}

/* Atoms and Xeon Phis. */
static const uint8_t in_order[] = {0x1c, 0x26, 0x27, 0x35, 0x36};
static const uint8_t silvermont[] = {0x37, 0x4a, 0x4c, 0x4d, 0x57, 0x5a, 0x85};
static const uint8_t goldmont[] = {0x5c, 0x5f, 0x7a};

static bool has_l1tf(const struct ident *id)
{
    return !(cpu_bugs.arch_caps & CAPS_RDCL_NO) && !IS_MODEL(id, in_order) &&
           !IS_MODEL(id, silvermont) && !IS_MODEL(id, goldmont);
}

/* Nehalem's and Westmere's L1 data caches compare 44 bits, those of later ones 46. */
static unsigned l1d_bits(const struct ident *id)
{
    static const uint8_t first[] = {0x1a, 0x1e, 0x1f, 0x25, 0x2c, 0x2e, 0x2f};
    static const uint8_t then[] = {0x2a, 0x2d, 0x3a, 0x3c, 0x3d, 0x3e, 0x3f, 0x45, 0x46,
                                   0x47, 0x4e, 0x4f, 0x55, 0x56, 0x5e, 0x66, 0x8e, 0x9e};
    unsigned bits = IS_MODEL(id, first) ? 44 : IS_MODEL(id, then) ? 46 : 0;

    return bits > cpu_bugs.addr_bits ? bits : cpu_bugs.addr_bits;
}

static bool intel_buffers(const struct ident *id)
{
    uint64_t caps = cpu_bugs.arch_caps;

    if ((caps & CAPS_RFDS_CLEAR) && !(caps & CAPS_RFDS_NO))
        return true;
    return cpu_bugs.md_clear && ((!(caps & CAPS_MDS_NO) && !IS_MODEL(id, in_order)) ||
                                 (!(caps & CAPS_TAA_NO) && id->taa));
}

static void probe_intel(const struct ident *id)
{
    const uint64_t mmio_no = CAPS_SBDR_SSDP_NO | CAPS_FBSDP_NO | CAPS_PSDP_NO;
    struct cpu_bugs *b = &cpu_bugs;
    uint32_t r[4];

    if (id->edx7 >> 29 & 1)
        b->arch_caps = rdmsr(MSR_ARCH_CAPS);
    b->md_clear = id->edx7 >> 10 & 1;
    if (id->family != 6)
        return;
    b->l1tf = has_l1tf(id);
    b->l1d_bits = l1d_bits(id);
    b->buffers = intel_buffers(id);
    b->mmio = (b->arch_caps & CAPS_FB_CLEAR) && (b->arch_caps & mmio_no) != mmio_no;
    b->history = !(b->arch_caps & CAPS_BHI_NO);
    if (id->max >= 7) {
        cpuid_raw(7, 2, r);
        b->bhi_dis_s = b->history && cpu_features.spec_ctrl && (r[3] >> 4 & 1);
    }
}

/* AMD's family 19h has buffers that VERW cleans, unless it says twice that it leaks not.
 */
static void probe_amd(const struct ident *id)
{
    uint32_t r[4];

    cpuid_raw(0x80000000, 0, r);
    if (r[0] < 0x80000021)
        return;
    cpuid_raw(0x80000021, 0, r);
    cpu_bugs.verw_clear = r[0] >> 5 & 1;
    cpu_bugs.buffers = cpu_bugs.verw_clear && id->family == 0x19 && (r[2] & 6) != 6;
}

void bugs_probe(void)
{
    struct ident id = identify();
    uint32_t r[4];

    cpuid_raw(0x80000000, 0, r);
    cpu_bugs.addr_bits = 36;
    if (r[0] >= 0x80000008) {
        cpuid_raw(0x80000008, 0, r);
        cpu_bugs.addr_bits = r[0] & 0xff;
    }
    cpu_bugs.l1d_bits = cpu_bugs.addr_bits;
    if (cpu_features.intel)
        probe_intel(&id);
    else if (cpu_features.amd || cpu_features.hygon)
        probe_amd(&id);
}
