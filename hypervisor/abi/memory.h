/* SPDX-License-Identifier: MIT */
/*
 * Memory reservations and maps: memory_op(HV_MEM_*, argument).
 *
 * Reservation calls return the number of extents done; the upper bits of the command
 * (from bit 6) carry the extent to start from when a call is continued.
 *
 * Reference: Xen public interface, memory.h.
 */
#ifndef HV_ABI_MEMORY_H
#define HV_ABI_MEMORY_H

#include "xen.h"
#include "physdev.h"

#define HV_MEM_INCREASE_RESERVATION 0        /* hv_memory_reservation */
#define HV_MEM_DECREASE_RESERVATION 1        /* hv_memory_reservation */
#define HV_MEM_MAXIMUM_RAM_PAGE 2            /* NULL; returns an mfn */
#define HV_MEM_CURRENT_RESERVATION 3         /* hv_memory_domain; returns pages */
#define HV_MEM_MAXIMUM_RESERVATION 4         /* hv_memory_domain; returns pages */
#define HV_MEM_MACHPHYS_MFN_LIST 5           /* hv_machphys_mfn_list */
#define HV_MEM_POPULATE_PHYSMAP 6            /* hv_memory_reservation */
#define HV_MEM_ADD_TO_PHYSMAP 7              /* hv_add_to_physmap */
#define HV_MEM_MEMORY_MAP 9                  /* hv_memory_map */
#define HV_MEM_MACHINE_MEMORY_MAP 10         /* hv_memory_map */
#define HV_MEM_EXCHANGE 11                   /* hv_memory_exchange */
#define HV_MEM_MACHPHYS_MAPPING 12           /* hv_machphys_mapping */
#define HV_MEM_SET_MEMORY_MAP 13             /* hv_foreign_memory_map */
#define HV_MEM_MAXIMUM_GPFN 14               /* hv_memory_domain; returns a gfn */
#define HV_MEM_REMOVE_FROM_PHYSMAP 15        /* hv_remove_from_physmap */
#define HV_MEM_SET_POD_TARGET 16             /* hv_pod_target */
#define HV_MEM_GET_POD_TARGET 17             /* hv_pod_target */
#define HV_MEM_GET_SHARING_FREED_PAGES 18    /* NULL */
#define HV_MEM_GET_SHARING_SHARED_PAGES 19   /* NULL */
#define HV_MEM_PAGING_OP 20                  /* hv_mem_paging_op */
#define HV_MEM_ACCESS_OP 21                  /* hv_mem_access_op */
#define HV_MEM_SHARING_OP 22                 /* hv_mem_sharing_op */
#define HV_MEM_ADD_TO_PHYSMAP_BATCH 23       /* hv_add_to_physmap_batch */
#define HV_MEM_CLAIM_PAGES 24                /* hv_memory_reservation */
#define HV_MEM_MACHPHYS_COMPAT_MFN_LIST 25   /* hv_machphys_mfn_list */
#define HV_MEM_GET_VNUMAINFO 26              /* hv_vnuma_topology_info */
#define HV_MEM_RESERVED_DEVICE_MEMORY_MAP 27 /* hv_reserved_device_memory_map */
#define HV_MEM_ACQUIRE_RESOURCE 28           /* hv_mem_acquire_resource */

/* hv_memory_reservation.mem_flags */
#define HV_MEMF_ADDRESS_BITS(x) (x) /* frames must lie below 2^x bytes, 0: any */
#define HV_MEMF_GET_ADDRESS_BITS(x) ((x)&0xffu)
#define HV_MEMF_NODE(x) (((x) + 1) << 8)
#define HV_MEMF_GET_NODE(x) ((((x) >> 8) - 1) & 0xffu)
#define HV_MEMF_POPULATE_ON_DEMAND (1 << 16)
#define HV_MEMF_EXACT_NODE_REQUEST (1 << 17)
#define HV_MEMF_EXACT_NODE(n) (HV_MEMF_NODE(n) | HV_MEMF_EXACT_NODE_REQUEST)
#define HV_MEMF_VNODE (1 << 18)

/* hv_add_to_physmap.space */
#define HV_MAPSPACE_SHARED_INFO 0
#define HV_MAPSPACE_GRANT_TABLE 1
#define HV_MAPSPACE_GMFN 2
#define HV_MAPSPACE_GMFN_RANGE 3
#define HV_MAPSPACE_GMFN_FOREIGN 4 /* batch only */
#define HV_MAPSPACE_DEV_MMIO 5     /* Arm only */
#define HV_MAPIDX_GRANT_TABLE_STATUS 0x80000000

#define HV_MEM_PAGING_OP_NOMINATE 0
#define HV_MEM_PAGING_OP_EVICT 1
#define HV_MEM_PAGING_OP_PREP 2

