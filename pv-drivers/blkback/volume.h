/* SPDX-License-Identifier: MIT */
/*
 * The disk as the guest sees it, and where its bytes lie: between a plan and the I/O. A
 * raw image's bytes lie where the guest thinks they do; a qcow2 image's where its tables
 * say (qcow2.h).
 */
#ifndef BLKBACK_VOLUME_H
#define BLKBACK_VOLUME_H

#include <stdbool.h>

#include "blkback/disk.h"
#include "blkback/qcow2.h"

#define VOLUME_MAX_LAYERS 32U

/* A file of the disk: the image itself, then what is behind it. */
struct volume_file {
    int fd;
    bool qcow2;     /* else raw */
    uint64_t bytes; /* of the disk that it is */
};

struct volume {
    int fd; /* the image */
    /* What the files are, from the image on down; qcow2 is NULL for a raw one. */
    struct layer layer[VOLUME_MAX_LAYERS];
    unsigned int nr;
};

/* The files are the caller's. *why as of qcow2_open(). */
int volume_open(struct volume *v, const struct volume_file *files, unsigned int nr,
                bool readonly, const char **why);
/* Nothing may be under way. */
void volume_close(struct volume *v);

/*
 * True: all of the operation is to be done at op->at of op->fd, any number of them at a
 * time. False: volume_do() is to do it.
 */
bool volume_map(struct volume *v, struct disk_op *op);
/* Does it now, and waits for that. Bytes done, or a negative errno value. */
int volume_do(struct volume *v, struct disk_op *op);

#endif
