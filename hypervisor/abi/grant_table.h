/* SPDX-License-Identifier: MIT */
/*
 * Grant tables: grant_table_op(HV_GNTTABOP_*, array of struct hv_gnttab_*, count).
 *
 * A grant entry is how a domain lets another use a frame. To open one, write domid and
 * frame, then (after a store barrier) flags. To close it, compare-and-swap flags to 0
 * while neither READING nor WRITING is set; the hypervisor sets those while the grant
 * is in use. With v2 tables they live in the status frames instead.
 *
 * Reference: Xen public interface, grant_table.h.
 */
#ifndef HV_ABI_GRANT_TABLE_H
#define HV_ABI_GRANT_TABLE_H

#include "xen.h"

/* Entries the toolstack fills before a domain runs. */
#define HV_GNTTAB_NR_RESERVED_ENTRIES 8
#define HV_GNTTAB_RESERVED_CONSOLE 0
#define HV_GNTTAB_RESERVED_XENSTORE 1

/* Entry flags: type in the low two bits ... */
#define HV_GTF_INVALID 0U
#define HV_GTF_PERMIT_ACCESS 1U
#define HV_GTF_ACCEPT_TRANSFER 2U
#define HV_GTF_TRANSITIVE 3U
#define HV_GTF_TYPE_MASK 3U
/* ... of access grants ... */
#define HV_GTF_READONLY (1U << 2)
#define HV_GTF_READING (1U << 3) /* hypervisor: in use */
#define HV_GTF_WRITING (1U << 4) /* hypervisor: in use for writing */
#define HV_GTF_PWT (1U << 5)
#define HV_GTF_PCD (1U << 6)
#define HV_GTF_PAT (1U << 7)
#define HV_GTF_SUB_PAGE (1U << 8) /* copy only, within page_off/length */
/* ... and of transfers. */
#define HV_GTF_TRANSFER_COMMITTED (1U << 2)
#define HV_GTF_TRANSFER_COMPLETED (1U << 3)

#define HV_GNTTABOP_MAP_GRANT_REF 0
#define HV_GNTTABOP_UNMAP_GRANT_REF 1
#define HV_GNTTABOP_SETUP_TABLE 2
#define HV_GNTTABOP_DUMP_TABLE 3
#define HV_GNTTABOP_TRANSFER 4
#define HV_GNTTABOP_COPY 5
#define HV_GNTTABOP_QUERY_SIZE 6
#define HV_GNTTABOP_UNMAP_AND_REPLACE 7
#define HV_GNTTABOP_SET_VERSION 8
#define HV_GNTTABOP_GET_STATUS_FRAMES 9
#define HV_GNTTABOP_GET_VERSION 10
#define HV_GNTTABOP_SWAP_GRANT_REF 11
#define HV_GNTTABOP_CACHE_FLUSH 12

#define HV_GNTCOPY_SOURCE_GREF (1 << 0)
#define HV_GNTCOPY_DEST_GREF (1 << 1)

#define HV_GNTTAB_CACHE_CLEAN (1u << 0)
#define HV_GNTTAB_CACHE_INVAL (1u << 1)
#define HV_GNTTAB_CACHE_SOURCE_GREF (1u << 31)

/* hv_gnttab_map_grant_ref.flags */
#define HV_GNTMAP_DEVICE_MAP (1 << 0)
#define HV_GNTMAP_HOST_MAP (1 << 1)
#define HV_GNTMAP_READONLY (1 << 2)
#define HV_GNTMAP_APPLICATION_MAP (1 << 3) /* user mode may use the mapping */
#define HV_GNTMAP_CONTAINS_PTE (1 << 4)    /* host_addr is a PTE's machine address */
#define HV_GNTMAP_GUEST_AVAIL_MASK 0xffff0000U /* software bits for the PTE */

/* Status of one entry of the batch. */
#define HV_GNTST_OKAY 0
#define HV_GNTST_GENERAL_ERROR (-1)
#define HV_GNTST_BAD_DOMAIN (-2)
#define HV_GNTST_BAD_GNTREF (-3)
#define HV_GNTST_BAD_HANDLE (-4)
#define HV_GNTST_BAD_VIRT_ADDR (-5)
#define HV_GNTST_BAD_DEV_ADDR (-6)
#define HV_GNTST_NO_DEVICE_SPACE (-7)
#define HV_GNTST_PERMISSION_DENIED (-8)
#define HV_GNTST_BAD_PAGE (-9)
#define HV_GNTST_BAD_COPY_ARG (-10)
#define HV_GNTST_ADDRESS_TOO_BIG (-11)
#define HV_GNTST_EAGAIN (-12)
#define HV_GNTST_NO_SPACE (-13)

