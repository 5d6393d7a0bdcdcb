/* SPDX-License-Identifier: MIT */
/*
 * Control of domains, for the toolstack: domctl(struct hv_domctl *). Every call names
 * its command, the interface version (another one is refused with EACCES) and the
 * domain; the answer is written back into the same structure.
 *
 * Reference: Xen public interface, domctl.h.
 */
#ifndef HV_ABI_DOMCTL_H
#define HV_ABI_DOMCTL_H

#include "xen.h"
#include "event_channel.h"
#include "grant_table.h"
#include "memory.h"

#define HV_DOMCTL_INTERFACE_VERSION 0x00000015

/* Commands, with the member of hv_domctl.u each uses. */
#define HV_DOMCTL_CREATEDOMAIN 1        /* createdomain; domain IN, 0: any, OUT */
#define HV_DOMCTL_DESTROYDOMAIN 2       /* - ; EAGAIN/-ERESTART: call again */
#define HV_DOMCTL_PAUSEDOMAIN 3         /* - */
#define HV_DOMCTL_UNPAUSEDOMAIN 4       /* - */
#define HV_DOMCTL_GETDOMAININFO 5       /* getdomaininfo; next domain >= domain */
#define HV_DOMCTL_GETMEMLIST 6          /* gone, as 7 and 8 (getpageframeinfo, ...2) */
#define HV_DOMCTL_SETVCPUAFFINITY 9     /* vcpuaffinity */
#define HV_DOMCTL_SHADOW_OP 10          /* shadow_op */
#define HV_DOMCTL_MAX_MEM 11            /* max_mem */
#define HV_DOMCTL_SETVCPUCONTEXT 12     /* vcpucontext */
#define HV_DOMCTL_GETVCPUCONTEXT 13     /* vcpucontext */
#define HV_DOMCTL_GETVCPUINFO 14        /* getvcpuinfo */
#define HV_DOMCTL_MAX_VCPUS 15          /* max_vcpus */
#define HV_DOMCTL_SCHEDULER_OP 16       /* scheduler_op */
#define HV_DOMCTL_SETDOMAINHANDLE 17    /* setdomainhandle */
#define HV_DOMCTL_SETDEBUGGING 18       /* setdebugging */
#define HV_DOMCTL_IRQ_PERMISSION 19     /* irq_permission */
#define HV_DOMCTL_IOMEM_PERMISSION 20   /* iomem_permission */
#define HV_DOMCTL_IOPORT_PERMISSION 21  /* ioport_permission */
#define HV_DOMCTL_HYPERCALL_INIT 22     /* hypercall_init */
#define HV_DOMCTL_SETTIMEOFFSET 24      /* settimeoffset */
#define HV_DOMCTL_GETVCPUAFFINITY 25    /* vcpuaffinity */
#define HV_DOMCTL_REAL_MODE_AREA 26     /* gone */
#define HV_DOMCTL_RESUMEDOMAIN 27       /* - */
#define HV_DOMCTL_SENDTRIGGER 28        /* sendtrigger */
#define HV_DOMCTL_SUBSCRIBE 29          /* subscribe */
#define HV_DOMCTL_GETHVMCONTEXT 33      /* hvmcontext */
#define HV_DOMCTL_SETHVMCONTEXT 34      /* hvmcontext */
#define HV_DOMCTL_SET_ADDRESS_SIZE 35   /* address_size */
#define HV_DOMCTL_GET_ADDRESS_SIZE 36   /* address_size */
#define HV_DOMCTL_ASSIGN_DEVICE 37      /* assign_device */
#define HV_DOMCTL_BIND_PT_IRQ 38        /* bind_pt_irq */
#define HV_DOMCTL_MEMORY_MAPPING 39     /* memory_mapping */
#define HV_DOMCTL_IOPORT_MAPPING 40     /* ioport_mapping */
#define HV_DOMCTL_SET_EXT_VCPUCONTEXT 42 /* ext_vcpucontext */
#define HV_DOMCTL_GET_EXT_VCPUCONTEXT 43 /* ext_vcpucontext */
#define HV_DOMCTL_SET_OPT_FEATURE 44    /* gone */
#define HV_DOMCTL_TEST_ASSIGN_DEVICE 45 /* assign_device */
#define HV_DOMCTL_SET_TARGET 46         /* set_target */
#define HV_DOMCTL_DEASSIGN_DEVICE 47    /* assign_device */
#define HV_DOMCTL_UNBIND_PT_IRQ 48      /* bind_pt_irq */
#define HV_DOMCTL_GET_DEVICE_GROUP 50   /* get_device_group */
#define HV_DOMCTL_DEBUG_OP 54           /* debug_op */
#define HV_DOMCTL_GETHVMCONTEXT_PARTIAL 55 /* hvmcontext_partial */
#define HV_DOMCTL_VM_EVENT_OP 56        /* vm_event_op */
#define HV_DOMCTL_MEM_SHARING_OP 57     /* mem_sharing_op */
#define HV_DOMCTL_GETTSCINFO 59         /* tsc_info */
#define HV_DOMCTL_SETTSCINFO 60         /* tsc_info */
#define HV_DOMCTL_GETPAGEFRAMEINFO3 61  /* getpageframeinfo3 */
#define HV_DOMCTL_SETVCPUEXTSTATE 62    /* vcpuextstate */
#define HV_DOMCTL_GETVCPUEXTSTATE 63    /* vcpuextstate */
#define HV_DOMCTL_SET_ACCESS_REQUIRED 64 /* access_required */
#define HV_DOMCTL_AUDIT_P2M 65          /* audit_p2m */
#define HV_DOMCTL_SET_VIRQ_HANDLER 66   /* set_virq_handler */
#define HV_DOMCTL_SET_BROKEN_PAGE_P2M 67 /* set_broken_page_p2m */
#define HV_DOMCTL_SETNODEAFFINITY 68    /* nodeaffinity */
#define HV_DOMCTL_GETNODEAFFINITY 69    /* nodeaffinity */
#define HV_DOMCTL_CACHEFLUSH 71         /* cacheflush */
#define HV_DOMCTL_GET_VCPU_MSRS 72      /* vcpu_msrs */
#define HV_DOMCTL_SET_VCPU_MSRS 73      /* vcpu_msrs */
#define HV_DOMCTL_SETVNUMAINFO 74       /* vnuma */
#define HV_DOMCTL_PSR_CMT_OP 75         /* psr_cmt_op */
#define HV_DOMCTL_MONITOR_OP 77         /* monitor_op */
#define HV_DOMCTL_PSR_ALLOC 78          /* psr_alloc */
#define HV_DOMCTL_SOFT_RESET 79         /* - */
#define HV_DOMCTL_VUART_OP 81           /* vuart_op */
#define HV_DOMCTL_GET_CPU_POLICY 82     /* cpu_policy */
#define HV_DOMCTL_SET_CPU_POLICY 83     /* cpu_policy */
#define HV_DOMCTL_VMTRACE_OP 84         /* vmtrace_op */
#define HV_DOMCTL_GET_PAGING_MEMPOOL_SIZE 85 /* paging_mempool */
#define HV_DOMCTL_SET_PAGING_MEMPOOL_SIZE 86 /* paging_mempool */
#define HV_DOMCTL_GDBSX_GUESTMEMIO 1000 /* gdbsx_guest_memio */
#define HV_DOMCTL_GDBSX_PAUSEVCPU 1001  /* gdbsx_pauseunp_vcpu */
#define HV_DOMCTL_GDBSX_UNPAUSEVCPU 1002 /* gdbsx_pauseunp_vcpu */
#define HV_DOMCTL_GDBSX_DOMSTATUS 1003  /* gdbsx_domstatus */

