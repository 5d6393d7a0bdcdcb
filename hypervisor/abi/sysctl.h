/* SPDX-License-Identifier: MIT */
/*
 * Control of the machine, for the toolstack: sysctl(struct hv_sysctl *). As domctl,
 * but about no domain.
 *
 * Reference: Xen public interface, sysctl.h.
 */
#ifndef HV_ABI_SYSCTL_H
#define HV_ABI_SYSCTL_H

#include "xen.h"
#include "domctl.h"
#include "physdev.h"

#define HV_SYSCTL_INTERFACE_VERSION 0x00000015

/* Commands, with the member of hv_sysctl.u each uses. */
#define HV_SYSCTL_READCONSOLE 1            /* readconsole */
#define HV_SYSCTL_TBUF_OP 2                /* tbuf_op */
#define HV_SYSCTL_PHYSINFO 3               /* physinfo */
#define HV_SYSCTL_SCHED_ID 4               /* sched_id */
#define HV_SYSCTL_PERFC_OP 5               /* perfc_op */
#define HV_SYSCTL_GETDOMAININFOLIST 6      /* getdomaininfolist */
#define HV_SYSCTL_DEBUG_KEYS 7             /* debug_keys */
#define HV_SYSCTL_GETCPUINFO 8             /* getcpuinfo */
#define HV_SYSCTL_AVAILHEAP 9              /* availheap */
#define HV_SYSCTL_GET_PMSTAT 10            /* get_pmstat */
#define HV_SYSCTL_CPU_HOTPLUG 11           /* cpu_hotplug */
#define HV_SYSCTL_PM_OP 12                 /* pm_op */
#define HV_SYSCTL_PAGE_OFFLINE_OP 14       /* page_offline */
#define HV_SYSCTL_LOCKPROF_OP 15           /* lockprof_op */
#define HV_SYSCTL_CPUTOPOINFO 16           /* cputopoinfo */
#define HV_SYSCTL_NUMAINFO 17              /* numainfo */
#define HV_SYSCTL_CPUPOOL_OP 18            /* cpupool_op */
#define HV_SYSCTL_SCHEDULER_OP 19          /* scheduler_op */
#define HV_SYSCTL_COVERAGE_OP 20           /* coverage_op */
#define HV_SYSCTL_PSR_CMT_OP 21            /* psr_cmt_op */
#define HV_SYSCTL_PCITOPOINFO 22           /* pcitopoinfo */
#define HV_SYSCTL_PSR_ALLOC 23             /* psr_alloc */
#define HV_SYSCTL_GET_CPU_LEVELLING_CAPS 25 /* cpu_levelling_caps */
#define HV_SYSCTL_GET_CPU_FEATURESET 26    /* cpu_featureset */
#define HV_SYSCTL_LIVEPATCH_OP 27          /* livepatch */
#define HV_SYSCTL_GET_CPU_POLICY 29        /* cpu_policy */

#define HV_SYSCTL_TBUFOP_GET_INFO 0
#define HV_SYSCTL_TBUFOP_SET_CPU_MASK 1
#define HV_SYSCTL_TBUFOP_SET_EVT_MASK 2
#define HV_SYSCTL_TBUFOP_SET_SIZE 3
#define HV_SYSCTL_TBUFOP_ENABLE 4
#define HV_SYSCTL_TBUFOP_DISABLE 5

/* physinfo.capabilities */
#define HV_SYSCTL_PHYSCAP_HVM (1u << 0)
#define HV_SYSCTL_PHYSCAP_PV (1u << 1)
#define HV_SYSCTL_PHYSCAP_DIRECTIO (1u << 2)
#define HV_SYSCTL_PHYSCAP_HAP (1u << 3)
#define HV_SYSCTL_PHYSCAP_SHADOW (1u << 4)
#define HV_SYSCTL_PHYSCAP_IOMMU_HAP_PT_SHARE (1u << 5)
#define HV_SYSCTL_PHYSCAP_VMTRACE (1u << 6)
#define HV_SYSCTL_PHYSCAP_VPMU (1u << 7)
#define HV_SYSCTL_PHYSCAP_GNTTAB_V1 (1u << 8)
#define HV_SYSCTL_PHYSCAP_GNTTAB_V2 (1u << 9)
#define HV_SYSCTL_PHYSCAP_MAX HV_SYSCTL_PHYSCAP_GNTTAB_V2

