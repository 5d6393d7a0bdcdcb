/* SPDX-License-Identifier: MIT */
/* sysctl: the toolstack's questions about the machine. One function a command, one row
 * each. */
#include "abi/physdev.h"
#include "abi/sysctl.h"
#include "call/call.h"
#include "call/domctl.h"
#include "call/sysctl.h"
#include "guest/cpuid.h"
#include "guest/policy.h"
#include "kern/console.h"
#include "kern/cpupool.h"
#include "kern/log.h"
#include "kern/page_alloc.h"
#include "kern/sched.h"
#include "lib/string.h"
#include "port/clock.h"
#include "port/map.h"
#include "port/pci.h"
#include "port/priv.h"

#define PCI_AT_ONCE  64u

#define SYSENTER     (1u << 11) /* CPUID 1, edx */
#define MTRR         (1u << 12)
#define LEAF1_COPIES 0x0183f3ffu /* CPUID 0x80000001, edx: AMD's have these of leaf 1 */

#define SYSCTL(name) static int name(struct hcall *h, struct hv_sysctl *op)

SYSCTL(read_console)
{
    struct hv_sysctl_readconsole *c = &op->u.readconsole;
    uint32_t index = c->incremental ? c->index : 0, done = 0;
    char buf[256];

    while (done < c->count) {
        size_t n = log_read(buf, MIN(c->count - done, sizeof(buf)), &index, false);

        if (!n)
            break;
        if (guest_write(c->buffer + done, buf, n))
            return -EFAULT;
        done += n;
    }
    if (c->clear)
        (void)log_read(NULL, 0, &index, true);
    c->index = index;
    c->count = done;
    return 0;
}

SYSCTL(physinfo)
{
    struct hv_sysctl_physinfo *p = &op->u.physinfo;
    uint32_t words[POLICY_WORDS];

    memset(p, 0, sizeof(*p));
    policy_featureset(h->v, POLICY_RAW, words);
    /* Xen's view: nothing twice, and no SYSENTER where long mode lacks it. */
    words[2] &= ~LEAF1_COPIES;
    if (cpuid_is_amd())
        words[0] &= ~SYSENTER;
    for (unsigned i = 0; i < 8; i++)
        p->hw_cap[i] = words[i];
    p->threads_per_core = 1;
    p->cores_per_socket = cpu_count();
    p->nr_cpus = (uint32_t)__builtin_popcountll(cpupool_usable_cpus());
    p->max_cpu_id = cpu_count() - 1;
    p->nr_nodes = 1;
    p->cpu_khz = (uint32_t)clock_tsc_khz();
    p->capabilities =
        HV_SYSCTL_PHYSCAP_PV | HV_SYSCTL_PHYSCAP_GNTTAB_V1 | HV_SYSCTL_PHYSCAP_GNTTAB_V2;
    p->total_pages = map_ram_frames();
    p->free_pages = page_alloc_free_count();
    p->max_mfn = map_max_mfn() - 1;
    return 0;
}

SYSCTL(sched_id)
{
    op->u.sched_id.sched_id = HV_SCHEDULER_CREDIT2;
    return 0;
}

SYSCTL(domain_list)
{
    struct hv_sysctl_getdomaininfolist *l = &op->u.getdomaininfolist;
    struct hv_domctl_getdomaininfo info;
    struct domain *d;
    int rc = 0;

    l->num_domains = 0;
    for (d = domain_get_next(l->first_domain);
         d && l->num_domains < l->max_domains && !rc;) {
        domid_t next = (domid_t)(d->id + 1);

        domctl_fill_info(d, &info);
        domain_put(d);
        if (guest_write(l->buffer + l->num_domains * sizeof(info), &info, sizeof(info)))
            rc = -EFAULT;
        l->num_domains++;
        d = domain_get_next(next);
    }
    if (d)
        domain_put(d);
    return rc;
}

SYSCTL(debug_keys)
{
    char c;

    for (uint32_t i = 0; i < op->u.debug_keys.nr_keys; i++) {
        if (copy_in(&c, op->u.debug_keys.keys + i))
            return -EFAULT;
        debug_key_press(c);
    }
    return 0;
}

