/* SPDX-License-Identifier: MIT */
/* domctl: the toolstack's control of domains. Decoding is here; each command is a
 * function of domctl_*.c. One command runs at a time; who comes second is sent round
 * again, so that nobody spins while the first waits for a CPU to let go of a vCPU. */
#include "call/domctl.h"

struct row {
    int (*fn)(struct hcall *h, struct domain *d, struct hv_domctl *op);
    bool answers, no_domain;
};

static const struct row rows[] = {
    [HV_DOMCTL_CREATEDOMAIN] = {domctl_create, true, true},
    [HV_DOMCTL_DESTROYDOMAIN] = {domctl_destroy, false, false},
    [HV_DOMCTL_PAUSEDOMAIN] = {domctl_pause, false, false},
    [HV_DOMCTL_UNPAUSEDOMAIN] = {domctl_unpause, false, false},
    [HV_DOMCTL_GETDOMAININFO] = {domctl_get_info, true, true},
    [HV_DOMCTL_SETVCPUAFFINITY] = {domctl_set_affinity, true, false},
    [HV_DOMCTL_GETVCPUAFFINITY] = {domctl_get_affinity, true, false},
    [HV_DOMCTL_MAX_MEM] = {domctl_max_mem, false, false},
    [HV_DOMCTL_SETVCPUCONTEXT] = {domctl_set_context, false, false},
    [HV_DOMCTL_GETVCPUCONTEXT] = {domctl_get_context, true, false},
    [HV_DOMCTL_GETVCPUINFO] = {domctl_vcpu_info, true, false},
    [HV_DOMCTL_MAX_VCPUS] = {domctl_max_vcpus, false, false},
    [HV_DOMCTL_SCHEDULER_OP] = {domctl_scheduler, true, false},
    [HV_DOMCTL_SETDOMAINHANDLE] = {domctl_set_handle, false, false},
    [HV_DOMCTL_SETDEBUGGING] = {domctl_accept, false, false},
    [HV_DOMCTL_IRQ_PERMISSION] = {domctl_irq_permission, false, false},
    [HV_DOMCTL_IOMEM_PERMISSION] = {domctl_iomem_permission, false, false},
    [HV_DOMCTL_IOPORT_PERMISSION] = {domctl_ioport_permission, false, false},
    [HV_DOMCTL_HYPERCALL_INIT] = {domctl_hypercall_init, false, false},
    [HV_DOMCTL_SETTIMEOFFSET] = {domctl_set_time_offset, false, false},
    [HV_DOMCTL_RESUMEDOMAIN] = {domctl_resume, false, false},
    [HV_DOMCTL_SENDTRIGGER] = {domctl_trigger, false, false},
    [HV_DOMCTL_SET_ADDRESS_SIZE] = {domctl_set_address_size, false, false},
    [HV_DOMCTL_GET_ADDRESS_SIZE] = {domctl_get_address_size, true, false},
    [HV_DOMCTL_SET_EXT_VCPUCONTEXT] = {domctl_set_ext_context, false, false},
    [HV_DOMCTL_GET_EXT_VCPUCONTEXT] = {domctl_get_ext_context, true, false},
    [HV_DOMCTL_GETTSCINFO] = {domctl_get_tsc, true, false},
    [HV_DOMCTL_SETTSCINFO] = {domctl_set_tsc, false, false},
    [HV_DOMCTL_GETPAGEFRAMEINFO3] = {domctl_page_types, true, false},
    [HV_DOMCTL_SET_VIRQ_HANDLER] = {domctl_set_virq_handler, false, false},
    [HV_DOMCTL_SETNODEAFFINITY] = {domctl_accept, false, false},
    [HV_DOMCTL_GETNODEAFFINITY] = {domctl_get_node_affinity, true, false},
    [HV_DOMCTL_SETVNUMAINFO] = {domctl_accept, false, false},
    [HV_DOMCTL_PSR_CMT_OP] = {domctl_no_device, false, false},
    [HV_DOMCTL_PSR_ALLOC] = {domctl_no_device, false, false},
    [HV_DOMCTL_GET_CPU_POLICY] = {domctl_get_cpu_policy, true, false},
    [HV_DOMCTL_SET_CPU_POLICY] = {domctl_set_cpu_policy, true, false},
    [HV_DOMCTL_GET_PAGING_MEMPOOL_SIZE] = {domctl_get_mempool, true, false},
    [HV_DOMCTL_SET_PAGING_MEMPOOL_SIZE] = {domctl_accept, false, false},
};

static spinlock_t one_at_a_time = SPINLOCK_INIT(RANK_DOMCTL);

static const struct row *find(uint32_t cmd)
{
    return cmd < ARRAY_SIZE(rows) && rows[cmd].fn ? &rows[cmd] : NULL;
}

static int run(struct hcall *h, const struct row *row, struct hv_domctl *op)
{
    struct domain *d = NULL;
    int rc;

    if (!row->no_domain) {
        d = domain_get(op->domain == HV_DOMID_SELF ? h->d->id : op->domain);
        if (!d)
            return -ESRCH;
    }
    rc = row->fn(h, d, op);
    if (d)
        domain_put(d);
    return rc;
}

bool domctl_lock(void)
{
    return spin_trylock(&one_at_a_time);
}

void domctl_unlock(void)
{
    spin_unlock(&one_at_a_time);
}

HCALL(call_domctl)
{
    struct hv_domctl op;
    const struct row *row;
    long rc;

    if (!h->d->privileged)
        return -EPERM;
    if (copy_in(&op, h->arg[0]))
        return -EFAULT;
    if (op.interface_version != HV_DOMCTL_INTERFACE_VERSION)
        return -EACCES;
    row = find(op.cmd);
    if (!row)
        return -ENOSYS;
    if (!domctl_lock())
        return HCALL_AGAIN;
    rc = run(h, row, &op);
    domctl_unlock();
    if (rc == -ERESTART)
        return HCALL_AGAIN;
    if (row->answers && copy_out(h->arg[0], &op))
        return -EFAULT;
    return rc;
}