#define HV_SYSCTL_PERFCOP_RESET 1
#define HV_SYSCTL_PERFCOP_QUERY 2

#define HV_PMSTAT_CATEGORY_MASK 0xf0
#define HV_PMSTAT_PX 0x10
#define HV_PMSTAT_CX 0x20
#define HV_PMSTAT_GET_MAX_PX (HV_PMSTAT_PX | 0x1)
#define HV_PMSTAT_GET_PXSTAT (HV_PMSTAT_PX | 0x2)
#define HV_PMSTAT_RESET_PXSTAT (HV_PMSTAT_PX | 0x3)
#define HV_PMSTAT_GET_MAX_CX (HV_PMSTAT_CX | 0x1)
#define HV_PMSTAT_GET_CXSTAT (HV_PMSTAT_CX | 0x2)
#define HV_PMSTAT_RESET_CXSTAT (HV_PMSTAT_CX | 0x3)

#define HV_SYSCTL_CPU_HOTPLUG_ONLINE 0
#define HV_SYSCTL_CPU_HOTPLUG_OFFLINE 1
#define HV_SYSCTL_CPU_HOTPLUG_SMT_ENABLE 2
#define HV_SYSCTL_CPU_HOTPLUG_SMT_DISABLE 3

#define HV_CPUFREQ_NAME_LEN 16
#define HV_SCALING_MAX_FREQ 1
#define HV_SCALING_MIN_FREQ 2
#define HV_SCALING_SETSPEED 3
#define HV_SAMPLING_RATE 4
#define HV_UP_THRESHOLD 5
#define HV_PM_PARA_CATEGORY_MASK 0xf0
#define HV_CPUFREQ_PARA 0x10
#define HV_GET_CPUFREQ_PARA (HV_CPUFREQ_PARA | 0x01)
#define HV_SET_CPUFREQ_GOV (HV_CPUFREQ_PARA | 0x02)
#define HV_SET_CPUFREQ_PARA (HV_CPUFREQ_PARA | 0x03)
#define HV_GET_CPUFREQ_AVGFREQ (HV_CPUFREQ_PARA | 0x04)
#define HV_SYSCTL_PM_OP_SET_SCHED_OPT_SMT 0x21
#define HV_SYSCTL_PM_OP_GET_MAX_CSTATE 0x22
#define HV_SYSCTL_PM_OP_SET_MAX_CSTATE 0x23
#define HV_SYSCTL_PM_OP_SET_VCPU_MIGRATION_DELAY 0x24
#define HV_SYSCTL_PM_OP_GET_VCPU_MIGRATION_DELAY 0x25
#define HV_SYSCTL_PM_OP_ENABLE_TURBO 0x26
#define HV_SYSCTL_PM_OP_DISABLE_TURBO 0x27
#define HV_SYSCTL_CX_UNLIMITED 0xffffffff

#define HV_SYSCTL_PAGE_OFFLINE 1
#define HV_SYSCTL_PAGE_ONLINE 2
#define HV_SYSCTL_QUERY_PAGE_OFFLINE 3
#define HV_PG_OFFLINE_STATUS_MASK HV_UL(0xff)
#define HV_PG_OFFLINE_INVALID (HV_UL(1) << 0)
#define HV_PG_OFFLINE_OFFLINED (HV_UL(1) << 1)
#define HV_PG_OFFLINE_PENDING (HV_UL(1) << 2)
#define HV_PG_OFFLINE_FAILED (HV_UL(1) << 3)
#define HV_PG_OFFLINE_AGAIN (HV_UL(1) << 4)
#define HV_PG_ONLINE_FAILED HV_PG_OFFLINE_FAILED
#define HV_PG_ONLINE_ONLINED HV_PG_OFFLINE_OFFLINED
#define HV_PG_OFFLINE_STATUS_OFFLINED (HV_UL(1) << 1)
#define HV_PG_OFFLINE_STATUS_ONLINE (HV_UL(1) << 2)
#define HV_PG_OFFLINE_STATUS_OFFLINE_PENDING (HV_UL(1) << 3)
#define HV_PG_OFFLINE_STATUS_BROKEN (HV_UL(1) << 4)
#define HV_PG_OFFLINE_MISC_MASK (HV_UL(0xff) << 4)
#define HV_PG_OFFLINE_XENPAGE (HV_UL(1) << 8)
#define HV_PG_OFFLINE_DOM0PAGE (HV_UL(1) << 9)
#define HV_PG_OFFLINE_ANONYMOUS (HV_UL(1) << 10)
#define HV_PG_OFFLINE_NOT_CONV_RAM (HV_UL(1) << 11)
#define HV_PG_OFFLINE_OWNED (HV_UL(1) << 12)
#define HV_PG_OFFLINE_BROKEN (HV_UL(1) << 13)
#define HV_PG_ONLINE_BROKEN HV_PG_OFFLINE_BROKEN
#define HV_PG_OFFLINE_OWNER_SHIFT 16

