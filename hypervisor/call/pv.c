/* SPDX-License-Identifier: MIT */
/* Hypercalls about the calling PV vCPU's own entries and registers. */
#include "abi/callback.h"
#include "abi/nmi.h"
#include "call/call.h"
#include "guest/pv/domain.h"
#include "guest/pv/trap.h"
#include "lib/string.h"
#include "port/context.h"

HCALL(call_set_trap_table)
{
    vaddr_t at = h->arg[0];
    struct hv_trap_info t;

    if (!at) {
        memset(h->v->pv->traps, 0, sizeof(h->v->pv->traps));
        h->v->hw.pf_ip = 0;
        pv_update_entries(h->v);
        return 0;
    }
    for (unsigned n = 0; n < 257;
         n++, at += sizeof(t)) { /* 256 vectors and the end mark */
        if (copy_in(&t, at))
            return -EFAULT;
        if (!t.address)
            return 0;
        if (!pv_is_canonical(t.address))
            return -EINVAL;
        pv_set_trap(h->v, t.vector, &t);
    }
    return 0;
}

HCALL(call_stack_switch)
{
    pv_set_kernel_stack(h->v, h->arg[0] & 0xffff, h->arg[1]);
    return 0;
}

HCALL(call_set_callbacks)
{
    if (!pv_is_canonical(h->arg[0]) || !pv_is_canonical(h->arg[1]) ||
        !pv_is_canonical(h->arg[2]))
        return -EINVAL;
    h->v->hw.event_ip = h->arg[0];
    h->v->hw.failsafe_ip = h->arg[1];
    h->v->hw.syscall_ip = h->arg[2];
    pv_update_entries(h->v);
    return 0;
}

static long register_callback(struct vcpu *v, const struct hv_callback_register *c)
{
    struct vcpu_hw *hw = &v->hw;
    bool masks = c->flags & HV_CALLBACKF_MASK_EVENTS;

    if (!pv_is_canonical(c->address))
        return -EINVAL;
    switch (c->type) {
    case HV_CALLBACKTYPE_EVENT:
        hw->event_ip = c->address;
        return 0;
    case HV_CALLBACKTYPE_FAILSAFE:
        hw->failsafe_ip = c->address;
        hw->failsafe_masks_events = masks;
        return 0;
    case HV_CALLBACKTYPE_SYSCALL:
        hw->syscall_ip = c->address;
        hw->syscall_masks_events = masks;
        pv_update_entries(v);
        return 0;
    case HV_CALLBACKTYPE_SYSCALL32:
        hw->syscall32_ip = c->address;
        hw->syscall32_masks_events = masks;
        return 0;
    case HV_CALLBACKTYPE_SYSENTER:
        hw->sysenter_ip = c->address;
        hw->sysenter_masks_events = masks;
        return 0;
    case HV_CALLBACKTYPE_NMI:
        v->pv->nmi_ip = c->address;
        return 0;
    default:
        return -ENOSYS;
    }
}

HCALL(call_callback_op)
{
    struct hv_callback_register c = {0};
    struct hv_callback_unregister u;

    switch ((int)h->arg[0]) {
    case HV_CALLBACKOP_REGISTER:
        return copy_in(&c, h->arg[1]) ? -EFAULT : register_callback(h->v, &c);
    case HV_CALLBACKOP_UNREGISTER:
        if (copy_in(&u, h->arg[1]))
            return -EFAULT;
        if (u.type == HV_CALLBACKTYPE_NMI) {
            h->v->pv->nmi_ip = 0;
            return 0;
        }
        return u.type <= HV_CALLBACKTYPE_SYSCALL32 ? -EINVAL : -ENOSYS;
    default:
        return -ENOSYS;
    }
}

HCALL(call_nmi_op)
{
    struct hv_nmi_callback n;

    switch ((int)h->arg[0]) {
    case HV_NMI_REGISTER_CALLBACK:
        if (copy_in(&n, h->arg[1]))
            return -EFAULT;
        if (h->v->id)
            return -EINVAL;
        h->v->pv->nmi_ip = n.handler_address;
        return 0;
    case HV_NMI_UNREGISTER_CALLBACK:
        h->v->pv->nmi_ip = 0;
        return 0;
    default:
        return -ENOSYS;
    }
}

HCALL(call_fpu_taskswitch)
{
    bool on = h->arg[0];

    h->v->pv->cr0 = on ? h->v->pv->cr0 | 8 : h->v->pv->cr0 & ~8ull;
    ctx_set_ts(&h->v->hw, on);
    return 0;
}

/* Bits of DR7 that may be set: enables, types, lengths; general detect and in/out
 * breakpoints may not. */
static bool dr7_ok(uint64_t val)
{
    if (val >> 32)
        return false;
    for (unsigned i = 0; i < 4; i++)
        if (((val >> (16 + 4 * i)) & 3) == 2)
            return false;
    return true;
}

HCALL(call_set_debugreg)
{
    unsigned reg = (unsigned)h->arg[0];
    uint64_t val = h->arg[1], *dr = h->v->hw.dr;

    switch (reg) {
    case 0 ... 3:
        if (!pv_is_canonical(val) || !guest_range_ok(val, 1))
            return -EPERM;
        dr[reg] = val;
        break;
    case 4:
    case 6:
        dr[6] = (val & 0xe00f) | 0xffff0ff0; /* reserved bits as the manual wants them */
        break;
    case 5:
    case 7:
        if (!dr7_ok(val))
            return -EPERM;
        dr[7] = (val & ~0xd800ull & ~0x2000ull) | 0x400;
        break;
    default:
        return -ENODEV;
    }
    ctx_load_debug(&h->v->hw);
    return 0;
}

HCALL(call_get_debugreg)
{
    unsigned reg = (unsigned)h->arg[0];

    if (reg > 7)
        return -ENODEV;
    return (long)h->v->hw.dr[reg == 4 || reg == 5 ? reg + 2 : reg];
}

/* Linux does this up to three times in each switch of its processes. */
HCALL(call_set_segment_base)
{
    if (h->arg[0] > HV_SEGBASE_GS_USER_SEL)
        return -EINVAL;
    return ctx_set_base(&h->v->hw, (unsigned)h->arg[0], h->arg[1]);
}

HCALL(call_vm_assist)
{
    unsigned type = (unsigned)h->arg[1];
    const uint64_t valid =
        1ull << HV_VMASST_TYPE_4GB_SEGMENTS | 1ull << HV_VMASST_TYPE_4GB_SEGMENTS_NOTIFY |
        1ull << HV_VMASST_TYPE_WRITABLE_PAGETABLES |
        1ull << HV_VMASST_TYPE_PAE_EXTENDED_CR3 |
        1ull << HV_VMASST_TYPE_ARCHITECTURAL_IOPL |
        1ull << HV_VMASST_TYPE_RUNSTATE_UPDATE_FLAG | 1ull << HV_VMASST_TYPE_M2P_STRICT;

    if (type >= 64 || !(valid & (1ull << type)))
        return -EINVAL;
    switch ((unsigned)h->arg[0]) {
    case HV_VMASST_CMD_ENABLE:
        pv_vm_assist(h->d, 1ull << type, 0);
        return 0;
    case HV_VMASST_CMD_DISABLE:
        pv_vm_assist(h->d, 0, 1ull << type);
        return 0;
    default:
        return -ENOSYS;
    }
}
