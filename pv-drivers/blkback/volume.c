/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "blkback/volume.h"

bool volume_map(struct volume *v, struct disk_op *op)
{
    op->fd = v->fd;
    op->at = op->offset;
    return true;
}

int volume_do(struct volume *v, struct disk_op *op)
{
    return -EOPNOTSUPP;
}