#define HV_SYSCTL_LOCKPROF_RESET 1
#define HV_SYSCTL_LOCKPROF_QUERY 2
#define HV_LOCKPROF_TYPE_GLOBAL 0
#define HV_LOCKPROF_TYPE_PERDOM 1
#define HV_LOCKPROF_TYPE_N 2

#define HV_INVALID_CORE_ID (~0U)
#define HV_INVALID_SOCKET_ID (~0U)
#define HV_INVALID_NODE_ID (~0U)
#define HV_INVALID_MEM_SZ (~0U)
#define HV_INVALID_NODE_DIST (~0U)
#define HV_INVALID_DEV (HV_INVALID_NODE_ID - 1)

#define HV_SYSCTL_CPUPOOL_OP_CREATE 1     /* cpupool_id IN, OUT; sched_id */
#define HV_SYSCTL_CPUPOOL_OP_DESTROY 2    /* cpupool_id */
#define HV_SYSCTL_CPUPOOL_OP_INFO 3       /* the pool >= cpupool_id */
#define HV_SYSCTL_CPUPOOL_OP_ADDCPU 4     /* cpupool_id, cpu */
#define HV_SYSCTL_CPUPOOL_OP_RMCPU 5      /* cpupool_id, cpu */
#define HV_SYSCTL_CPUPOOL_OP_MOVEDOMAIN 6 /* cpupool_id, domid */
#define HV_SYSCTL_CPUPOOL_OP_FREEINFO 7   /* cpumap OUT */
#define HV_SYSCTL_CPUPOOL_PAR_ANY 0xffffffff

#define HV_ARINC653_MAX_DOMAINS_PER_SCHEDULE 64
#define HV_SYSCTL_SCHED_RATELIMIT_MAX 500000
#define HV_SYSCTL_SCHED_RATELIMIT_MIN 100
#define HV_SYSCTL_CSCHED_TSLICE_MAX 1000
#define HV_SYSCTL_CSCHED_TSLICE_MIN 1
#define HV_SYSCTL_CSCHED_MGR_DLY_MAX_US (100 * 1000)
#define HV_SYSCTL_SCHEDOP_PUTINFO 0
#define HV_SYSCTL_SCHEDOP_GETINFO 1

#define HV_GCOV_FORMAT_MAGIC 0x58434f56
#define HV_SYSCTL_COVERAGE_GET_SIZE 0
#define HV_SYSCTL_COVERAGE_READ 1
#define HV_SYSCTL_COVERAGE_RESET 2

#define HV_SYSCTL_PSR_CMT_GET_TOTAL_RMID 0
#define HV_SYSCTL_PSR_CMT_GET_L3_UPSCALING_FACTOR 1
#define HV_SYSCTL_PSR_CMT_GET_L3_CACHE_SIZE 2
#define HV_SYSCTL_PSR_CMT_ENABLED 3
#define HV_SYSCTL_PSR_CMT_GET_L3_EVENT_MASK 4
#define HV_SYSCTL_PSR_GET_L3_INFO 0
#define HV_SYSCTL_PSR_GET_L2_INFO 1
#define HV_SYSCTL_PSR_GET_MBA_INFO 2
#define HV_SYSCTL_PSR_CAT_L3_CDP (1u << 0)
#define HV_SYSCTL_PSR_MBA_LINEAR (1u << 0)