/* createdomain.flags */
#define HV_DOMCTL_CDF_HVM (1U << 0)
#define HV_DOMCTL_CDF_HAP (1U << 1)
#define HV_DOMCTL_CDF_S3_INTEGRITY (1U << 2)
#define HV_DOMCTL_CDF_OOS_OFF (1U << 3)
#define HV_DOMCTL_CDF_XS_DOMAIN (1U << 4)
#define HV_DOMCTL_CDF_IOMMU (1U << 5)
#define HV_DOMCTL_CDF_NESTED_VIRT (1U << 6)
#define HV_DOMCTL_CDF_VPMU (1U << 7)
#define HV_DOMCTL_CDF_MAX HV_DOMCTL_CDF_VPMU
#define HV_DOMCTL_IOMMU_NO_SHAREPT (1U << 0)
#define HV_DOMCTL_IOMMU_MAX HV_DOMCTL_IOMMU_NO_SHAREPT
#define HV_DOMCTL_GRANT_VERSION_MASK 0xf
#define HV_DOMCTL_GRANT_VERSION(v) ((v)&HV_DOMCTL_GRANT_VERSION_MASK)

/* getdomaininfo.flags */
#define HV_DOMINF_DYING (1U << 0)
#define HV_DOMINF_HVM_GUEST (1U << 1)
#define HV_DOMINF_SHUTDOWN (1U << 2)
#define HV_DOMINF_PAUSED (1U << 3)
#define HV_DOMINF_BLOCKED (1U << 4)
#define HV_DOMINF_RUNNING (1U << 5)
#define HV_DOMINF_DEBUGGED (1U << 6)
#define HV_DOMINF_XS_DOMAIN (1U << 7)
#define HV_DOMINF_HAP (1U << 8)
#define HV_DOMINF_SHUTDOWNMASK 255 /* HV_SHUTDOWN_* in bits 16..23 */
#define HV_DOMINF_SHUTDOWNSHIFT 16
#define HV_INVALID_MAX_VCPU_ID (~0U)

