/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's files: hypfs_op(HV_HYPFS_OP_*, ...). Paths begin with a slash.
 *
 * Reference: Xen public interface, hypfs.h; the paths: docs, Xenhypfs Paths.
 */
#ifndef HV_ABI_HYPFS_H
#define HV_ABI_HYPFS_H

#include "xen.h"

#define HV_HYPFS_VERSION 1
#define HV_HYPFS_MAX_PATHLEN 1024 /* with its terminating zero */

/* hv_hypfs_direntry.type */
#define HV_HYPFS_TYPE_DIR 0
#define HV_HYPFS_TYPE_BLOB 1
#define HV_HYPFS_TYPE_STRING 2 /* terminated */
#define HV_HYPFS_TYPE_UINT 3
#define HV_HYPFS_TYPE_INT 4
#define HV_HYPFS_TYPE_BOOL 5

/* hv_hypfs_direntry.encoding */
#define HV_HYPFS_ENC_PLAIN 0
#define HV_HYPFS_ENC_GZIP 1

#define HV_HYPFS_OP_GET_VERSION 0 /* four zeroes; returns HV_HYPFS_VERSION */
/* path, its length with the zero, buffer, its size: an hv_hypfs_direntry and the contents
 * go there. -ENOBUFS: only the direntry did, it says how much there is. A directory's
 * contents are hv_hypfs_dirlistentry. */
#define HV_HYPFS_OP_READ 1
/* path, its length with the zero, contents, their size */
#define HV_HYPFS_OP_WRITE_CONTENTS 2

#ifndef __ASSEMBLY__

struct hv_hypfs_direntry {
    uint8_t type, encoding;
    uint16_t pad;
    uint32_t content_len;
    uint32_t max_write_len; /* 0: cannot be written */
};

struct hv_hypfs_dirlistentry {
    struct hv_hypfs_direntry e;
    uint16_t off_next; /* bytes to the next entry; 0: there is none */
    __extension__ char name[];
};

#endif /* !__ASSEMBLY__ */
#endif