#define HV_SYSCTL_CPU_LEVELCAP_FAULTING (HV_UL(1) << 0)
#define HV_SYSCTL_CPU_LEVELCAP_ECX (HV_UL(1) << 1)
#define HV_SYSCTL_CPU_LEVELCAP_EDX (HV_UL(1) << 2)
#define HV_SYSCTL_CPU_LEVELCAP_EXTD_ECX (HV_UL(1) << 3)
#define HV_SYSCTL_CPU_LEVELCAP_EXTD_EDX (HV_UL(1) << 4)
#define HV_SYSCTL_CPU_LEVELCAP_XSAVE_EAX (HV_UL(1) << 5)
#define HV_SYSCTL_CPU_LEVELCAP_THERMAL_ECX (HV_UL(1) << 6)
#define HV_SYSCTL_CPU_LEVELCAP_L7S0_EAX (HV_UL(1) << 7)
#define HV_SYSCTL_CPU_LEVELCAP_L7S0_EBX (HV_UL(1) << 8)

#define HV_SYSCTL_CPU_FEATURESET_RAW 0
#define HV_SYSCTL_CPU_FEATURESET_HOST 1
#define HV_SYSCTL_CPU_FEATURESET_PV 2
#define HV_SYSCTL_CPU_FEATURESET_HVM 3
#define HV_SYSCTL_CPU_FEATURESET_PV_MAX 4
#define HV_SYSCTL_CPU_FEATURESET_HVM_MAX 5

#define HV_SYSCTL_CPU_POLICY_RAW 0
#define HV_SYSCTL_CPU_POLICY_HOST 1
#define HV_SYSCTL_CPU_POLICY_PV_MAX 2
#define HV_SYSCTL_CPU_POLICY_HVM_MAX 3
#define HV_SYSCTL_CPU_POLICY_PV_DEFAULT 4
#define HV_SYSCTL_CPU_POLICY_HVM_DEFAULT 5

#define HV_LIVEPATCH_PAYLOAD_VERSION 2
#define HV_LIVEPATCH_NAME_SIZE 128
#define HV_SYSCTL_LIVEPATCH_UPLOAD 0
#define HV_SYSCTL_LIVEPATCH_GET 1
#define HV_SYSCTL_LIVEPATCH_LIST 2
#define HV_SYSCTL_LIVEPATCH_ACTION 3
#define HV_LIVEPATCH_STATE_CHECKED 1
#define HV_LIVEPATCH_STATE_APPLIED 2
#define HV_LIVEPATCH_ACTION_UNLOAD 1
#define HV_LIVEPATCH_ACTION_REVERT 2
#define HV_LIVEPATCH_ACTION_APPLY 3
#define HV_LIVEPATCH_ACTION_REPLACE 4
#define HV_LIVEPATCH_ACTION_APPLY_NODEPS (1 << 0)

#ifndef __ASSEMBLY__

struct hv_sysctl_readconsole {
    uint8_t clear;       /* IN */
    uint8_t incremental; /* IN: begin at index */
    uint8_t pad0, pad1;
    uint32_t index; /* IN, OUT: where the next call goes on */
    hv_handle_t buffer;
    uint32_t count; /* IN: room, OUT: bytes */
};

struct hv_sysctl_tbuf_op {
    uint32_t cmd; /* HV_SYSCTL_TBUFOP_* */
    struct hv_ctl_bitmap cpu_mask;
    uint32_t evt_mask;
    uint64_t buffer_mfn;
    uint32_t size;
};

struct hv_sysctl_physinfo {
    uint32_t threads_per_core;
    uint32_t cores_per_socket;
    uint32_t nr_cpus; /* online */
    uint32_t max_cpu_id;
    uint32_t nr_nodes;
    uint32_t max_node_id;
    uint32_t cpu_khz;
    uint32_t capabilities; /* HV_SYSCTL_PHYSCAP_* */
    uint32_t arch_capabilities;
    uint32_t pad;
    uint64_t total_pages;
    uint64_t free_pages;
    uint64_t scrub_pages;
    uint64_t outstanding_pages;
    uint64_t max_mfn;
    uint32_t hw_cap[8]; /* CPUID feature words */
};