/* getpageframeinfo3: type in the top bits of each array element. */
#define HV_DOMCTL_PFINFO_LTAB_SHIFT 28
#define HV_DOMCTL_PFINFO_NOTAB (0x0U << 28)
#define HV_DOMCTL_PFINFO_L1TAB (0x1U << 28)
#define HV_DOMCTL_PFINFO_L2TAB (0x2U << 28)
#define HV_DOMCTL_PFINFO_L3TAB (0x3U << 28)
#define HV_DOMCTL_PFINFO_L4TAB (0x4U << 28)
#define HV_DOMCTL_PFINFO_LTABTYPE_MASK (0x7U << 28)
#define HV_DOMCTL_PFINFO_LPINTAB (0x1U << 31) /* pinned */
#define HV_DOMCTL_PFINFO_XTAB (0xfU << 28)    /* no page */
#define HV_DOMCTL_PFINFO_XALLOC (0xeU << 28)  /* allocate only */
#define HV_DOMCTL_PFINFO_BROKEN (0xdU << 28)
#define HV_DOMCTL_PFINFO_LTAB_MASK (0xfU << 28)

/* shadow_op.op */
#define HV_DOMCTL_SHADOW_OP_OFF 0
#define HV_DOMCTL_SHADOW_OP_ENABLE_TEST 1
#define HV_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY 2
#define HV_DOMCTL_SHADOW_OP_CLEAN 11 /* give and clear the dirty bitmap */
#define HV_DOMCTL_SHADOW_OP_PEEK 12  /* give it only */
#define HV_DOMCTL_SHADOW_OP_GET_ALLOCATION 30
#define HV_DOMCTL_SHADOW_OP_SET_ALLOCATION 31
#define HV_DOMCTL_SHADOW_OP_ENABLE 32
/* shadow_op.mode */
#define HV_DOMCTL_SHADOW_ENABLE_REFCOUNT (1 << 1)
#define HV_DOMCTL_SHADOW_ENABLE_LOG_DIRTY (1 << 2)
#define HV_DOMCTL_SHADOW_ENABLE_TRANSLATE (1 << 3)
#define HV_DOMCTL_SHADOW_ENABLE_EXTERNAL (1 << 4)
#define HV_DOMCTL_SHADOW_LOGDIRTY_FINAL (1 << 0)

/* vcpuaffinity.flags */
#define HV_VCPUAFFINITY_HARD (1U << 0)
#define HV_VCPUAFFINITY_SOFT (1U << 1)
#define HV_VCPUAFFINITY_FORCE (1U << 2)

/* Schedulers, and what to do to one domain's parameters. */
#define HV_SCHEDULER_CREDIT 5
#define HV_SCHEDULER_CREDIT2 6
#define HV_SCHEDULER_ARINC653 7
#define HV_SCHEDULER_RTDS 8
#define HV_SCHEDULER_NULL 9
#define HV_DOMCTL_SCHEDRT_EXTRA (1U << 0)
#define HV_DOMCTL_SCHEDOP_PUTINFO 0
#define HV_DOMCTL_SCHEDOP_GETINFO 1
#define HV_DOMCTL_SCHEDOP_PUTVCPUINFO 2
#define HV_DOMCTL_SCHEDOP_GETVCPUINFO 3

#define HV_DOMCTL_SENDTRIGGER_NMI 0
#define HV_DOMCTL_SENDTRIGGER_RESET 1
#define HV_DOMCTL_SENDTRIGGER_INIT 2
#define HV_DOMCTL_SENDTRIGGER_POWER 3
#define HV_DOMCTL_SENDTRIGGER_SLEEP 4

