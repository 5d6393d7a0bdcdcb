/* SPDX-License-Identifier: MIT */
/*
 * Block devices over a shared ring. Sectors are of 512 bytes in the ring, whatever the
 * device's own size. The XenStore nodes by which the two ends agree are described in
 * the reference.
 *
 * Reference: Xen public interface, io/blkif.h.
 */
#ifndef HV_ABI_IO_BLKIF_H
#define HV_ABI_IO_BLKIF_H

#include "ring.h"
#include "../grant_table.h"

#define HV_BLKIF_OP_READ 0
#define HV_BLKIF_OP_WRITE 1
#define HV_BLKIF_OP_WRITE_BARRIER 2   /* node feature-barrier */
#define HV_BLKIF_OP_FLUSH_DISKCACHE 3 /* node feature-flush-cache */
#define HV_BLKIF_OP_RESERVED_1 4
#define HV_BLKIF_OP_DISCARD 5         /* node feature-discard */
#define HV_BLKIF_OP_INDIRECT 6        /* node feature-max-indirect-segments */

#define HV_BLKIF_MAX_SEGMENTS_PER_REQUEST 11
#define HV_BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST 8

#define HV_BLKIF_DISCARD_SECURE (1 << 0)

#define HV_BLKIF_RSP_EOPNOTSUPP (-2)
#define HV_BLKIF_RSP_ERROR (-1)
#define HV_BLKIF_RSP_OKAY 0

/* Bits of the node "info". */
#define HV_VDISK_CDROM 0x1
#define HV_VDISK_REMOVABLE 0x2
#define HV_VDISK_READONLY 0x4

struct hv_blkif_request_segment {
    hv_grant_ref_t gref;
    uint8_t first_sect, last_sect; /* within the page, both included */
};

struct hv_blkif_request {
    uint8_t operation; /* READ, WRITE, WRITE_BARRIER, FLUSH_DISKCACHE */
    uint8_t nr_segments;
    uint16_t handle;
    uint64_t id; /* repeated in the response */
    uint64_t sector_number;
    struct hv_blkif_request_segment seg[HV_BLKIF_MAX_SEGMENTS_PER_REQUEST];
};

struct hv_blkif_request_discard {
    uint8_t operation; /* DISCARD */
    uint8_t flag;      /* HV_BLKIF_DISCARD_SECURE */
    uint16_t handle;
    uint64_t id;
    uint64_t sector_number;
    uint64_t nr_sectors;
};

struct hv_blkif_request_indirect {
    uint8_t operation;   /* INDIRECT */
    uint8_t indirect_op; /* READ, WRITE, ... */
    uint16_t nr_segments;
    uint64_t id;
    uint64_t sector_number;
    uint16_t handle;
    /* Pages full of struct hv_blkif_request_segment, 8 bytes each. */
    hv_grant_ref_t indirect_grefs[HV_BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST];
};

struct hv_blkif_response {
    uint64_t id;
    uint8_t operation;
    int16_t status; /* HV_BLKIF_RSP_* */
};

HV_RING_TYPES(hv_blkif, struct hv_blkif_request, struct hv_blkif_response);

#endif