struct hv_sysctl_sched_id {
    uint32_t sched_id; /* OUT: HV_SCHEDULER_* */
};

struct hv_sysctl_perfc_desc {
    char name[80];
    uint32_t nr_vals;
};

typedef uint32_t hv_sysctl_perfc_val_t;

struct hv_sysctl_perfc_op {
    uint32_t cmd; /* HV_SYSCTL_PERFCOP_* */
    uint32_t nr_counters;
    uint32_t nr_vals;
    hv_handle_t desc;
    hv_handle_t val;
};

struct hv_sysctl_getdomaininfolist {
    hv_domid_t first_domain; /* IN */
    uint32_t max_domains;    /* IN */
    hv_handle_t buffer;      /* struct hv_domctl_getdomaininfo[] */
    uint32_t num_domains;    /* OUT */
};

struct hv_sysctl_debug_keys {
    hv_handle_t keys;
    uint32_t nr_keys;
};

struct hv_sysctl_cpuinfo {
    uint64_t idletime; /* ns */
};

struct hv_sysctl_getcpuinfo {
    uint32_t max_cpus; /* IN */
    hv_handle_t info;  /* struct hv_sysctl_cpuinfo[] */
    uint32_t nr_cpus;  /* OUT */
};

struct hv_sysctl_availheap {
    uint32_t min_bitwidth;
    uint32_t max_bitwidth;
    int32_t node;
    uint64_t avail_bytes; /* OUT */
};

struct hv_pm_px_val {
    uint64_t freq;
    uint64_t residency;
    uint64_t count;
};

struct hv_pm_px_stat {
    uint8_t total;
    uint8_t usable;
    uint8_t last;
    uint8_t cur;
    hv_handle_t trans_pt;
    hv_handle_t pt; /* struct hv_pm_px_val[] */
};

struct hv_pm_cx_stat {
    uint32_t nr;
    uint32_t last;
    uint64_t idle_time;
    hv_handle_t triggers;
    hv_handle_t residencies;
    uint32_t nr_pc;
    uint32_t nr_cc;
    hv_handle_t pc;
    hv_handle_t cc;
};

struct hv_sysctl_get_pmstat {
    uint32_t type; /* HV_PMSTAT_* */
    uint32_t cpuid;
    union {
        struct hv_pm_px_stat getpx;
        struct hv_pm_cx_stat getcx;
    } u;
};

struct hv_sysctl_cpu_hotplug {
    uint32_t cpu;
    uint32_t op; /* HV_SYSCTL_CPU_HOTPLUG_* */
};

struct hv_userspace {
    uint32_t scaling_setspeed;
};

struct hv_ondemand {
    uint32_t sampling_rate_max;
    uint32_t sampling_rate_min;
    uint32_t sampling_rate;
    uint32_t up_threshold;
};

struct hv_get_cpufreq_para {
    uint32_t cpu_num;
    uint32_t freq_num;
    uint32_t gov_num;
    hv_handle_t affected_cpus;
    hv_handle_t scaling_available_frequencies;
    hv_handle_t scaling_available_governors;
    char scaling_driver[HV_CPUFREQ_NAME_LEN];
    uint32_t cpuinfo_cur_freq;
    uint32_t cpuinfo_max_freq;
    uint32_t cpuinfo_min_freq;
    uint32_t scaling_cur_freq;
    char scaling_governor[HV_CPUFREQ_NAME_LEN];
    uint32_t scaling_max_freq;
    uint32_t scaling_min_freq;
    union {
        struct hv_userspace userspace;
        struct hv_ondemand ondemand;
    } u;
    int32_t turbo_enabled;
};

struct hv_set_cpufreq_gov {
    char scaling_governor[HV_CPUFREQ_NAME_LEN];
};

struct hv_set_cpufreq_para {
    uint32_t ctrl_type; /* HV_SCALING_*, HV_SAMPLING_RATE, HV_UP_THRESHOLD */
    uint32_t ctrl_value;
};