#define HV_MEM_ACCESS_OP_SET_ACCESS 0
#define HV_MEM_ACCESS_OP_GET_ACCESS 1
#define HV_MEM_ACCESS_OP_SET_ACCESS_MULTI 4
#define HV_MEM_ACCESS_N 0
#define HV_MEM_ACCESS_R 1
#define HV_MEM_ACCESS_W 2
#define HV_MEM_ACCESS_RW 3
#define HV_MEM_ACCESS_X 4
#define HV_MEM_ACCESS_RX 5
#define HV_MEM_ACCESS_WX 6
#define HV_MEM_ACCESS_RWX 7
#define HV_MEM_ACCESS_RX2RW 8
#define HV_MEM_ACCESS_N2RWX 9
#define HV_MEM_ACCESS_DEFAULT 10

#define HV_MEM_SHARING_OP_NOMINATE_GFN 0
#define HV_MEM_SHARING_OP_NOMINATE_GREF 1
#define HV_MEM_SHARING_OP_SHARE 2
#define HV_MEM_SHARING_OP_DEBUG_GFN 3
#define HV_MEM_SHARING_OP_DEBUG_MFN 4
#define HV_MEM_SHARING_OP_DEBUG_GREF 5
#define HV_MEM_SHARING_OP_ADD_PHYSMAP 6
#define HV_MEM_SHARING_OP_AUDIT 7
#define HV_MEM_SHARING_OP_RANGE_SHARE 8
#define HV_MEM_SHARING_OP_FORK 9
#define HV_MEM_SHARING_OP_FORK_RESET 10
#define HV_MEM_SHARING_OP_S_HANDLE_INVALID (-10)
#define HV_MEM_SHARING_OP_C_HANDLE_INVALID (-9)
#define HV_MEM_SHARING_OP_FIELD_IS_GREF_FLAG (HV_UL(1) << 62)
#define HV_MEM_FORK_WITH_IOMMU_ALLOWED (1u << 0)
#define HV_MEM_FORK_BLOCK_INTERRUPTS (1u << 1)
#define HV_MEM_FORK_RESET_STATE (1u << 2)
#define HV_MEM_FORK_RESET_MEMORY (1u << 3)

#define HV_MEM_RDM_ALL 1

/* hv_mem_acquire_resource */
#define HV_MEM_RESOURCE_IOREQ_SERVER 0
#define HV_MEM_RESOURCE_GRANT_TABLE 1
#define HV_MEM_RESOURCE_VMTRACE_BUF 2
#define HV_MEM_RESOURCE_GRANT_TABLE_ID_SHARED 0
#define HV_MEM_RESOURCE_GRANT_TABLE_ID_STATUS 1
#define HV_MEM_RESOURCE_IOREQ_SERVER_FRAME_BUFIOREQ 0
#define HV_MEM_RESOURCE_IOREQ_SERVER_FRAME_IOREQ(n) (1 + (n))

/* Types in the E820 map that memory_map calls return (ACPI, "Address Range Types"). */
#define HV_E820_RAM 1
#define HV_E820_RESERVED 2
#define HV_E820_ACPI 3
#define HV_E820_NVS 4
#define HV_E820_UNUSABLE 5

#ifndef __ASSEMBLY__

/*
 * increase: extent_start OUT mfns. decrease: IN gmfns. populate_physmap: IN gpfns,
 * OUT gmfns. claim_pages: extent_start 0.
 */
struct hv_memory_reservation {
    hv_handle_t extent_start; /* hv_pfn_t[nr_extents] */
    hv_ulong_t nr_extents;
    uint32_t extent_order; /* each extent is 2^order aligned pages */
    uint32_t mem_flags;    /* HV_MEMF_* */
    hv_domid_t domid;
};

/* Same domid and same number of pages on both sides; lists must not overlap. */
struct hv_memory_exchange {
    struct hv_memory_reservation in;  /* gmfns given back */
    struct hv_memory_reservation out; /* gpfns to fill IN, gmfns OUT */
    hv_ulong_t nr_exchanged;          /* IN: 0, OUT: input extents done */
};

struct hv_memory_domain {
    hv_domid_t domid;
};

struct hv_machphys_mfn_list {
    uint32_t max_extents;     /* IN */
    hv_handle_t extent_start; /* OUT: hv_pfn_t[], 2 MiB pieces of the m2p */
    uint32_t nr_extents;      /* OUT */
};

struct hv_machphys_mapping {
    hv_ulong_t v_start, v_end;
    hv_ulong_t max_mfn;
};

struct hv_add_to_physmap {
    hv_domid_t domid;
    uint16_t size;  /* pages, GMFN_RANGE only */
    uint32_t space; /* HV_MAPSPACE_* */
    hv_ulong_t idx; /* in that space */
    hv_pfn_t gpfn;  /* where it shall appear */
};

