/* SPDX-License-Identifier: MIT */
/* Block devices that are files: Linux's loop driver, for a backend that serves block
 * devices only. */
#ifndef DOM_LOOPDEV_H
#define DOM_LOOPDEV_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Makes a loop device of the file and holds it: it goes with the last that has it open.
 * The image's lock stays as long as it. *device is what it is; the file descriptor, or a
 * negative errno value (-EBUSY: the image is in use).
 */
int loopdev_make(const char *path, bool readonly, bool direct, dev_t *device);

#endif
