/* SPDX-License-Identifier: MIT */
/* The files or block devices behind a guest's disk: opened, measured, and locked. */
#ifndef BLKBACK_IMAGE_H
#define BLKBACK_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "blkback/disk.h"
#include "blkback/volume.h"

struct image {
    int fd; /* the one that may be written to; layer[0]'s */
    /* The image, and what lies behind it. They hold the locks. */
    struct volume_file layer[VOLUME_MAX_LAYERS];
    unsigned int nr_layers;
    uint64_t sectors;                          /* of 512 bytes */
    unsigned int sector_size, physical_sector; /* bytes */
    unsigned int discard_granularity;          /* bytes */
    bool readonly;
    enum disk_way way;
};

/* What a qcow2 image says of itself. */
struct image_facts {
    int rc; /* 0 or a negative errno value, with a text in why */
    uint64_t bytes;
    unsigned int cluster;
    bool behind; /* it names a file */
    char name[QCOW2_MAX_NAME], format[32], why[160];
};

/* Reads them; `whole`: looks at all tables, too. */
typedef void image_reader_t(void *ctx, int fd, bool readonly, bool whole,
                            struct image_facts *out);
image_reader_t image_read_facts;

/* Who reads them, as it is somebody else's word: a process without rights may. */
struct image_trust {
    image_reader_t *read;
    void *ctx;
};

/*
 * Opens path, and the files that a qcow2 image names, for one writer or any number of
 * readers, here or in any program that locks images as QEMU does. format: "raw", "qcow2".
 * With `direct`, around the page cache if that can be.
 * What qcow2 images say is read by trust->read, which may be image_read_facts().
 * -EBUSY: somebody has it. *why is a text for the user, which stays until the next call.
 */
int image_open(struct image *out, const char *path, const char *format, bool readonly,
               bool direct, const struct image_trust *trust, const char **why);
void image_close(struct image *image);

#endif
