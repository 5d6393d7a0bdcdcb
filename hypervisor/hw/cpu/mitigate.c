/* SPDX-License-Identifier: MIT */
/* Protections that take more than a bit of a register: VERW on the ways out to guests
 * (ways_out.S), guests' branch history forgotten before C runs for them (entry.S,
 * forget_history), isolation (isolate.c), and what guests' page tables may hold
 * (port/l1tf.h). Where the CPU needs none of it entry code stays as it was assembled.
 *
 * The lines of the log are Xen's, so that who looks there for a protection finds it. */
#include "hw/cpu/mitigate.h"
#include "hw/boot/boot.h"
#include "hw/cpu/bugs.h"
#include "hw/cpu/features.h"
#include "hw/cpu/isolate.h"
#include "hw/cpu/msr.h"
#include "kern/log.h"
#include "kern/param.h"
#include "lib/string.h"
#include "port/l1tf.h"

struct mitigations mitigations;

uint64_t l1tf_safe_address(bool control_domain)
{
    return control_domain ? mitigations.l1tf_dom0 : mitigations.l1tf_domu;
}

static bool chosen(int8_t option, bool by_default)
{
    return option < 0 ? by_default : option;
}

/* Addresses that the cache takes for none of memory's: beyond what CPUID grants, if the
 * cache compares more; else there is no memory in the last quarter, or it is known where
 * memory ends. */
static uint64_t safe_address(uint64_t ram_end)
{
    unsigned bits = cpu_bugs.addr_bits;
    uint64_t safe = cpu_bugs.l1d_bits > bits ? 1ull << bits : 3ull << (bits - 2);

    return ram_end > safe ? ram_end : safe;
}

static void decide(uint64_t ram_end)
{
    const struct boot_params *p = &boot_params;
    const struct cpu_bugs *b = &cpu_bugs;
    struct mitigations *m = &mitigations;
    uint64_t safe = safe_address(ram_end);
    bool dis = b->bhi_dis_s && p->bhi_dis_s;

    m->verw = chosen(p->verw, b->buffers || (b->mmio && p->unpriv_mmio));
    m->spec_ctrl = dis ? SPEC_BHI_DIS_S : 0;
    m->forget_domu = chosen(p->bhb_entry, b->history && !dis);
    m->forget_dom0 = chosen(p->bhb_entry, false);
    m->l1tf_dom0 = chosen(p->l1tf_dom0, false) ? safe : 0;
    m->l1tf_domu = chosen(p->l1tf_domu, b->l1tf) ? safe : 0;
}

static void tell(void)
{
    static const struct {
        const char *name;
        uint64_t bit;
    } caps[] = {{" RDCL_NO", CAPS_RDCL_NO},
                {" EIBRS", CAPS_IBRS_ALL},
                {" RSBA", CAPS_RSBA},
                {" RRSBA", CAPS_RRSBA},
                {" SKIP_L1DFL", CAPS_SKIP_L1DFL},
                {" SSB_NO", CAPS_SSB_NO},
                {" MDS_NO", CAPS_MDS_NO},
                {" TAA_NO", CAPS_TAA_NO},
                {" SBDR_SSDP_NO", CAPS_SBDR_SSDP_NO},
                {" FBSDP_NO", CAPS_FBSDP_NO},
                {" PSDP_NO", CAPS_PSDP_NO},
                {" FB_CLEAR", CAPS_FB_CLEAR},
                {" PBRSB_NO", CAPS_PBRSB_NO},
                {" GDS_NO", CAPS_GDS_NO},
                {" RFDS_NO", CAPS_RFDS_NO}};
    const struct mitigations *m = &mitigations;
    const struct cpu_bugs *b = &cpu_bugs;
    char hints[200] = "";
    unsigned n = 0;

    for (size_t i = 0; i < ARRAY_SIZE(caps); i++)
        if (b->arch_caps & caps[i].bit)
            n += (unsigned)snprintf(hints + n, sizeof(hints) - n, "%s", caps[i].name);
    log_info("Speculative mitigation facilities:");
    log_info("  Hardware hints:%s", hints);
    log_info("  Hardware features:%s%s%s%s%s", cpu_features.ibpb ? " IBPB" : "",
             cpu_features.spec_ctrl ? " IBRS" : "", b->md_clear ? " MD_CLEAR" : "",
             b->arch_caps & CAPS_RFDS_CLEAR ? " RFDS_CLEAR" : "",
             b->verw_clear ? " VERW_CLEAR" : "");
    log_info("  Settings: BTI-Thunk: RETPOLINE, %sOther:%s%s",
             m->forget_domu || m->forget_dom0 ? "BHB-Seq: SHORT, " : "",
             m->spec_ctrl ? " BHI_DIS_S+" : "", m->verw ? " VERW" : "");
    if (b->l1tf || m->l1tf_dom0 || m->l1tf_domu)
        log_info("  L1TF: believed%s vulnerable, maxphysaddr L1D %u, CPUID %u, Safe "
                 "address %lx",
                 b->l1tf ? "" : " not", b->l1d_bits, b->addr_bits,
                 (unsigned long)(m->l1tf_domu ? m->l1tf_domu : m->l1tf_dom0));
    log_info("  Support for PV VMs:%s%s EAGER_FPU%s%s",
             cpu_features.spec_ctrl ? " MSR_SPEC_CTRL" : "",
             cpu_features.smep && boot_params.smep ? "" : " RSB", m->verw ? " VERW" : "",
             m->forget_domu || m->forget_dom0 ? " BHB-entry" : "");
}

void mitigate_lead(uint64_t at, uint8_t opcode, uint64_t to)
{
    uint8_t code[5] = {opcode};
    int32_t off = (int32_t)(to - at - sizeof(code));

    memcpy(code + 1, &off, sizeof(off));
    memcpy(phys_ptr(image_pa(at)), code, sizeof(code)); /* text is not writable */
}

/* Self-relative, as link.lds collects them. */
struct way_out {
    int32_t at, isolated, isolated_verw, verw;
};
struct c_call {
    int32_t at, forgetting;
};
extern const struct way_out __ways_out_start[], __ways_out_end[];
extern const struct c_call __c_calls_start[], __c_calls_end[];

static uint64_t rel(const int32_t *p)
{
    return (uint64_t)p + (int64_t)*p;
}

static void fit_entry_code(void)
{
    const struct mitigations *m = &mitigations;

    if (isolate_on || m->verw)
        for (const struct way_out *w = __ways_out_start; w < __ways_out_end; w++)
            mitigate_lead(rel(&w->at), 0xe9,
                          rel(!m->verw      ? &w->isolated
                              : !isolate_on ? &w->verw
                                            : &w->isolated_verw));
    if (m->forget_dom0 || m->forget_domu)
        for (const struct c_call *c = __c_calls_start; c < __c_calls_end; c++)
            mitigate_lead(rel(&c->at), 0xe8, rel(&c->forgetting));
}

void mitigate_boot(void)
{
    const struct mitigations *m = &mitigations;
    const struct boot_range *ram;
    unsigned n = memory_ram_ranges(&ram);

    bugs_probe();
    decide(n ? ram[n - 1].end : 0);
    tell();
    isolate_boot();
    log_info("  PV L1TF shadowing: Dom0 %s, DomU %s",
             m->l1tf_dom0 ? "enabled" : "disabled",
             m->l1tf_domu ? "enabled" : "disabled");
    fit_entry_code();
}

void cpu_verw(void)
{
    extern const uint16_t verw_selector;

    __asm__ volatile("verw %0" : : "m"(verw_selector) : "cc");
}
