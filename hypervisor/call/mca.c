/* SPDX-License-Identifier: MIT */
/*
 * mca: what a control domain's machine check log asks. The hypervisor keeps no telemetry:
 * a machine check ends it (hw/cpu/trap.c), and corrected errors stay in the banks, so
 * that there is never anything to fetch. Errors are Xen 4.17's.
 *
 * Reference: Xen public interface, arch-x86/xen-mca.h; Intel SDM volume 2, "CPUID".
 */
#include "abi/mca.h"
#include "call/call.h"
#include "lib/string.h"
#include "port/platform.h"
#include "port/priv.h"

#define MSR_MCG_CAP  0x179u
#define VENDOR_INTEL 1u /* numbers that tools get from Xen */
#define VENDOR_AMD   2u
#define CHIP_NONE    (~0u)

static int fetch(struct hv_mc_fetch *f)
{
    switch (f->flags & ~(uint32_t)HV_MC_ACK) {
    case HV_MC_NONURGENT:
    case HV_MC_URGENT:
        break;
    default:
        return -EINVAL;
    }
    if (!(f->flags & HV_MC_ACK)) {
        f->flags = HV_MC_NODATA;
        f->fetch_id = 0;
    }
    return 0;
}

static void describe(struct hv_mcinfo_logical_cpu *c, unsigned cpu)
{
    struct platform_cpu_version v;
    struct cpuid_regs r;
    uint32_t acpi_id;

    memset(c, 0, sizeof(*c));
    c->mc_cpunr = cpu;
    if (!platform_cpu_ids(cpu, &c->mc_apicid, &acpi_id))
        c->mc_apicid = CHIP_NONE;
    c->mc_ncores = c->mc_ncores_active = cpu_count();
    c->mc_coreid = (uint16_t)cpu;
    c->mc_nthreads = 1;
    platform_cpu_version(&v);
    memcpy(c->mc_vendorid, v.vendor, sizeof(v.vendor));
    c->mc_vendor = !memcmp(v.vendor, "GenuineIntel", 12)   ? VENDOR_INTEL
                   : !memcmp(v.vendor, "AuthenticAMD", 12) ? VENDOR_AMD
                                                           : 0;
    c->mc_family = v.family;
    c->mc_model = v.model;
    c->mc_step = v.stepping;
    cpu_cpuid(0, 0, &r);
    c->mc_cpuid_level = (int32_t)r.a;
    cpu_cpuid(1, 0, &r);
    c->mc_cpu_caps[HV_MC_CAPS_STD_EDX] = r.d;
    c->mc_cpu_caps[HV_MC_CAPS_STD_ECX] = r.c;
    c->mc_cache_alignment = (r.b >> 8 & 0xff) * 8;
    cpu_cpuid(0x80000001, 0, &r);
    c->mc_cpu_caps[HV_MC_CAPS_AMD_EDX] = r.d;
    c->mc_cpu_caps[HV_MC_CAPS_AMD_ECX] = r.c;
    for (uint32_t i = 0; i < 3; i++) {
        cpu_cpuid(0x80000002 + i, 0, &r);
        memcpy(c->mc_brandid + i * sizeof(r), &r, sizeof(r));
    }
    c->mc_msrvalues[0].reg = MSR_MCG_CAP;
    c->mc_nmsrvals = cpu_rdmsr(MSR_MCG_CAP, &c->mc_msrvalues[0].value);
}

/* Without a place to write to: the number of CPUs only. */
static int list_cpus(struct hv_mc_physcpuinfo *p)
{
    struct hv_mcinfo_logical_cpu c;
    unsigned n = cpu_count();

    if (p->info) {
        n = MIN(n, p->ncpus);
        if (n == 0)
            return -EINVAL;
        for (unsigned cpu = 0; cpu < n; cpu++) {
            describe(&c, cpu);
            if (guest_write(p->info + cpu * sizeof(c), &c, sizeof(c)))
                return -EFAULT;
        }
    }
    p->ncpus = n;
    return 0;
}

HCALL(call_mca)
{
    struct hv_mc op;
    int rc;

    if (!h->d->privileged)
        return -EPERM;
    if (copy_in(&op, h->arg[0]))
        return -EFAULT;
    if (op.interface_version != HV_MCA_INTERFACE_VERSION)
        return -EACCES;
    switch (op.cmd) {
    case HV_MC_FETCH:
        rc = fetch(&op.u.mc_fetch);
        break;
    case HV_MC_PHYSCPUINFO:
        rc = list_cpus(&op.u.mc_physcpuinfo);
        break;
    default: /* errors made for tests, and telling a guest: not here */
        return -EINVAL;
    }
    if (!rc && copy_out(h->arg[0], &op))
        rc = -EFAULT;
    return rc;
}
