/* SPDX-License-Identifier: MIT */
/*
 * What a backend has done for a disk, where tools can read it while it works: the
 * beginning of hvblkd's journal of that disk, /run/hvblkd/DOMID-DEVID-KEY.
 */
#ifndef DAEMON_COUNTS_H
#define DAEMON_COUNTS_H

#include <stdint.h>

#define DISK_COUNTS_MAGIC 0x32424c4aU /* changes with the journal's layout */

struct disk_counts {
    uint32_t magic; /* 0: not begun yet */
    uint32_t pad;
    uint64_t reads, writes; /* requests that were answered well */
    uint64_t read_bytes, written_bytes;
};

#endif