struct hv_sysctl_pm_op {
    uint32_t cmd; /* HV_*CPUFREQ*, HV_SYSCTL_PM_OP_* */
    uint32_t cpuid;
    union {
        struct hv_get_cpufreq_para get_para;
        struct hv_set_cpufreq_gov set_gov;
        struct hv_set_cpufreq_para set_para;
        uint64_t get_avgfreq;
        uint32_t set_sched_opt_smt;
        uint32_t get_max_cstate;
        uint32_t set_max_cstate;
    } u;
};

struct hv_sysctl_page_offline_op {
    uint32_t cmd;
    uint32_t start;
    uint32_t end;
    hv_handle_t status; /* uint32_t[]: HV_PG_* */
};

struct hv_sysctl_lockprof_data {
    char name[40];
    int32_t type;
    int32_t idx;
    uint64_t lock_cnt;
    uint64_t block_cnt;
    uint64_t lock_time;
    uint64_t block_time;
};

struct hv_sysctl_lockprof_op {
    uint32_t cmd;
    uint32_t max_elem;
    uint32_t nr_elem;
    uint64_t time;
    hv_handle_t data;
};

struct hv_sysctl_cputopo {
    uint32_t core;
    uint32_t socket;
    uint32_t node;
};

struct hv_sysctl_cputopoinfo {
    uint32_t num_cpus;   /* IN: room, OUT: needed or filled */
    hv_handle_t cputopo; /* struct hv_sysctl_cputopo[] */
};

struct hv_sysctl_meminfo {
    uint64_t memsize;
    uint64_t memfree;
};

struct hv_sysctl_numainfo {
    uint32_t num_nodes;
    hv_handle_t meminfo;  /* struct hv_sysctl_meminfo[num_nodes] */
    hv_handle_t distance; /* uint32_t[num_nodes * num_nodes] */
};

struct hv_sysctl_cpupool_op {
    uint32_t op; /* HV_SYSCTL_CPUPOOL_OP_* */
    uint32_t cpupool_id;
    uint32_t sched_id;
    uint32_t domid;
    uint32_t cpu;
    uint32_t n_dom;
    struct hv_ctl_bitmap cpumap;
};

struct hv_sysctl_arinc653_schedule {
    uint64_t major_frame;
    uint8_t num_sched_entries;
    struct {
        hv_domain_handle_t dom_handle;
        uint32_t vcpu_id;
        uint64_t runtime;
    } sched_entries[HV_ARINC653_MAX_DOMAINS_PER_SCHEDULE];
};

struct hv_sysctl_credit_schedule {
    uint32_t tslice_ms;
    uint32_t ratelimit_us;
    uint32_t vcpu_migr_delay_us;
};

struct hv_sysctl_credit2_schedule {
    uint32_t ratelimit_us;
};

struct hv_sysctl_scheduler_op {
    uint32_t cpupool_id;
    uint32_t sched_id; /* HV_SCHEDULER_* */
    uint32_t cmd;      /* HV_SYSCTL_SCHEDOP_* */
    union {
        struct hv_sysctl_sched_arinc653 {
            hv_handle_t schedule;
        } sched_arinc653;
        struct hv_sysctl_credit_schedule sched_credit;
        struct hv_sysctl_credit2_schedule sched_credit2;
    } u;
};

struct hv_sysctl_coverage_op {
    uint32_t cmd;
    uint32_t size;
    hv_handle_t buffer;
};

struct hv_sysctl_psr_cmt_op {
    uint32_t cmd;
    uint32_t flags;
    union {
        uint64_t data;
        struct {
            uint32_t cpu;
            uint32_t rsvd;
        } l3_cache;
    } u;
};

struct hv_sysctl_pcitopoinfo {
    uint32_t num_devs;
    hv_handle_t devs;  /* struct hv_physdev_pci_device[] */
    hv_handle_t nodes; /* OUT: uint32_t[] */
};

struct hv_sysctl_psr_alloc {
    uint32_t cmd;
    uint32_t target;
    union {
        struct {
            uint32_t cbm_len;
            uint32_t cos_max;
            uint32_t flags;
        } cat_info;
        struct {
            uint32_t thrtl_max;
            uint32_t cos_max;
            uint32_t flags;
        } mba_info;
    } u;
};

struct hv_sysctl_cpu_levelling_caps {
    uint32_t caps; /* OUT: HV_SYSCTL_CPU_LEVELCAP_* */
};

