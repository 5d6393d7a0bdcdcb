/* SPDX-License-Identifier: MIT */
/*
 * Who is this hypervisor: xen_version(HV_VER_*, argument).
 *
 * Reference: Xen public interface, version.h.
 */
#ifndef HV_ABI_VERSION_H
#define HV_ABI_VERSION_H

#include "xen.h"
#include "features.h"

#define HV_VER_VERSION 0             /* NULL; returns major << 16 | minor */
#define HV_VER_EXTRAVERSION 1        /* hv_extraversion_t */
#define HV_VER_COMPILE_INFO 2        /* hv_compile_info */
#define HV_VER_CAPABILITIES 3        /* hv_capabilities_info_t */
#define HV_VER_CHANGESET 4           /* hv_changeset_info_t */
#define HV_VER_PLATFORM_PARAMETERS 5 /* hv_platform_parameters */
#define HV_VER_GET_FEATURES 6        /* hv_feature_info */
#define HV_VER_PAGESIZE 7            /* NULL; returns bytes */
#define HV_VER_GUEST_HANDLE 8        /* hv_domain_handle_t */
#define HV_VER_COMMANDLINE 9         /* hv_commandline_t */
#define HV_VER_BUILD_ID 10           /* hv_build_id; NULL asks for the size */

#define HV_EXTRAVERSION_LEN 16
#define HV_CAPABILITIES_INFO_LEN 1024
#define HV_CHANGESET_INFO_LEN 64
#define HV_COMMANDLINE_LEN 1024

#ifndef __ASSEMBLY__

typedef char hv_extraversion_t[HV_EXTRAVERSION_LEN];
typedef char hv_capabilities_info_t[HV_CAPABILITIES_INFO_LEN];
typedef char hv_changeset_info_t[HV_CHANGESET_INFO_LEN];
typedef char hv_commandline_t[HV_COMMANDLINE_LEN];

struct hv_compile_info {
    char compiler[64];
    char compile_by[16];
    char compile_domain[32];
    char compile_date[32];
};

struct hv_platform_parameters {
    hv_ulong_t virt_start; /* where the hypervisor's hole begins */
};

struct hv_feature_info {
    uint32_t submap_idx; /* IN */
    uint32_t submap;     /* OUT: bits HV_FEAT_* */
};

struct hv_build_id {
    uint32_t len; /* IN: of buf */
    __extension__ unsigned char buf[];
};

#endif /* !__ASSEMBLY__ */
#endif
