/* SPDX-License-Identifier: MIT */
/* Hypercall decoding. A handler copies its arguments once, checks them, calls one typed
 * function and writes back. Adding a hypercall: a handler in its file, a row in table.c.
 */
#ifndef CALL_CALL_H
#define CALL_CALL_H

#include "kern/softirq.h"
#include "kern/vcpu.h"
#include "lib/errno.h"
#include "port/guest_mem.h"
#include "port/hcall.h"

/* What a handler returns to be run again (port/hcall.h): entry code looks for it only
 * when a softirq keeps it from the straight way out. */
#define HCALL_AGAIN (softirq_raise(SOFTIRQ_EXIT), (long)HCALL_AGAIN_CODE)
static inline bool hcall_preempt(void) /* long loops ask this each few steps */
{
    return softirq_pending();
}

long hcall_dispatch(struct hcall *h, unsigned long nr); /* -ENOSYS for holes */

#define HCALL(name) long name(struct hcall *h)
HCALL(call_set_trap_table);
HCALL(call_mmu_update);
HCALL(call_set_gdt);
HCALL(call_stack_switch);
HCALL(call_set_callbacks);
HCALL(call_fpu_taskswitch);
HCALL(call_sched_op_compat);
HCALL(call_platform_op);
HCALL(call_set_debugreg);
HCALL(call_get_debugreg);
HCALL(call_update_descriptor);
HCALL(call_memory_op);
HCALL(call_multicall);
HCALL(call_update_va_mapping);
HCALL(call_set_timer_op);
HCALL(call_event_channel_op_compat);
HCALL(call_xen_version);
HCALL(call_console_io);
HCALL(call_physdev_op_compat);
HCALL(call_grant_table_op);
HCALL(call_vm_assist);
HCALL(call_update_va_mapping_otherdomain);
HCALL(call_vcpu_op);
HCALL(call_set_segment_base);
HCALL(call_mmuext_op);
HCALL(call_xsm_op);
HCALL(call_nmi_op);
HCALL(call_sched_op);
HCALL(call_callback_op);
HCALL(call_event_channel_op);
HCALL(call_physdev_op);
HCALL(call_hvm_op);
HCALL(call_sysctl);
HCALL(call_domctl);
HCALL(call_kexec_op);
HCALL(call_mca);
HCALL(call_hypfs_op);

/* DOMID_SELF or a domain that the caller controls; NULL with *err = -ESRCH / -EPERM.
 * Holds a reference. */
struct domain *call_target(struct hcall *h, domid_t id, int *err);

#define copy_in(dst, addr)  guest_read((dst), (addr), sizeof(*(dst)))
#define copy_out(addr, src) guest_write((addr), (src), sizeof(*(src)))

#endif
