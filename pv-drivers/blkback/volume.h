/* SPDX-License-Identifier: MIT */
/*
 * The disk as the guest sees it, and where its bytes lie: between a plan and the I/O. A
 * raw image's bytes lie where the guest thinks they do.
 */
#ifndef BLKBACK_VOLUME_H
#define BLKBACK_VOLUME_H

#include <stdbool.h>

#include "blkback/disk.h"

struct volume {
    int fd; /* the image */
};

/*
 * True: all of the operation is to be done at op->at of op->fd, any number of them at a
 * time. False: volume_do() is to do it.
 */
bool volume_map(struct volume *v, struct disk_op *op);
/* Does it now, and waits for that. Bytes done, or a negative errno value. */
int volume_do(struct volume *v, struct disk_op *op);

#endif