#define HV_DOMCTL_DEV_PCI 0
#define HV_DOMCTL_DEV_DT 1
#define HV_DOMCTL_DEV_RDM_RELAXED 1

#define HV_PT_IRQ_TYPE_PCI 0
#define HV_PT_IRQ_TYPE_ISA 1
#define HV_PT_IRQ_TYPE_MSI 2
#define HV_PT_IRQ_TYPE_MSI_TRANSLATE 3
#define HV_PT_IRQ_TYPE_SPI 4
#define HV_DOMCTL_VMSI_X86_DEST_ID_MASK 0x0000ff
#define HV_DOMCTL_VMSI_X86_RH_MASK 0x000100
#define HV_DOMCTL_VMSI_X86_DM_MASK 0x000200
#define HV_DOMCTL_VMSI_X86_DELIV_MASK 0x007000
#define HV_DOMCTL_VMSI_X86_TRIG_MASK 0x008000
#define HV_DOMCTL_VMSI_X86_UNMASKED 0x010000

#define HV_DPCI_ADD_MAPPING 1
#define HV_DPCI_REMOVE_MAPPING 0

#define HV_DOMCTL_MEM_CACHEATTR_UC 0
#define HV_DOMCTL_MEM_CACHEATTR_WC 1
#define HV_DOMCTL_MEM_CACHEATTR_WT 4
#define HV_DOMCTL_MEM_CACHEATTR_WP 5
#define HV_DOMCTL_MEM_CACHEATTR_WB 6
#define HV_DOMCTL_MEM_CACHEATTR_UCM 7
#define HV_DOMCTL_DELETE_MEM_CACHEATTR 0xffffffffU

#define HV_CPUID_INPUT_UNUSED 0xffffffff

#define HV_DOMCTL_DEBUG_OP_SINGLE_STEP_OFF 0
#define HV_DOMCTL_DEBUG_OP_SINGLE_STEP_ON 1

#define HV_VM_EVENT_ENABLE 0
#define HV_VM_EVENT_DISABLE 1
#define HV_VM_EVENT_RESUME 2
#define HV_VM_EVENT_GET_VERSION 3
#define HV_DOMCTL_VM_EVENT_OP_PAGING 1
#define HV_DOMCTL_VM_EVENT_OP_MONITOR 2
#define HV_DOMCTL_VM_EVENT_OP_SHARING 3
#define HV_DOMCTL_MEM_SHARING_CONTROL 0

#define HV_DOMCTL_PSR_CMT_OP_DETACH 0
#define HV_DOMCTL_PSR_CMT_OP_ATTACH 1
#define HV_DOMCTL_PSR_CMT_OP_QUERY_RMID 2
#define HV_DOMCTL_PSR_SET_L3_CBM 0
#define HV_DOMCTL_PSR_GET_L3_CBM 1
#define HV_DOMCTL_PSR_SET_L3_CODE 2
#define HV_DOMCTL_PSR_SET_L3_DATA 3
#define HV_DOMCTL_PSR_GET_L3_CODE 4
#define HV_DOMCTL_PSR_GET_L3_DATA 5
#define HV_DOMCTL_PSR_SET_L2_CBM 6
#define HV_DOMCTL_PSR_GET_L2_CBM 7
#define HV_DOMCTL_PSR_SET_MBA_THRTL 8
#define HV_DOMCTL_PSR_GET_MBA_THRTL 9

#define HV_DOMCTL_MONITOR_OP_ENABLE 0
#define HV_DOMCTL_MONITOR_OP_DISABLE 1
#define HV_DOMCTL_MONITOR_OP_GET_CAPABILITIES 2
#define HV_DOMCTL_MONITOR_OP_EMULATE_EACH_REP 3
#define HV_DOMCTL_MONITOR_OP_CONTROL_REGISTERS 4
#define HV_DOMCTL_MONITOR_EVENT_WRITE_CTRLREG 0
#define HV_DOMCTL_MONITOR_EVENT_MOV_TO_MSR 1
#define HV_DOMCTL_MONITOR_EVENT_SINGLESTEP 2
#define HV_DOMCTL_MONITOR_EVENT_SOFTWARE_BREAKPOINT 3
#define HV_DOMCTL_MONITOR_EVENT_GUEST_REQUEST 4
#define HV_DOMCTL_MONITOR_EVENT_DEBUG_EXCEPTION 5
#define HV_DOMCTL_MONITOR_EVENT_CPUID 6
#define HV_DOMCTL_MONITOR_EVENT_PRIVILEGED_CALL 7
#define HV_DOMCTL_MONITOR_EVENT_INTERRUPT 8
#define HV_DOMCTL_MONITOR_EVENT_DESC_ACCESS 9
#define HV_DOMCTL_MONITOR_EVENT_EMUL_UNIMPLEMENTED 10
#define HV_DOMCTL_MONITOR_EVENT_INGUEST_PAGEFAULT 11
#define HV_DOMCTL_MONITOR_EVENT_VMEXIT 12

