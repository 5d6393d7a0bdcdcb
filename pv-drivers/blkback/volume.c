/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "blkback/volume.h"

int volume_open(struct volume *v, const struct volume_file *files, unsigned int nr,
                bool readonly, const char **why)
{
    int rc = 0;

    *v = (struct volume){.fd = files[0].fd, .nr = nr};
    /* What is behind comes first. */
    for (unsigned int i = nr; i-- > 0 && !rc;) {
        v->layer[i] = (struct layer){.fd = files[i].fd, .bytes = files[i].bytes};
        if (!files[i].qcow2)
            continue;
        rc = qcow2_open(&v->layer[i].qcow2, files[i].fd, readonly || i, why);
        if (!rc && i + 1 < nr)
            qcow2_put_behind(v->layer[i].qcow2, &v->layer[i + 1]);
    }
    if (rc)
        volume_close(v);
    return rc;
}

void volume_close(struct volume *v)
{
    for (unsigned int i = 0; i < v->nr; i++) {
        if (v->layer[i].qcow2)
            qcow2_close(v->layer[i].qcow2);
        v->layer[i].qcow2 = NULL;
    }
}

bool volume_map(struct volume *v, struct disk_op *op)
{
    struct qcow2 *q = v->layer[0].qcow2;

    op->fd = v->fd;
    op->at = op->offset;
    if (!q)
        return true;
    if (op->kind == DISK_READ || op->kind == DISK_WRITE)
        return qcow2_map(q, op->offset, op->length, op->kind == DISK_WRITE, &op->fd,
                         &op->at);
    return op->kind == DISK_FLUSH && !qcow2_flush_needed(q);
}

int volume_do(struct volume *v, struct disk_op *op)
{
    struct qcow2 *q = v->layer[0].qcow2;
    int rc = -EOPNOTSUPP;

    switch (op->kind) {
    case DISK_READ:
        rc = qcow2_read(q, op->offset, op->iov, op->nr_iov);
        return rc ? rc : (int)op->length;
    case DISK_WRITE:
        rc = qcow2_write(q, op->offset, op->iov, op->nr_iov);
        return rc ? rc : (int)op->length;
    case DISK_FLUSH:
        rc = qcow2_flush(q);
        break;
    case DISK_DISCARD:
        rc = qcow2_discard(q, op->offset, op->length);
        break;
    }
    return rc;
}