SYSCTL(idle_times)
{
    struct hv_sysctl_getcpuinfo *c = &op->u.getcpuinfo;
    unsigned n = MIN(c->max_cpus, cpu_count());

    for (unsigned i = 0; i < n; i++) {
        struct hv_sysctl_cpuinfo info = {sched_cpu_idle_ns(i)};

        if (guest_write(c->info + i * sizeof(info), &info, sizeof(info)))
            return -EFAULT;
    }
    c->nr_cpus = n;
    return 0;
}

SYSCTL(avail_heap)
{
    op->u.availheap.avail_bytes = page_alloc_free_count() << PAGE_SHIFT;
    return 0;
}

SYSCTL(cpu_topology)
{
    struct hv_sysctl_cputopoinfo *t = &op->u.cputopoinfo;
    unsigned n = cpu_count();

    for (unsigned i = 0; t->cputopo && i < MIN(t->num_cpus, n); i++) {
        struct hv_sysctl_cputopo c = {i, 0, 0};

        if (!(cpupool_usable_cpus() & cpumask_of(i)))
            c = (struct hv_sysctl_cputopo){HV_INVALID_CORE_ID, HV_INVALID_SOCKET_ID,
                                           HV_INVALID_NODE_ID};
        if (guest_write(t->cputopo + i * sizeof(c), &c, sizeof(c)))
            return -EFAULT;
    }
    t->num_cpus = t->cputopo ? MIN(t->num_cpus, n) : n;
    return 0;
}

SYSCTL(numa_info)
{
    struct hv_sysctl_numainfo *i = &op->u.numainfo;
    struct hv_sysctl_meminfo m = {map_ram_frames() << PAGE_SHIFT, page_alloc_free_count()
                                                                      << PAGE_SHIFT};
    uint32_t distance = 10;

    if (i->num_nodes && i->meminfo && guest_write(i->meminfo, &m, sizeof(m)))
        return -EFAULT;
    if (i->num_nodes && i->distance &&
        guest_write(i->distance, &distance, sizeof(distance)))
        return -EFAULT;
    i->num_nodes = 1;
    return 0;
}

/* One node: no device is nearer to it than to others, or nobody knows. The caller goes on
 * behind those that were answered. */
SYSCTL(pci_topology)
{
    struct hv_sysctl_pcitopoinfo *t = &op->u.pcitopoinfo;
    struct hv_physdev_pci_device d;
    uint32_t node;

    t->num_devs = MIN(t->num_devs, PCI_AT_ONCE);
    for (uint32_t i = 0; i < t->num_devs; i++) {
        if (guest_read(&d, t->devs + i * sizeof(d), sizeof(d)))
            return -EFAULT;
        node = pci_read(mk_sbdf(d.seg, d.bus, d.devfn), 0, 2) == 0xffff
                   ? HV_INVALID_DEV
                   : HV_INVALID_NODE_ID;
        if (guest_write(t->nodes + i * sizeof(node), &node, sizeof(node)))
            return -EFAULT;
    }
    return 0;
}

SYSCTL(cpupool)
{
    int rc;

    if (!domctl_lock())
        return -ERESTART;
    rc = cpupool_sysctl(h, &op->u.cpupool_op);
    domctl_unlock();
    return rc;
}

/* No core has more than one thread, so there is nothing to do for those. */
SYSCTL(cpu_hotplug)
{
    struct hv_sysctl_cpu_hotplug *c = &op->u.cpu_hotplug;

    switch (c->op) {
    case HV_SYSCTL_CPU_HOTPLUG_ONLINE:
    case HV_SYSCTL_CPU_HOTPLUG_OFFLINE:
        return cpu_set_online(c->cpu, c->op == HV_SYSCTL_CPU_HOTPLUG_ONLINE);
    default:
        return -EOPNOTSUPP;
    }
}

SYSCTL(scheduler)
{
    int rc;

    if (!domctl_lock())
        return -ERESTART;
    rc = sched_sysctl(&op->u.scheduler_op);
    domctl_unlock();
    return rc;
}

SYSCTL(levelling)
{
    op->u.cpu_levelling_caps.caps = 0;
    return 0;
}

