/* SPDX-License-Identifier: MIT */
/*
 * platform_op: what the control domain tells and asks about the machine. Errors are
 * Xen 4.17's. Of power management only what a control domain cannot do itself is here:
 * sleeping. Frequency and idle state tables that it uploads are read past: the hypervisor
 * does not drive them.
 */
#include "abi/platform.h"
#include "call/call.h"
#include "call/sysctl.h"
#include "call/platform.h"
#include "guest/time.h"
#include "kern/cpupool.h"
#include "kern/domain.h"
#include "kern/log.h"
#include "kern/sched.h"
#include "port/clock.h"
#include "port/ipi.h"
#include "port/platform.h"
#include "port/priv.h"

#define INTERFACE_OLD       0x03000000u

#define MSR_TSC             0x10
#define MSR_TSX_FORCE_ABORT 0x10f
#define MSR_TSX_CTRL        0x122
#define MSR_MCU_OPT_CTRL    0x123
#define MSR_CMT_SELECT      0xc8d
#define MSR_CMT_COUNT       0xc8e

static int set_time(uint64_t secs, uint32_t nsecs, uint64_t system_time)
{
    if (nsecs >= 1000000000u)
        return -EINVAL;
    time_set_wallclock(secs, nsecs, system_time);
    return 0;
}

static int op_settime32(struct hcall *h, struct hv_platform_op *op)
{
    return set_time(op->u.settime32.secs, op->u.settime32.nsecs,
                    op->u.settime32.system_time);
}

static int op_settime64(struct hcall *h, struct hv_platform_op *op)
{
    if (op->u.settime64.mbz)
        return -EINVAL;
    return set_time(op->u.settime64.secs, op->u.settime64.nsecs,
                    op->u.settime64.system_time);
}

static int op_add_memtype(struct hcall *h, struct hv_platform_op *op)
{
    return platform_add_memtype(&op->u.add_memtype);
}

static int op_del_memtype(struct hcall *h, struct hv_platform_op *op)
{
    return platform_del_memtype(&op->u.del_memtype);
}

static int op_read_memtype(struct hcall *h, struct hv_platform_op *op)
{
    return platform_read_memtype(&op->u.read_memtype);
}

static int op_microcode(struct hcall *h, struct hv_platform_op *op)
{
    return platform_microcode(&op->u.microcode);
}

static int op_quirk(struct hcall *h, struct hv_platform_op *op)
{
    switch (op->u.platform_quirk.quirk_id) {
    case HV_QUIRK_NOIRQBALANCING:
    case HV_QUIRK_IOAPIC_BAD_REGSEL:
    case HV_QUIRK_IOAPIC_GOOD_REGSEL:
        return 0; /* we rewrite the index at every access */
    default:
        return -EINVAL;
    }
}

/* Nobody asked the BIOS while it could still answer. */
static int op_firmware(struct hcall *h, struct hv_platform_op *op)
{
    switch (op->u.firmware_info.type) {
    case HV_FW_DISK_INFO:
    case HV_FW_DISK_MBR_SIGNATURE:
    case HV_FW_VBEDDC_INFO:
        return -ESRCH;
    case HV_FW_EFI_INFO:
        return platform_efi_firmware(&op->u.firmware_info);
    case HV_FW_KBD_SHIFT_FLAGS:
        if (op->u.firmware_info.index)
            return -ESRCH;
        op->u.firmware_info.u.kbd_shift_flags = 0;
        return 0;
    default:
        return -EINVAL;
    }
}

static int op_efi(struct hcall *h, struct hv_platform_op *op)
{
    return platform_efi_op(&op->u.efi_runtime_call);
}

static int op_sleep(struct hcall *h, struct hv_platform_op *op)
{
    const struct hv_pf_enter_acpi_sleep *s = &op->u.enter_acpi_sleep;

    if (s->flags & ~HV_PF_ACPI_SLEEP_EXTENDED)
        return -EINVAL;
    if (s->flags & HV_PF_ACPI_SLEEP_EXTENDED)
        return -EOPNOTSUPP;
    return platform_sleep(s->sleep_state, s->val_a, s->val_b);
}

static int op_change_freq(struct hcall *h, struct hv_platform_op *op)
{
    return -ENOSYS;
}