struct hv_add_to_physmap_batch {
    hv_domid_t domid;
    uint16_t space;
    uint16_t size;
    union hv_add_to_physmap_batch_extra {
        hv_domid_t foreign_domid; /* GMFN_FOREIGN */
        uint16_t res0;            /* else 0 */
    } u;
    hv_handle_t idxs;  /* hv_ulong_t[size] */
    hv_handle_t gpfns; /* hv_pfn_t[size] */
    hv_handle_t errs;  /* OUT: int[size] */
};

struct hv_remove_from_physmap {
    hv_domid_t domid;
    hv_pfn_t gpfn;
};

struct hv_memory_map {
    uint32_t nr_entries; /* IN: room, OUT: filled */
    hv_handle_t buffer;  /* struct hv_e820entry[], NULL asks for the number */
};

/* As the BIOS call E820 gives them: 20 bytes, no padding. */
struct hv_e820entry {
    uint64_t addr;
    uint64_t size;
    uint32_t type; /* HV_E820_* */
} __attribute__((packed));

struct hv_foreign_memory_map {
    hv_domid_t domid;
    struct hv_memory_map map;
};

struct hv_pod_target {
    uint64_t target_pages;    /* IN */
    uint64_t tot_pages;       /* OUT */
    uint64_t pod_cache_pages; /* OUT */
    uint64_t pod_entries;     /* OUT */
    hv_domid_t domid;         /* IN */
};

struct hv_mem_paging_op {
    uint8_t op; /* HV_MEM_PAGING_OP_* */
    hv_domid_t domain;
    hv_handle_t buffer;
    uint64_t gfn;
};

struct hv_mem_access_op {
    uint8_t op;     /* HV_MEM_ACCESS_OP_* */
    uint8_t access; /* HV_MEM_ACCESS_* */
    hv_domid_t domid;
    uint32_t nr;
    uint64_t pfn; /* all ones: the default */
    hv_handle_t pfn_list;
    hv_handle_t access_list;
};

struct hv_mem_sharing_op {
    uint8_t op; /* HV_MEM_SHARING_OP_* */
    hv_domid_t domain;
    union {
        struct hv_mem_sharing_op_nominate {
            union {
                uint64_t gfn;
                uint32_t grant_ref;
            } u;
            uint64_t handle;
        } nominate;
        struct hv_mem_sharing_op_share {
            uint64_t source_gfn;
            uint64_t source_handle;
            uint64_t client_gfn;
            uint64_t client_handle;
            hv_domid_t client_domain;
        } share;
        struct hv_mem_sharing_op_range {
            uint64_t first_gfn;
            uint64_t last_gfn;
            uint64_t opaque;
            hv_domid_t client_domain;
            uint16_t _pad[3];
        } range;
        struct hv_mem_sharing_op_debug {
            union {
                uint64_t gfn;
                uint64_t mfn;
                uint32_t gref;
            } u;
        } debug;
        struct hv_mem_sharing_op_fork {
            hv_domid_t parent_domain;
            uint16_t flags; /* HV_MEM_FORK_* */
            uint32_t pad;
        } fork;
    } u;
};

struct hv_reserved_device_memory {
    hv_pfn_t start_pfn;
    hv_ulong_t nr_pages;
};

struct hv_reserved_device_memory_map {
    uint32_t flags;      /* HV_MEM_RDM_ALL or 0: one device */
    uint32_t nr_entries; /* IN: room, OUT: needed */
    hv_handle_t buffer;
    union {
        struct hv_physdev_pci_device pci;
    } dev;
};

/* Frames the hypervisor keeps for a domain, for a tool to map. */
struct hv_mem_acquire_resource {
    hv_domid_t domid;
    uint16_t type;          /* HV_MEM_RESOURCE_* */
    uint32_t id;            /* by type */
    uint32_t nr_frames;     /* IN: wanted; 0 with no list asks for the size */
    uint32_t pad;
    uint64_t frame;         /* IN: first */
    hv_handle_t frame_list; /* OUT for PV: mfns; IN for the rest: gfns */
};

struct hv_vmemrange {
    uint64_t start, end;
    uint32_t flags;
    uint32_t nid;
};

struct hv_vnuma_topology_info {
    hv_domid_t domid;
    uint16_t pad;
    uint32_t nr_vnodes;
    uint32_t nr_vcpus;
    uint32_t nr_vmemranges;
    union {
        hv_handle_t h;
        uint64_t pad;
    } vdistance;
    union {
        hv_handle_t h;
        uint64_t pad;
    } vcpu_to_vnode;
    union {
        hv_handle_t h;
        uint64_t pad;
    } vmemrange;
};

#endif /* !__ASSEMBLY__ */
#endif