#ifndef __ASSEMBLY__

typedef uint32_t hv_grant_ref_t;
typedef uint32_t hv_grant_handle_t;
typedef uint16_t hv_grant_status_t;

struct hv_grant_entry_v1 {
    uint16_t flags; /* HV_GTF_* */
    hv_domid_t domid;
    uint32_t frame;
};

struct hv_grant_entry_header {
    uint16_t flags; /* HV_GTF_* */
    hv_domid_t domid;
};

union hv_grant_entry_v2 {
    struct hv_grant_entry_header hdr;
    struct {
        struct hv_grant_entry_header hdr;
        uint32_t pad0;
        uint64_t frame;
    } full_page;
    struct {
        struct hv_grant_entry_header hdr;
        uint16_t page_off;
        uint16_t length;
        uint64_t frame;
    } sub_page; /* HV_GTF_SUB_PAGE */
    struct {
        struct hv_grant_entry_header hdr;
        hv_domid_t trans_domid;
        uint16_t pad0;
        hv_grant_ref_t gref;
    } transitive; /* HV_GTF_TRANSITIVE: the grant gref of trans_domid */
    uint32_t __spacer[4];
};

struct hv_gnttab_map_grant_ref {
    uint64_t host_addr;       /* IN */
    uint32_t flags;           /* IN: HV_GNTMAP_* */
    hv_grant_ref_t ref;       /* IN */
    hv_domid_t dom;           /* IN: who granted */
    int16_t status;           /* OUT: HV_GNTST_* */
    hv_grant_handle_t handle; /* OUT */
    uint64_t dev_bus_addr;    /* OUT */
};

struct hv_gnttab_unmap_grant_ref {
    uint64_t host_addr;       /* IN, 0: leave that mapping */
    uint64_t dev_bus_addr;    /* IN, 0: leave that mapping */
    hv_grant_handle_t handle; /* IN */
    int16_t status;           /* OUT */
};

struct hv_gnttab_setup_table {
    hv_domid_t dom;         /* IN */
    uint32_t nr_frames;     /* IN */
    int16_t status;         /* OUT */
    hv_handle_t frame_list; /* OUT: hv_pfn_t[nr_frames] */
};

struct hv_gnttab_dump_table {
    hv_domid_t dom;
    int16_t status;
};

struct hv_gnttab_transfer {
    hv_pfn_t mfn;       /* IN */
    hv_domid_t domid;   /* IN */
    hv_grant_ref_t ref; /* IN */
    int16_t status;     /* OUT */
};

struct hv_gnttab_copy {
    struct hv_gnttab_copy_ptr {
        union {
            hv_grant_ref_t ref;
            hv_pfn_t gmfn;
        } u; /* by HV_GNTCOPY_*_GREF */
        hv_domid_t domid;
        uint16_t offset;
    } source, dest; /* IN */
    uint16_t len;   /* IN */
    uint16_t flags; /* IN: HV_GNTCOPY_* */
    int16_t status; /* OUT */
};

struct hv_gnttab_query_size {
    hv_domid_t dom;         /* IN */
    uint32_t nr_frames;     /* OUT */
    uint32_t max_nr_frames; /* OUT */
    int16_t status;         /* OUT */
};

struct hv_gnttab_unmap_and_replace {
    uint64_t host_addr; /* IN */
    uint64_t new_addr;  /* IN: its PTE moves to host_addr */
    hv_grant_handle_t handle;
    int16_t status; /* OUT */
};

struct hv_gnttab_set_version {
    uint32_t version; /* IN, OUT */
};

struct hv_gnttab_get_status_frames {
    uint32_t nr_frames;     /* IN */
    hv_domid_t dom;         /* IN */
    int16_t status;         /* OUT */
    hv_handle_t frame_list; /* OUT: uint64_t[nr_frames] */
};

struct hv_gnttab_get_version {
    hv_domid_t dom; /* IN */
    uint16_t pad;
    uint32_t version; /* OUT */
};

struct hv_gnttab_swap_grant_ref {
    hv_grant_ref_t ref_a;
    hv_grant_ref_t ref_b;
    int16_t status; /* OUT */
};

struct hv_gnttab_cache_flush {
    union {
        uint64_t dev_bus_addr;
        hv_grant_ref_t ref;
    } a;
    uint16_t offset;
    uint16_t length;
    uint32_t op; /* HV_GNTTAB_CACHE_* */
};

#endif /* !__ASSEMBLY__ */
#endif
