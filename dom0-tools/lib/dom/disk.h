/* SPDX-License-Identifier: MIT */
/*
 * A disk as a user writes it, in a configuration's `disk` list or to block-attach.
 *
 * Reference: xl-disk-configuration(5).
 */
#ifndef DOM_DISK_H
#define DOM_DISK_H

#include <stdbool.h>

#include "dom/error.h"

#define DOM_MAX_VDEV 16U /* with its NUL */

enum dom_disk_backend {
    DOM_DISK_HVBLK, /* our daemon */
    DOM_DISK_PHY,   /* the kernel's xen-blkback */
};

struct dom_disk {
    char *target; /* a file or block device, from the root on; "": an empty CD drive */
    char vdev[DOM_MAX_VDEV];
    unsigned int devid; /* what the guest's nodes are named by */
    bool readonly, cdrom;
    bool qcow2;  /* else raw */
    bool direct; /* around dom0's page cache */
    bool no_discard;
    bool untrusted; /* the guest is to guard itself against the backend */
    bool fail_full; /* writes fail when the image's disk is full; else they wait */
    enum dom_disk_backend backend;
};

/*
 * "TARGET, FORMAT, VDEV, ACCESS" with key=value forms among them. -EINVAL: err says what
 * is wrong with it. Free with dom_disk_free, but not on error.
 */
int dom_disk_parse(struct dom_disk *out, const char *text, struct dom_error *err);
void dom_disk_free(struct dom_disk *disk);

/* "xvda", "xvda1", "sdb", "hdc", "d0p1", or a number. -EINVAL: nothing of the kind. */
int dom_disk_devid(const char *vdev, unsigned int *out);

/*
 * Whether the image can be had now. The backend has the last word; this is to say no
 * before a domain is built.
 */
int dom_disk_check(const struct dom_disk *disk, struct dom_error *err);

#endif
