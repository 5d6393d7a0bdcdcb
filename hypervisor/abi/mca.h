/* SPDX-License-Identifier: MIT */
/*
 * Machine checks as a control domain sees them: mca(struct hv_mc *).
 *
 * Reference: Xen public interface, arch-x86/xen-mca.h.
 */
#ifndef HV_ABI_MCA_H
#define HV_ABI_MCA_H

#include "xen.h"

#define HV_MCA_INTERFACE_VERSION 0x01ecc003

#define HV_MC_FETCH              1
#define HV_MC_NOTIFYDOMAIN       2
#define HV_MC_PHYSCPUINFO        3
#define HV_MC_MSRINJECT          4
#define HV_MC_MCEINJECT          5
#define HV_MC_INJECT_V2          6

/* hv_mc_fetch.flags, in */
#define HV_MC_NONURGENT 1
#define HV_MC_URGENT    2
#define HV_MC_ACK       4 /* of an earlier fetch, named by fetch_id */
/* out */
#define HV_MC_OK           0
#define HV_MC_NODATA       2

#define HV_MC_NCAPS        7
#define HV_MC_CAPS_STD_EDX 0
#define HV_MC_CAPS_AMD_EDX 1
#define HV_MC_CAPS_STD_ECX 4
#define HV_MC_CAPS_AMD_ECX 6

#ifndef __ASSEMBLY__

struct hv_mcinfo_msr {
    uint64_t reg;
    uint64_t value;
};

struct hv_mc_fetch {
    uint32_t flags;
    uint32_t _pad0;
    uint64_t fetch_id;
    hv_handle_t data;
};

struct hv_mcinfo_logical_cpu {
    uint32_t mc_cpunr;
    uint32_t mc_chipid;
    uint16_t mc_coreid;
    uint16_t mc_threadid;
    uint32_t mc_apicid;
    uint32_t mc_clusterid;
    uint32_t mc_ncores;
    uint32_t mc_ncores_active;
    uint32_t mc_nthreads;
    int32_t mc_cpuid_level;
    uint32_t mc_family;
    uint32_t mc_vendor;
    uint32_t mc_model;
    uint32_t mc_step;
    char mc_vendorid[16];
    char mc_brandid[64];
    uint32_t mc_cpu_caps[HV_MC_NCAPS];
    uint32_t mc_cache_size;
    uint32_t mc_cache_alignment;
    int32_t mc_nmsrvals;
    struct hv_mcinfo_msr mc_msrvalues[8];
};

struct hv_mc_physcpuinfo {
    uint32_t ncpus;
    uint32_t _pad0;
    hv_handle_t info;
};

struct hv_mc {
    uint32_t cmd;
    uint32_t interface_version;
    union {
        struct hv_mc_fetch mc_fetch;
        struct hv_mc_physcpuinfo mc_physcpuinfo;
        uint64_t pad[18]; /* the largest, which is not served: msrinject */
    } u;
};

#endif /* !__ASSEMBLY__ */
#endif