struct hv_sysctl_cpu_featureset {
    uint32_t index;       /* HV_SYSCTL_CPU_FEATURESET_* */
    uint32_t nr_features; /* IN, OUT */
    hv_handle_t features; /* uint32_t[] */
};

struct hv_livepatch_name {
    hv_handle_t name;
    uint16_t size;
    uint16_t pad[3];
};

struct hv_sysctl_livepatch_upload {
    struct hv_livepatch_name name;
    uint64_t size;
    hv_handle_t payload;
};

struct hv_livepatch_status {
    uint32_t state; /* HV_LIVEPATCH_STATE_* */
    int32_t rc;
};

struct hv_sysctl_livepatch_get {
    struct hv_livepatch_name name;
    struct hv_livepatch_status status;
};

struct hv_sysctl_livepatch_list {
    uint32_t version;
    uint32_t idx;
    uint32_t nr;
    uint32_t pad;
    uint32_t name_total_size;
    uint32_t metadata_total_size;
    hv_handle_t status;
    hv_handle_t name;
    hv_handle_t len;
    hv_handle_t metadata;
    hv_handle_t metadata_len;
};

struct hv_sysctl_livepatch_action {
    struct hv_livepatch_name name;
    uint32_t cmd; /* HV_LIVEPATCH_ACTION_* */
    uint32_t timeout;
    uint32_t flags;
    uint32_t pad;
};

struct hv_sysctl_livepatch_op {
    uint32_t cmd; /* HV_SYSCTL_LIVEPATCH_* */
    uint32_t pad;
    union {
        struct hv_sysctl_livepatch_upload upload;
        struct hv_sysctl_livepatch_list list;
        struct hv_sysctl_livepatch_get get;
        struct hv_sysctl_livepatch_action action;
    } u;
};

struct hv_sysctl_cpu_policy {
    uint32_t index;     /* HV_SYSCTL_CPU_POLICY_* */
    uint32_t nr_leaves; /* IN, OUT */
    uint32_t nr_msrs;   /* IN, OUT */
    uint32_t _rsvd;
    hv_handle_t leaves; /* struct hv_cpuid_leaf[] */
    hv_handle_t msrs;   /* struct hv_msr_entry[] */
};

struct hv_sysctl {
    uint32_t cmd;               /* HV_SYSCTL_* */
    uint32_t interface_version; /* HV_SYSCTL_INTERFACE_VERSION */
    union {
        struct hv_sysctl_readconsole readconsole;
        struct hv_sysctl_tbuf_op tbuf_op;
        struct hv_sysctl_physinfo physinfo;
        struct hv_sysctl_cputopoinfo cputopoinfo;
        struct hv_sysctl_pcitopoinfo pcitopoinfo;
        struct hv_sysctl_numainfo numainfo;
        struct hv_sysctl_sched_id sched_id;
        struct hv_sysctl_perfc_op perfc_op;
        struct hv_sysctl_getdomaininfolist getdomaininfolist;
        struct hv_sysctl_debug_keys debug_keys;
        struct hv_sysctl_getcpuinfo getcpuinfo;
        struct hv_sysctl_availheap availheap;
        struct hv_sysctl_get_pmstat get_pmstat;
        struct hv_sysctl_cpu_hotplug cpu_hotplug;
        struct hv_sysctl_pm_op pm_op;
        struct hv_sysctl_page_offline_op page_offline;
        struct hv_sysctl_lockprof_op lockprof_op;
        struct hv_sysctl_cpupool_op cpupool_op;
        struct hv_sysctl_scheduler_op scheduler_op;
        struct hv_sysctl_coverage_op coverage_op;
        struct hv_sysctl_psr_cmt_op psr_cmt_op;
        struct hv_sysctl_psr_alloc psr_alloc;
        struct hv_sysctl_cpu_levelling_caps cpu_levelling_caps;
        struct hv_sysctl_cpu_featureset cpu_featureset;
        struct hv_sysctl_livepatch_op livepatch;
        struct hv_sysctl_cpu_policy cpu_policy;
        uint8_t pad[128];
    } u;
};

#endif /* !__ASSEMBLY__ */
#endif
