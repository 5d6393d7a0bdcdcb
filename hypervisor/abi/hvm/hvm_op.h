/* SPDX-License-Identifier: MIT */
/*
 * What HVM guests and their tools ask: hvm_op(HV_HVMOP_*, argument).
 *
 * Reference: Xen public interface, hvm/hvm_op.h.
 */
#ifndef HV_ABI_HVM_HVM_OP_H
#define HV_ABI_HVM_HVM_OP_H

#include "../xen.h"
#include "../event_channel.h"

#define HV_HVMOP_SET_PARAM 0       /* hv_hvm_param */
#define HV_HVMOP_GET_PARAM 1       /* hv_hvm_param */
#define HV_HVMOP_FLUSH_TLBS 5      /* NULL */
#define HV_HVMOP_PAGETABLE_DYING 9 /* hv_hvm_pagetable_dying */
#define HV_HVMOP_GET_TIME 10       /* hv_hvm_get_time */
#define HV_HVMOP_XENTRACE 11
#define HV_HVMOP_SET_MEM_ACCESS 12 /* gone */
#define HV_HVMOP_GET_MEM_ACCESS 13 /* gone */
#define HV_HVMOP_GET_MEM_TYPE 15   /* hv_hvm_get_mem_type */
#define HV_HVMOP_SET_EVTCHN_UPCALL_VECTOR 23 /* hv_hvm_evtchn_upcall_vector */
#define HV_HVMOP_GUEST_REQUEST_VM_EVENT 24   /* NULL */
#define HV_HVMOP_ALTP2M 25

#define HV_HVMMEM_RAM_RW 0
#define HV_HVMMEM_RAM_RO 1
#define HV_HVMMEM_MMIO_DM 2
#define HV_HVMMEM_UNUSED 3
#define HV_HVMMEM_IOREQ_SERVER 4

#define HV_HVM_IOREQSRV_BUFIOREQ_OFF 0
#define HV_HVM_IOREQSRV_BUFIOREQ_LEGACY 1
#define HV_HVM_IOREQSRV_BUFIOREQ_ATOMIC 2

#ifndef __ASSEMBLY__

struct hv_hvm_param {
    hv_domid_t domid;
    uint16_t pad;
    uint32_t index; /* HV_HVM_PARAM_* */
    uint64_t value;
};

struct hv_hvm_pagetable_dying {
    hv_domid_t domid;
    uint16_t pad[3];
    uint64_t gpa;
};

struct hv_hvm_get_time {
    uint64_t now; /* OUT: ns */
};

struct hv_hvm_get_mem_type {
    hv_domid_t domid;
    uint16_t mem_type; /* OUT: HV_HVMMEM_* */
    uint16_t pad[2];
    uint64_t pfn;
};

struct hv_hvm_evtchn_upcall_vector {
    uint32_t vcpu;
    uint8_t vector;
};

#endif /* !__ASSEMBLY__ */
#endif