SYSCTL(featureset)
{
    struct hv_sysctl_cpu_featureset *f = &op->u.cpu_featureset;
    uint32_t words[POLICY_WORDS];
    bool raw = f->index <= HV_SYSCTL_CPU_FEATURESET_HOST;

    if (!f->features) {
        f->nr_features = POLICY_WORDS;
        return 0;
    }
    if (f->index == HV_SYSCTL_CPU_FEATURESET_HVM ||
        f->index == HV_SYSCTL_CPU_FEATURESET_HVM_MAX)
        return -EOPNOTSUPP;
    if (f->index > HV_SYSCTL_CPU_FEATURESET_HVM_MAX)
        return -EINVAL;
    policy_featureset(h->v, raw ? POLICY_RAW : POLICY_GUEST, words);
    if (f->index == HV_SYSCTL_CPU_FEATURESET_HOST && cpuid_is_amd())
        words[0] &= ~SYSENTER;
    if (!raw) { /* what is left out is dom0's alone, or told by another word */
        words[0] &= ~MTRR;
        words[2] &= ~LEAF1_COPIES;
    }
    f->nr_features = MIN(f->nr_features, (uint32_t)POLICY_WORDS);
    return guest_write(f->features, words, f->nr_features * sizeof(words[0])) ? -EFAULT
                                                                              : 0;
}

SYSCTL(policy)
{
    struct hv_sysctl_cpu_policy *p = &op->u.cpu_policy;
    bool raw = p->index <= HV_SYSCTL_CPU_POLICY_HOST;

    if (p->index > HV_SYSCTL_CPU_POLICY_HVM_DEFAULT)
        return -EINVAL;
    return domctl_put_policy(h->v, raw ? POLICY_RAW : POLICY_GUEST, &p->nr_leaves,
                             p->leaves, &p->nr_msrs);
}

/* Built without: performance counters, lock profiles. */
SYSCTL(absent)
{
    return -ENOSYS;
}

/* Cache monitoring and allocation: the hypervisor drives none. */
SYSCTL(no_device)
{
    return -ENODEV;
}

static int (*const rows[])(struct hcall *h, struct hv_sysctl *op) = {
    [HV_SYSCTL_READCONSOLE] = read_console,
    [HV_SYSCTL_PHYSINFO] = physinfo,
    [HV_SYSCTL_SCHED_ID] = sched_id,
    [HV_SYSCTL_GETDOMAININFOLIST] = domain_list,
    [HV_SYSCTL_DEBUG_KEYS] = debug_keys,
    [HV_SYSCTL_GETCPUINFO] = idle_times,
    [HV_SYSCTL_AVAILHEAP] = avail_heap,
    [HV_SYSCTL_CPUTOPOINFO] = cpu_topology,
    [HV_SYSCTL_NUMAINFO] = numa_info,
    [HV_SYSCTL_CPU_HOTPLUG] = cpu_hotplug,
    [HV_SYSCTL_CPUPOOL_OP] = cpupool,
    [HV_SYSCTL_PERFC_OP] = absent,
    [HV_SYSCTL_LOCKPROF_OP] = absent,
    [HV_SYSCTL_PSR_CMT_OP] = no_device,
    [HV_SYSCTL_PSR_ALLOC] = no_device,
    [HV_SYSCTL_SCHEDULER_OP] = scheduler,
    [HV_SYSCTL_PCITOPOINFO] = pci_topology,
    [HV_SYSCTL_GET_CPU_LEVELLING_CAPS] = levelling,
    [HV_SYSCTL_GET_CPU_FEATURESET] = featureset,
    [HV_SYSCTL_GET_CPU_POLICY] = policy,
};

HCALL(call_sysctl)
{
    struct hv_sysctl op;
    long rc;

    if (!h->d->privileged)
        return -EPERM;
    if (copy_in(&op, h->arg[0]))
        return -EFAULT;
    if (op.interface_version != HV_SYSCTL_INTERFACE_VERSION)
        return -EACCES;
    if (op.cmd >= ARRAY_SIZE(rows) || !rows[op.cmd])
        return -EOPNOTSUPP;
    rc = rows[op.cmd](h, &op);
    if (rc == -ERESTART)
        return HCALL_AGAIN;
    if (copy_out(h->arg[0], &op))
        return -EFAULT;
    return rc;
}
