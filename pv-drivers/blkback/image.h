/* SPDX-License-Identifier: MIT */
/* The file or block device behind a guest's disk: opened, measured, and locked. */
#ifndef BLKBACK_IMAGE_H
#define BLKBACK_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

struct image {
    int fd;                                    /* holds the lock */
    uint64_t sectors;                          /* of 512 bytes */
    unsigned int sector_size, physical_sector; /* bytes */
    unsigned int discard_granularity;          /* bytes */
    bool readonly;
    bool direct;    /* can be opened with O_DIRECT */
    bool inline_io; /* see disk.h */
};

/*
 * Opens path for one writer or any number of readers, here or in any program that locks
 * images as QEMU does. -EBUSY: somebody has it. *why is a text for the user.
 */
int image_open(struct image *out, const char *path, bool readonly, const char **why);
void image_close(struct image *image);

#endif