static int op_idle_time(struct hcall *h, struct hv_platform_op *op)
{
    struct hv_pf_getidletime *g = &op->u.getidletime;
    uint8_t bits[HV_MAX_CPUS / 8] = {0};
    unsigned n = MIN(g->cpumap_nr_cpus, (uint32_t)HV_MAX_CPUS);

    if (n && guest_read(bits, g->cpumap_bitmap, (n + 7) / 8))
        return -EFAULT;
    for (unsigned cpu = 0; cpu < n; cpu++) {
        uint64_t ns;

        if (!(bits[cpu / 8] >> cpu % 8 & 1))
            continue;
        if (!(cpu_online() & cpumask_of(cpu))) {
            bits[cpu / 8] &= (uint8_t) ~(1u << cpu % 8);
            continue;
        }
        ns = sched_cpu_idle_ns(cpu);
        if (guest_write(g->idletime + cpu * sizeof(ns), &ns, sizeof(ns)))
            return -EFAULT;
    }
    if (n && guest_write(g->cpumap_bitmap, bits, (n + 7) / 8))
        return -EFAULT;
    g->now = clock_now();
    return 0;
}

static int op_pminfo(struct hcall *h, struct hv_platform_op *op)
{
    switch (op->u.set_pminfo.type) {
    case HV_PM_CX:
    case HV_PM_PX:
    case HV_PM_TX:
        return -ENOSYS;
    case HV_PM_PDC:
        return 0; /* the capabilities that the control domain offers firmware stay as they
                     are */
    default:
        return -EINVAL;
    }
}

static unsigned last_cpu(void)
{
    return cpu_count() - 1;
}

static int op_cpuinfo(struct hcall *h, struct hv_platform_op *op)
{
    struct hv_pf_pcpuinfo *p = &op->u.pcpu_info;
    unsigned cpu = p->xen_cpuid;

    p->max_present = last_cpu();
    if (cpu > last_cpu() || !platform_cpu_ids(cpu, &p->apic_id, &p->acpi_id)) {
        p->flags = HV_PCPU_FLAGS_INVALID;
        return 0;
    }
    p->flags = cpupool_usable_cpus() & cpumask_of(cpu) ? HV_PCPU_FLAGS_ONLINE : 0;
    return 0;
}

static int op_cpu_version(struct hcall *h, struct hv_platform_op *op)
{
    struct hv_pf_pcpu_version *p = &op->u.pcpu_version;
    struct platform_cpu_version v = {0};

    p->max_present = last_cpu();
    if (p->xen_cpuid <= last_cpu() && (cpu_online() & cpumask_of(p->xen_cpuid)))
        platform_cpu_version(&v);
    for (unsigned i = 0; i < sizeof(p->vendor_id); i++)
        p->vendor_id[i] = v.vendor[i];
    p->family = v.family;
    p->model = v.model;
    p->stepping = v.stepping;
    return 0;
}

static int op_cpu_online(struct hcall *h, struct hv_platform_op *op)
{
    unsigned cpu = op->u.cpu_ol.cpuid;

    if (cpu > last_cpu())
        return -EINVAL;
    if (!(cpu_online() & cpumask_of(cpu)))
        return -EOPNOTSUPP;
    return cpupool_usable_cpus() & cpumask_of(cpu) ? 0 : cpu_set_online(cpu, true);
}

static int op_cpu_offline(struct hcall *h, struct hv_platform_op *op)
{
    unsigned cpu = op->u.cpu_ol.cpuid;

    if (cpu == 0)
        return -EOPNOTSUPP;
    if (cpu > last_cpu())
        return -EINVAL;
    return cpupool_usable_cpus() & cpumask_of(cpu) ? cpu_set_online(cpu, false) : 0;
}

static int op_parking(struct hcall *h, struct hv_platform_op *op)
{
    if (op->u.core_parking.type == HV_CORE_PARKING_GET) {
        op->u.core_parking.idle_nums = 0;
        return 0;
    }
    return op->u.core_parking.type == HV_CORE_PARKING_SET ? -ENOSYS : -EINVAL;
}

static int op_unsupported(struct hcall *h, struct hv_platform_op *op)
{
    return -ENOSYS;
}

/* /proc/xen/xensyms: one a call; at the end the number stays as it is. */
static int op_symbol(struct hcall *h, struct hv_platform_op *op)
{
    struct hv_pf_symdata *s = &op->u.symdata;
    const char *name = platform_symbol(s->symnum, &s->address);
    uint32_t room = s->namelen, n = 0;

    if (!name)
        return 0;
    while (name[n])
        n++;
    s->namelen = n;
    if (room && guest_write(s->name, name, MIN(n + 1, room)))
        return -EFAULT;
    s->type = 't';
    s->symnum++;
    return 0;
}

