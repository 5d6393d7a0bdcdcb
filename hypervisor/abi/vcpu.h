/* SPDX-License-Identifier: MIT */
/*
 * Operations on one vCPU of the caller: vcpu_op(HV_VCPUOP_*, vcpu id, argument).
 *
 * Reference: Xen public interface, vcpu.h.
 */
#ifndef HV_ABI_VCPU_H
#define HV_ABI_VCPU_H

#include "xen.h"

#define HV_VCPUOP_INITIALISE 0                    /* hv_vcpu_guest_context */
#define HV_VCPUOP_UP 1                            /* - */
#define HV_VCPUOP_DOWN 2                          /* - */
#define HV_VCPUOP_IS_UP 3                         /* - : returns 0 or 1 */
#define HV_VCPUOP_GET_RUNSTATE_INFO 4             /* hv_vcpu_runstate_info, OUT */
#define HV_VCPUOP_REGISTER_RUNSTATE_MEMORY_AREA 5 /* hv_vcpu_register_runstate_... */
#define HV_VCPUOP_SET_PERIODIC_TIMER 6            /* hv_vcpu_set_periodic_timer */
#define HV_VCPUOP_STOP_PERIODIC_TIMER 7           /* - */
#define HV_VCPUOP_SET_SINGLESHOT_TIMER 8          /* hv_vcpu_set_singleshot_timer */
#define HV_VCPUOP_STOP_SINGLESHOT_TIMER 9         /* - */
#define HV_VCPUOP_REGISTER_VCPU_INFO 10           /* hv_vcpu_register_vcpu_info */
#define HV_VCPUOP_SEND_NMI 11                     /* - */
#define HV_VCPUOP_GET_PHYSID 12                   /* hv_vcpu_get_physid, OUT */
#define HV_VCPUOP_REGISTER_VCPU_TIME_MEMORY_AREA 13 /* hv_vcpu_register_time_... */

#define HV_RUNSTATE_RUNNING 0
#define HV_RUNSTATE_RUNNABLE 1 /* wants to run, no CPU for it: stolen time */
#define HV_RUNSTATE_BLOCKED 2
#define HV_RUNSTATE_OFFLINE 3
/* Set in state_entry_time while the record is written (VMASST runstate flag). */
#define HV_RUNSTATE_UPDATE (HV_UL(1) << 63)

#define HV_VCPU_SSHOTTMR_FUTURE (1U << 0) /* -ETIME if the moment has passed */

#ifndef __ASSEMBLY__

struct hv_vcpu_runstate_info {
    int32_t state; /* HV_RUNSTATE_* */
    uint64_t state_entry_time;
    uint64_t time[4]; /* ns spent in each state */
};

struct hv_vcpu_register_runstate_memory_area {
    union {
        hv_handle_t h; /* struct hv_vcpu_runstate_info * */
        uint64_t v;
        uint64_t p;
    } addr;
};

struct hv_vcpu_set_periodic_timer {
    uint64_t period_ns;
};

struct hv_vcpu_set_singleshot_timer {
    uint64_t timeout_abs_ns;
    uint32_t flags; /* HV_VCPU_SSHOTTMR_* */
};

struct hv_vcpu_register_vcpu_info {
    uint64_t mfn;
    uint32_t offset;
    uint32_t rsvd;
};

struct hv_vcpu_get_physid {
    uint64_t phys_id; /* APIC id, ACPI id << 32 */
};
#define hv_vcpu_physid_to_x86_apicid(physid) ((uint32_t)(physid))
#define hv_vcpu_physid_to_x86_acpiid(physid) ((uint32_t)((physid) >> 32))

struct hv_vcpu_register_time_memory_area {
    union {
        hv_handle_t h; /* struct hv_vcpu_time_info * */
        uint64_t v;
        uint64_t p;
    } addr;
};

#endif /* !__ASSEMBLY__ */
#endif