#define HV_DOMCTL_VUART_OP_INIT 0
#define HV_DOMCTL_VUART_TYPE_VPL011 0

#define HV_DOMCTL_VMTRACE_ENABLE 1
#define HV_DOMCTL_VMTRACE_DISABLE 2
#define HV_DOMCTL_VMTRACE_RESET_AND_ENABLE 3
#define HV_DOMCTL_VMTRACE_OUTPUT_POSITION 4
#define HV_DOMCTL_VMTRACE_GET_OPTION 5
#define HV_DOMCTL_VMTRACE_SET_OPTION 6

#ifndef __ASSEMBLY__

struct hv_domctl_createdomain {
    uint32_t ssidref;
    hv_domain_handle_t handle; /* UUID */
    uint32_t flags;            /* HV_DOMCTL_CDF_* */
    uint32_t iommu_opts;       /* HV_DOMCTL_IOMMU_* */
    uint32_t max_vcpus;
    uint32_t max_evtchn_port;
    int32_t max_grant_frames;    /* negative: the default */
    int32_t max_maptrack_frames; /* negative: the default */
    uint32_t grant_opts;         /* HV_DOMCTL_GRANT_VERSION() */
    uint32_t vmtrace_size;
    uint32_t cpupool_id;
    struct hv_arch_domainconfig arch;
};

struct hv_domctl_getdomaininfo {
    hv_domid_t domain;
    uint16_t pad1;
    uint32_t flags; /* HV_DOMINF_* */
    uint64_t tot_pages;
    uint64_t max_pages;
    uint64_t outstanding_pages; /* claimed, not yet given */
    uint64_t shr_pages;
    uint64_t paged_pages;
    uint64_t shared_info_frame;
    uint64_t cpu_time; /* ns, all vCPUs */
    uint32_t nr_online_vcpus;
    uint32_t max_vcpu_id; /* HV_INVALID_MAX_VCPU_ID: none */
    uint32_t ssidref;
    hv_domain_handle_t handle;
    uint32_t cpupool;
    uint8_t gpaddr_bits;
    uint8_t pad2[7];
    struct hv_arch_domainconfig arch_config;
};

struct hv_domctl_getpageframeinfo3 {
    uint64_t num;
    hv_handle_t array; /* hv_pfn_t[num]: IN gfns, OUT types */
};

struct hv_domctl_shadow_op_stats {
    uint32_t fault_count;
    uint32_t dirty_count;
};

struct hv_domctl_shadow_op {
    uint32_t op;   /* HV_DOMCTL_SHADOW_OP_* */
    uint32_t mode; /* HV_DOMCTL_SHADOW_ENABLE_*, or LOGDIRTY_FINAL */
    uint32_t mb;   /* GET/SET_ALLOCATION */
    hv_handle_t dirty_bitmap;
    uint64_t pages; /* IN: bits of the bitmap, OUT: valid ones */
    struct hv_domctl_shadow_op_stats stats;
};

struct hv_domctl_max_mem {
    uint64_t max_memkb;
};

struct hv_domctl_vcpucontext {
    uint32_t vcpu;
    hv_handle_t ctxt; /* struct hv_vcpu_guest_context * */
};

struct hv_domctl_getvcpuinfo {
    uint32_t vcpu;   /* IN */
    uint8_t online;  /* OUT, as the rest */
    uint8_t blocked;
    uint8_t running;
    uint64_t cpu_time; /* ns */
    uint32_t cpu;
};

struct hv_domctl_nodeaffinity {
    struct hv_ctl_bitmap nodemap;
};

struct hv_domctl_vcpuaffinity {
    uint32_t vcpu;
    uint32_t flags; /* HV_VCPUAFFINITY_* */
    struct hv_ctl_bitmap cpumap_hard; /* set: OUT what is effective */
    struct hv_ctl_bitmap cpumap_soft;
};

struct hv_domctl_max_vcpus {
    uint32_t max; /* as given to createdomain */
};

struct hv_domctl_sched_credit {
    uint16_t weight;
    uint16_t cap;
};

