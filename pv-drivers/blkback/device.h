/* SPDX-License-Identifier: MIT */
/*
 * The daemon's side of a guest's disk: what XenStore says of it, its image, and the
 * worker that serves it. A device follows its two folders; nothing here is asked for by
 * anybody.
 *
 *   NEW -> READY -> STARTING -> SERVING -> STOPPING -> DOWN -> CLOSED -> NEW ...
 *   NEW -> WAITING (after a crash, for the image's lock) -> STARTING
 */
#ifndef BLKBACK_DEVICE_H
#define BLKBACK_DEVICE_H

#include <sys/types.h>

#include "blkback/image.h"
#include "common/loop.h"
#include "common/xenbus.h"
#include "hv/door.h"

#define DEVICE_ROOT "/local/domain/0/backend/hvblk"

struct daemon {
    struct xs_handle *xs;
    struct loop loop;
    struct device *devices;
    const char *run_dir; /* where journals are */
    uid_t user;          /* whom workers run as */
};

/* Looks for devices that are new or gone, and at all of them. */
void device_scan(struct daemon *d);
/* Looks at the device whose folder DOMID/DEVID the text begins with. */
void device_look(struct daemon *d, const char *place);
/* What is due by now. Returns the milliseconds until there is more; -1: nothing. */
int device_tick(struct daemon *d);

#endif
