/* SPDX-License-Identifier: MIT */
/* The one table of hypercalls, for entry code and for multicall. `iret` has no row: entry
 * code answers it, or pv_iret(). */
#include "call/call.h"
#include "abi/xen.h"
#include "kern/log.h"

static long no_such_call(struct hcall *h)
{
    (void)h;
    return -ENOSYS;
}

/* Entry code calls by it without looking: no row may be empty. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
const hcall_fn hcall_table[HCALLS] = {
    [0 ... HCALLS - 1] = no_such_call,
    [HV_CALL_SET_TRAP_TABLE] = call_set_trap_table,
    [HV_CALL_MMU_UPDATE] = call_mmu_update,
    [HV_CALL_SET_GDT] = call_set_gdt,
    [HV_CALL_STACK_SWITCH] = call_stack_switch,
    [HV_CALL_SET_CALLBACKS] = call_set_callbacks,
    [HV_CALL_FPU_TASKSWITCH] = call_fpu_taskswitch,
    [HV_CALL_SCHED_OP_COMPAT] = call_sched_op_compat,
    [HV_CALL_PLATFORM_OP] = call_platform_op,
    [HV_CALL_SET_DEBUGREG] = call_set_debugreg,
    [HV_CALL_GET_DEBUGREG] = call_get_debugreg,
    [HV_CALL_UPDATE_DESCRIPTOR] = call_update_descriptor,
    [HV_CALL_MEMORY_OP] = call_memory_op,
    [HV_CALL_MULTICALL] = call_multicall,
    [HV_CALL_UPDATE_VA_MAPPING] = call_update_va_mapping,
    [HV_CALL_SET_TIMER_OP] = call_set_timer_op,
    [HV_CALL_EVENT_CHANNEL_OP_COMPAT] = call_event_channel_op_compat,
    [HV_CALL_XEN_VERSION] = call_xen_version,
    [HV_CALL_CONSOLE_IO] = call_console_io,
    [HV_CALL_PHYSDEV_OP_COMPAT] = call_physdev_op_compat,
    [HV_CALL_GRANT_TABLE_OP] = call_grant_table_op,
    [HV_CALL_VM_ASSIST] = call_vm_assist,
    [HV_CALL_UPDATE_VA_MAPPING_OTHERDOMAIN] = call_update_va_mapping_otherdomain,
    [HV_CALL_VCPU_OP] = call_vcpu_op,
    [HV_CALL_SET_SEGMENT_BASE] = call_set_segment_base,
    [HV_CALL_MMUEXT_OP] = call_mmuext_op,
    [HV_CALL_XSM_OP] = call_xsm_op,
    [HV_CALL_NMI_OP] = call_nmi_op,
    [HV_CALL_SCHED_OP] = call_sched_op,
    [HV_CALL_CALLBACK_OP] = call_callback_op,
    [HV_CALL_EVENT_CHANNEL_OP] = call_event_channel_op,
    [HV_CALL_PHYSDEV_OP] = call_physdev_op,
    [HV_CALL_HVM_OP] = call_hvm_op,
    [HV_CALL_SYSCTL] = call_sysctl,
    [HV_CALL_DOMCTL] = call_domctl,
    [HV_CALL_KEXEC_OP] = call_kexec_op,
    [HV_CALL_MCA] = call_mca,
    [HV_CALL_HYPFS_OP] = call_hypfs_op,
};
#pragma GCC diagnostic pop

long hcall_dispatch(struct hcall *h, unsigned long nr)
{
    if (nr >= HCALLS)
        return -ENOSYS;
    return hcall_table[nr](h);
}

struct domain *call_target(struct hcall *h, domid_t id, int *err)
{
    struct domain *d;

    if (id == HV_DOMID_SELF)
        id = h->d->id;
    *err = -ESRCH;
    d = domain_get(id);
    if (d && d != h->d && !h->d->privileged) {
        domain_put(d);
        d = NULL;
        *err = -EPERM;
    }
    return d;
}

/* One entry; true: the whole multicall must be entered again, the entry as stored. */
static bool run_entry(struct hcall *outer, struct hv_multicall_entry *e, bool *wrote)
{
    struct hcall h = {.v = outer->v, .d = outer->d};
    long res;

    for (unsigned i = 0; i < 6; i++)
        h.arg[i] = e->args[i];
    res = e->op == HV_CALL_IRET || e->op == HV_CALL_MULTICALL ? -EINVAL
                                                              : hcall_dispatch(&h, e->op);
    *wrote = res == HCALL_AGAIN_CODE;
    if (*wrote) {
        for (unsigned i = 0; i < 6; i++)
            e->args[i] = h.arg[i];
        return true;
    }
    e->result = (uint64_t)res;
    return false;
}

HCALL(call_multicall)
{
    vaddr_t at = h->arg[0];
    unsigned long n = (uint32_t)h->arg[1];

    if (n && !guest_range_ok(at, n * sizeof(struct hv_multicall_entry)))
        return -EFAULT;
    for (; n; n--, at += sizeof(struct hv_multicall_entry)) {
        struct hv_multicall_entry e;
        bool again, wrote;

        h->arg[0] = at;
        h->arg[1] = n;
        if (hcall_preempt())
            return HCALL_AGAIN;
        if (copy_in(&e, at))
            return -EFAULT;
        again = run_entry(h, &e, &wrote);
        if (wrote ? guest_write(at + offsetof(struct hv_multicall_entry, args), e.args,
                                sizeof(e.args))
                  : guest_write(at + offsetof(struct hv_multicall_entry, result),
                                &e.result, 8))
            return -EFAULT;
        if (again)
            return HCALL_AGAIN;
    }
    return 0;
}