struct hv_domctl_sched_credit2 {
    uint16_t weight; /* relative, 256 is usual */
    uint16_t cap;    /* percent of one CPU, 0: none */
};

struct hv_domctl_sched_rtds {
    uint32_t period;
    uint32_t budget;
    uint32_t flags; /* HV_DOMCTL_SCHEDRT_EXTRA */
};

struct hv_domctl_schedparam_vcpu {
    union {
        struct hv_domctl_sched_credit credit;
        struct hv_domctl_sched_credit2 credit2;
        struct hv_domctl_sched_rtds rtds;
    } u;
    uint32_t vcpuid;
};

struct hv_domctl_scheduler_op {
    uint32_t sched_id; /* HV_SCHEDULER_* */
    uint32_t cmd;      /* HV_DOMCTL_SCHEDOP_* */
    union {
        struct hv_domctl_sched_credit credit;
        struct hv_domctl_sched_credit2 credit2;
        struct hv_domctl_sched_rtds rtds;
        struct {
            hv_handle_t vcpus; /* struct hv_domctl_schedparam_vcpu[] */
            uint32_t nr_vcpus;
            uint32_t padding;
        } v;
    } u;
};

struct hv_domctl_setdomainhandle {
    hv_domain_handle_t handle;
};

struct hv_domctl_setdebugging {
    uint8_t enable;
};

struct hv_domctl_irq_permission {
    uint32_t pirq;
    uint8_t allow_access;
    uint8_t pad[3];
};

struct hv_domctl_iomem_permission {
    uint64_t first_mfn;
    uint64_t nr_mfns;
    uint8_t allow_access;
};

struct hv_domctl_ioport_permission {
    uint32_t first_port;
    uint32_t nr_ports;
    uint8_t allow_access;
};

struct hv_domctl_hypercall_init {
    uint64_t gmfn; /* page to fill with hypercall stubs */
};

struct hv_domctl_settimeoffset {
    int64_t time_offset_seconds;
};

struct hv_domctl_hvmcontext {
    uint32_t size;      /* IN: of buffer, OUT: used; no buffer asks for it */
    hv_handle_t buffer;
};

struct hv_domctl_address_size {
    uint32_t size; /* bits: 32 or 64 */
};

struct hv_domctl_sendtrigger {
    uint32_t trigger; /* HV_DOMCTL_SENDTRIGGER_* */
    uint32_t vcpu;
};

struct hv_domctl_assign_device {
    uint32_t dev;   /* HV_DOMCTL_DEV_* */
    uint32_t flags; /* HV_DOMCTL_DEV_RDM_RELAXED */
    union {
        struct {
            uint32_t machine_sbdf;
        } pci;
        struct {
            uint32_t size;
            hv_handle_t path;
        } dt;
    } u;
};

struct hv_domctl_get_device_group {
    uint32_t machine_sbdf;
    uint32_t max_sdevs;
    uint32_t num_sdevs;
    hv_handle_t sdev_array; /* uint32_t[max_sdevs] */
};

struct hv_domctl_bind_pt_irq {
    uint32_t machine_irq;
    uint32_t irq_type; /* HV_PT_IRQ_TYPE_* */
    union {
        struct {
            uint8_t isa_irq;
        } isa;
        struct {
            uint8_t bus;
            uint8_t device;
            uint8_t intx;
        } pci;
        struct {
            uint8_t gvec;
            uint32_t gflags; /* HV_DOMCTL_VMSI_X86_* */
            uint64_t gtable;
        } msi;
        struct {
            uint16_t spi;
        } spi;
    } u;
};

struct hv_domctl_memory_mapping {
    uint64_t first_gfn;
    uint64_t first_mfn;
    uint64_t nr_mfns;
    uint32_t add_mapping; /* HV_DPCI_* */
    uint32_t padding;
};

struct hv_domctl_ioport_mapping {
    uint32_t first_gport;
    uint32_t first_mport;
    uint32_t nr_ports;
    uint32_t add_mapping; /* HV_DPCI_* */
};

/* Machine-check state of a vCPU, as in its save record. */
struct hv_hvm_vmce_vcpu {
    uint64_t caps;
    uint64_t mci_ctl2_bank0;
    uint64_t mci_ctl2_bank1;
    uint64_t mcg_ext_ctl;
};

