/* SPDX-License-Identifier: MIT */
/*
 * Locks on image files by which programs keep out of each other's way: an image has one
 * writer or any number of readers, and those may be QEMU's.
 *
 * QEMU locks single bytes, for reading only: one for each thing it does to an image, one
 * for each that it does not allow others; then it looks whether others have locked the
 * opposite bytes.
 */
#ifndef DOM_IMAGELOCK_H
#define DOM_IMAGELOCK_H

#include <stdbool.h>

/* Held until fd's last duplicate is closed. -EBUSY: somebody else has it. */
int image_lock(int fd, bool readonly);
/* Whether image_lock() would say -EBUSY now. */
bool image_is_locked(int fd, bool readonly);

#endif