/* MSRs of another CPU, for tools that watch caches or TSX. Those that Xen allows. */
struct resource_job {
    struct hv_pf_resource_entry e[2];
    unsigned n;
    int done; /* entries that worked */
};

static bool resource_msr_ok(uint64_t msr, bool write)
{
    return msr == MSR_CMT_SELECT ||
           (!write &&
            (msr == MSR_TSC || msr == MSR_CMT_COUNT || msr == MSR_TSX_FORCE_ABORT ||
             msr == MSR_TSX_CTRL || msr == MSR_MCU_OPT_CTRL));
}

static void resource_cpu(void *arg)
{
    struct resource_job *job = arg;

    for (unsigned i = 0; i < job->n; i++) {
        struct hv_pf_resource_entry *e = &job->e[i];
        bool write = e->u.cmd == HV_RESOURCE_OP_MSR_WRITE, ok;

        if (e->u.cmd > HV_RESOURCE_OP_MSR_WRITE) {
            e->u.ret = -EOPNOTSUPP;
            return;
        }
        if (e->rsvd || e->idx >> 32 || !resource_msr_ok(e->idx, write)) {
            e->u.ret = e->rsvd ? -EINVAL : -EACCES;
            return;
        }
        ok = write ? cpu_wrmsr((uint32_t)e->idx, e->val)
                   : cpu_rdmsr((uint32_t)e->idx, &e->val);
        if (!ok) {
            e->u.ret = -EPERM;
            return;
        }
        job->done++;
    }
}

static int op_resource(struct hcall *h, struct hv_platform_op *op)
{
    struct hv_pf_resource_op *r = &op->u.resource_op;
    struct resource_job job = {.n = r->nr_entries};

    if (job.n == 0)
        return 0;
    if (job.n > ARRAY_SIZE(job.e))
        return -E2BIG;
    if (r->cpu > last_cpu() || !(cpu_online() & cpumask_of(r->cpu)))
        return -ENODEV;
    if (guest_read(job.e, r->entries, job.n * sizeof(job.e[0])))
        return -EFAULT;
    ipi_call(cpumask_of(r->cpu), resource_cpu, &job);
    if (guest_write(r->entries, job.e, job.n * sizeof(job.e[0])))
        return -EFAULT;
    return job.done;
}

static int (*const ops[])(struct hcall *h, struct hv_platform_op *op) = {
    [HV_PF_SETTIME32] = op_settime32,         [HV_PF_SETTIME64] = op_settime64,
    [HV_PF_ADD_MEMTYPE] = op_add_memtype,     [HV_PF_DEL_MEMTYPE] = op_del_memtype,
    [HV_PF_READ_MEMTYPE] = op_read_memtype,   [HV_PF_MICROCODE_UPDATE] = op_microcode,
    [HV_PF_PLATFORM_QUIRK] = op_quirk,        [HV_PF_EFI_RUNTIME_CALL] = op_efi,
    [HV_PF_FIRMWARE_INFO] = op_firmware,      [HV_PF_ENTER_ACPI_SLEEP] = op_sleep,
    [HV_PF_CHANGE_FREQ] = op_change_freq,     [HV_PF_GETIDLETIME] = op_idle_time,
    [HV_PF_SET_PROCESSOR_PMINFO] = op_pminfo, [HV_PF_GET_CPUINFO] = op_cpuinfo,
    [HV_PF_GET_CPU_VERSION] = op_cpu_version, [HV_PF_CPU_ONLINE] = op_cpu_online,
    [HV_PF_CPU_OFFLINE] = op_cpu_offline,     [HV_PF_CPU_HOTADD] = op_unsupported,
    [HV_PF_MEM_HOTADD] = op_unsupported,      [HV_PF_CORE_PARKING] = op_parking,
    [HV_PF_RESOURCE_OP] = op_resource,        [HV_PF_GET_SYMBOL] = op_symbol,
};

HCALL(call_platform_op)
{
    struct hv_platform_op op;
    int rc;

    if (!h->d->privileged)
        return -EPERM;
    if (copy_in(&op, h->arg[0]))
        return -EFAULT;
    if (op.interface_version != HV_PF_INTERFACE_VERSION &&
        op.interface_version != INTERFACE_OLD)
        return -EACCES;
    if (op.cmd >= ARRAY_SIZE(ops) || !ops[op.cmd])
        return -ENOSYS;
    rc = ops[op.cmd](h, &op);
    if (rc == -ERESTART)
        return HCALL_AGAIN;
    if (rc >= 0 && copy_out(h->arg[0], &op))
        return -EFAULT;
    return rc;
}