struct hv_domctl_ext_vcpucontext {
    uint32_t vcpu;
    uint32_t size; /* set: IN, get: OUT; bytes of this structure */
    uint64_t syscall32_callback_eip;
    uint64_t sysenter_callback_eip;
    uint16_t syscall32_callback_cs;
    uint16_t sysenter_callback_cs;
    uint8_t syscall32_disables_events;
    uint8_t sysenter_disables_events;
    struct hv_hvm_vmce_vcpu vmce;
};

struct hv_domctl_set_target {
    hv_domid_t target;
};

struct hv_domctl_cpu_policy {
    uint32_t nr_leaves; /* IN, OUT */
    uint32_t nr_msrs;   /* IN, OUT */
    hv_handle_t leaves; /* struct hv_cpuid_leaf[] */
    hv_handle_t msrs;   /* struct hv_msr_entry[] */
    uint32_t err_leaf, err_subleaf, err_msr; /* OUT: what was refused */
};

struct hv_domctl_subscribe {
    uint32_t port;
};

struct hv_domctl_debug_op {
    uint32_t op; /* HV_DOMCTL_DEBUG_OP_* */
    uint32_t vcpu;
};

struct hv_domctl_hvmcontext_partial {
    uint32_t type;
    uint32_t instance;
    uint64_t bufsz;
    hv_handle_t buffer;
};

struct hv_domctl_tsc_info {
    uint32_t tsc_mode;
    uint32_t gtsc_khz;
    uint32_t incarnation;
    uint32_t pad;
    uint64_t elapsed_nsec;
};

struct hv_domctl_gdbsx_memio {
    uint64_t pgd3val;
    uint64_t gva;
    uint64_t uva;
    uint32_t len;
    uint8_t gwr; /* write to the guest */
    uint32_t remain;
};

struct hv_domctl_gdbsx_pauseunp_vcpu {
    uint32_t vcpu;
};

struct hv_domctl_gdbsx_domstatus {
    uint8_t paused;
    uint32_t vcpu_id;
    uint32_t vcpu_ev;
};

struct hv_domctl_vm_event_op {
    uint32_t op;   /* HV_VM_EVENT_* */
    uint32_t mode; /* HV_DOMCTL_VM_EVENT_OP_* */
    union {
        struct {
            uint32_t port;
        } enable;
        uint32_t version;
    } u;
};

struct hv_domctl_mem_sharing_op {
    uint8_t op;
    union {
        uint8_t enable;
    } u;
};

struct hv_domctl_audit_p2m {
    uint64_t orphans;
    uint64_t m2p_bad;
    uint64_t p2m_bad;
};

struct hv_domctl_set_virq_handler {
    uint32_t virq;
};

struct hv_domctl_vcpuextstate {
    uint32_t vcpu;
    uint64_t xfeature_mask;
    uint64_t size;
    hv_handle_t buffer; /* xcr0, xcr0_accum, then the XSAVE area */
};

struct hv_domctl_set_access_required {
    uint8_t access_required;
};

struct hv_domctl_set_broken_page_p2m {
    uint64_t pfn;
};

struct hv_domctl_cacheflush {
    hv_pfn_t start_pfn, nr_pfns;
};

struct hv_domctl_paging_mempool {
    uint64_t size; /* bytes */
};

struct hv_domctl_vcpu_msr {
    uint32_t index;
    uint32_t reserved;
    uint64_t value;
};

struct hv_domctl_vcpu_msrs {
    uint32_t vcpu;
    uint32_t msr_count;
    hv_handle_t msrs; /* struct hv_domctl_vcpu_msr[] */
};

struct hv_domctl_vnuma {
    uint32_t nr_vnodes;
    uint32_t nr_vmemranges;
    uint32_t nr_vcpus;
    uint32_t pad;
    hv_handle_t vdistance;
    hv_handle_t vcpu_to_vnode;
    hv_handle_t vnode_to_pnode;
    hv_handle_t vmemrange; /* struct hv_vmemrange[] */
};

struct hv_domctl_psr_cmt_op {
    uint32_t cmd; /* HV_DOMCTL_PSR_CMT_OP_* */
    uint32_t data;
};

struct hv_domctl_monitor_op {
    uint32_t op;    /* HV_DOMCTL_MONITOR_OP_* */
    uint32_t event; /* HV_DOMCTL_MONITOR_EVENT_* */
    union {
        struct {
            uint8_t index;
            uint8_t sync;
            uint8_t onchangeonly;
            uint8_t pad1;
            uint32_t pad2;
            uint64_t bitmask;
        } mov_to_cr;
        struct {
            uint32_t msr;
            uint8_t onchangeonly;
        } mov_to_msr;
        struct {
            uint8_t sync;
            uint8_t allow_userspace;
        } guest_request;
        struct {
            uint8_t sync;
        } debug_exception;
        struct {
            uint8_t sync;
        } vmexit;
    } u;
};

struct hv_domctl_psr_alloc {
    uint32_t cmd; /* HV_DOMCTL_PSR_* */
    uint32_t target;
    uint64_t data;
};

struct hv_domctl_vuart_op {
    uint32_t cmd;
    uint32_t type;
    uint64_t gfn;
    hv_domid_t console_domid;
    uint8_t pad[2];
    hv_evtchn_port_t evtchn; /* OUT */
};

struct hv_domctl_vmtrace_op {
    uint32_t cmd; /* HV_DOMCTL_VMTRACE_* */
    uint32_t vcpu;
    uint64_t key;
    uint64_t value;
};

struct hv_domctl {
    uint32_t cmd;               /* HV_DOMCTL_* */
    uint32_t interface_version; /* HV_DOMCTL_INTERFACE_VERSION */
    hv_domid_t domain;
    uint16_t _pad[3];
    union {
        struct hv_domctl_createdomain createdomain;
        struct hv_domctl_getdomaininfo getdomaininfo;
        struct hv_domctl_getpageframeinfo3 getpageframeinfo3;
        struct hv_domctl_nodeaffinity nodeaffinity;
        struct hv_domctl_vcpuaffinity vcpuaffinity;
        struct hv_domctl_shadow_op shadow_op;
        struct hv_domctl_max_mem max_mem;
        struct hv_domctl_vcpucontext vcpucontext;
        struct hv_domctl_getvcpuinfo getvcpuinfo;
        struct hv_domctl_max_vcpus max_vcpus;
        struct hv_domctl_scheduler_op scheduler_op;
        struct hv_domctl_setdomainhandle setdomainhandle;
        struct hv_domctl_setdebugging setdebugging;
        struct hv_domctl_irq_permission irq_permission;
        struct hv_domctl_iomem_permission iomem_permission;
        struct hv_domctl_ioport_permission ioport_permission;
        struct hv_domctl_hypercall_init hypercall_init;
        struct hv_domctl_settimeoffset settimeoffset;
        struct hv_domctl_tsc_info tsc_info;
        struct hv_domctl_hvmcontext hvmcontext;
        struct hv_domctl_hvmcontext_partial hvmcontext_partial;
        struct hv_domctl_address_size address_size;
        struct hv_domctl_sendtrigger sendtrigger;
        struct hv_domctl_get_device_group get_device_group;
        struct hv_domctl_assign_device assign_device;
        struct hv_domctl_bind_pt_irq bind_pt_irq;
        struct hv_domctl_memory_mapping memory_mapping;
        struct hv_domctl_ioport_mapping ioport_mapping;
        struct hv_domctl_ext_vcpucontext ext_vcpucontext;
        struct hv_domctl_set_target set_target;
        struct hv_domctl_subscribe subscribe;
        struct hv_domctl_debug_op debug_op;
        struct hv_domctl_vm_event_op vm_event_op;
        struct hv_domctl_mem_sharing_op mem_sharing_op;
        struct hv_domctl_cpu_policy cpu_policy;
        struct hv_domctl_vcpuextstate vcpuextstate;
        struct hv_domctl_vcpu_msrs vcpu_msrs;
        struct hv_domctl_set_access_required access_required;
        struct hv_domctl_audit_p2m audit_p2m;
        struct hv_domctl_set_virq_handler set_virq_handler;
        struct hv_domctl_gdbsx_memio gdbsx_guest_memio;
        struct hv_domctl_set_broken_page_p2m set_broken_page_p2m;
        struct hv_domctl_cacheflush cacheflush;
        struct hv_domctl_gdbsx_pauseunp_vcpu gdbsx_pauseunp_vcpu;
        struct hv_domctl_gdbsx_domstatus gdbsx_domstatus;
        struct hv_domctl_vnuma vnuma;
        struct hv_domctl_psr_cmt_op psr_cmt_op;
        struct hv_domctl_monitor_op monitor_op;
        struct hv_domctl_psr_alloc psr_alloc;
        struct hv_domctl_vuart_op vuart_op;
        struct hv_domctl_vmtrace_op vmtrace_op;
        struct hv_domctl_paging_mempool paging_mempool;
        uint8_t pad[128];
    } u;
};

#endif /* !__ASSEMBLY__ */
#endif
