/* SPDX-License-Identifier: MIT */
/*
 * Reference: Xen public interface, io/blkif.h; what `xl create` leaves behind.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "dom/device.h"
#include "dom/loopdev.h"
#include "dom/split.h"

/* Tests have no root's folders. */
#ifndef BLOCK_PID_FILE
#define BLOCK_PID_FILE "/run/hvblkd/pid"
#endif

/* The kernel's backend knows block devices by number. */
struct phy {
    const struct dom_disk *disk;
    dev_t device;
};

static int put_common(struct xs_handle *xs, xs_transaction_t t, const char *dir,
                      const struct dom_disk *disk, const char *type)
{
    int rc = dom_put(xs, t, dir, "params", disk->target);

    rc = rc ? rc : dom_put(xs, t, dir, "removable", disk->cdrom ? "1" : "0");
    rc = rc ? rc : dom_put(xs, t, dir, "bootable", "1");
    rc = rc ? rc : dom_put(xs, t, dir, "dev", disk->vdev);
    rc = rc ? rc : dom_put(xs, t, dir, "type", type);
    rc = rc ? rc : dom_put(xs, t, dir, "format", disk->qcow2 ? "qcow2" : "raw");
    rc = rc ? rc : dom_put(xs, t, dir, "discard-enable", disk->no_discard ? "0" : "1");
    rc = rc ? rc : dom_put(xs, t, dir, "direct-io-safe", disk->direct ? "1" : "0");
    rc = rc ? rc : dom_put(xs, t, dir, "mode", disk->readonly ? "r" : "w");
    return rc ? rc : dom_put(xs, t, dir, "device-type", disk->cdrom ? "cdrom" : "disk");
}

static int put_back(struct xs_handle *xs, xs_transaction_t t, const char *dir,
                    const void *device)
{
    const struct dom_disk *disk = device;
    int rc = put_common(xs, t, dir, disk, "hvblk");

    return rc ? rc : dom_put(xs, t, dir, "enospc", disk->fail_full ? "fail" : "pause");
}

static int put_front(struct xs_handle *xs, xs_transaction_t t, const char *dir,
                     const void *device)
{
    const struct dom_disk *disk = device;
    int rc = dom_put_number(xs, t, dir, "virtual-device", disk->devid);

    rc = rc ? rc : dom_put(xs, t, dir, "trusted", disk->untrusted ? "0" : "1");
    return rc ? rc : dom_put(xs, t, dir, "device-type", disk->cdrom ? "cdrom" : "disk");
}

static int phy_back(struct xs_handle *xs, xs_transaction_t t, const char *dir,
                    const void *device)
{
    const struct phy *phy = device;
    char number[24];
    int rc = put_common(xs, t, dir, phy->disk, "phy");

    snprintf(number, sizeof(number), "%x:%x", major(phy->device), minor(phy->device));
    return rc ? rc : dom_put(xs, t, dir, "physical-device", number);
}

static int phy_front(struct xs_handle *xs, xs_transaction_t t, const char *dir,
                     const void *device)
{
    const struct phy *phy = device;

    return put_front(xs, t, dir, phy->disk);
}

/* The driver makes this file when it has the block device. */
static bool phy_taken(const struct dom_place *p)
{
    char path[96];

    snprintf(path, sizeof(path), "/sys/bus/xen-backend/devices/vbd-%u-%u/physical_device",
             p->domid, p->devid);
    return !access(path, F_OK);
}

static const struct dom_kind disk_kind = {.what = "disk",
                                          .back = "hvblk",
                                          .front = "vbd",
                                          .daemon = "hvblkd",
                                          .pid_file = BLOCK_PID_FILE,
                                          .hint = " (mounted?)",
                                          .put_back = put_back,
                                          .put_front = put_front};
static const struct dom_kind phy_kind = {.what = "disk",
                                         .back = "vbd",
                                         .front = "vbd",
                                         .daemon = "xen-blkback",
                                         .driver = "/sys/bus/xen-backend/drivers/vbd",
                                         .hint = " (mounted?)",
                                         .put_back = phy_back,
                                         .put_front = phy_front,
                                         .taken = phy_taken};

static const struct dom_kind *kind_of(const struct dom_disk *disk)
{
    return disk->backend == DOM_DISK_PHY ? &phy_kind : &disk_kind;
}

static const struct dom_kind *const kinds[] = {&disk_kind, &phy_kind};
#define NR_KINDS 2

/* False: nowhere, or (an empty CD drive) without a backend. */
static bool find_place(struct dom_host *host, hv_domid_t domid, unsigned int devid,
                       struct dom_place *out)
{
    return dom_place_find(host, kinds, NR_KINDS, domid, devid, out);
}

static int attach_phy(struct dom_host *host, const struct dom_place *p,
                      const struct dom_disk *disk, struct dom_error *err)
{
    struct phy phy = {.disk = disk};
    struct stat st;
    int loop = -1, rc;

    if (stat(disk->target, &st))
        return dom_fail(err, -errno, "disk %s: %s: %s", disk->vdev, disk->target,
                        strerror(errno));
    phy.device = st.st_rdev;
    if (S_ISREG(st.st_mode)) {
        loop = loopdev_make(disk->target, disk->readonly, disk->direct, &phy.device);
        if (loop < 0)
            return dom_fail(err, loop, "disk %s: %s: %s", disk->vdev, disk->target,
                            loop == -EBUSY ? "it is in use" : strerror(-loop));
    }
    rc = dom_split_attach(host, p, disk->vdev, &phy, err);
    /* The backend has it open by now, or nobody has, and it goes. */
    if (loop >= 0)
        close(loop);
    return rc;
}

/* A drive without a CD is nothing to a guest, but known to the tools. */
static int put_empty(struct xs_handle *xs, xs_transaction_t t, const struct dom_place *p,
                     const void *device)
{
    const struct dom_disk *drive = device;
    char *there = xs_read(xs, t, p->libxl, NULL);

    free(there);
    return there ? -EEXIST
                 : put_common(xs, t, p->libxl, drive,
                              drive->backend == DOM_DISK_PHY ? "phy" : "hvblk");
}

int dom_disk_attach(struct dom_host *host, hv_domid_t domid, const struct dom_disk *disk,
                    struct dom_error *err)
{
    struct dom_place p = dom_place_of(kind_of(disk), domid, disk->devid);
    int rc = dom_disk_check(disk, err);

    if (rc)
        return rc;
    if (*disk->target)
        return disk->backend == DOM_DISK_PHY
                   ? attach_phy(host, &p, disk, err)
                   : dom_split_attach(host, &p, disk->vdev, disk, err);
    rc = dom_transact(host, &p, disk, put_empty);
    if (rc == -EEXIST)
        return dom_fail(err, rc, "domain %u has a disk %s already", domid, disk->vdev);
    return rc ? dom_fail(err, rc, "cannot write disk %s of domain %u to XenStore: %s",
                         disk->vdev, domid, strerror(-rc))
              : 0;
}

int dom_disk_detach(struct dom_host *host, hv_domid_t domid, const char *vdev, bool force,
                    struct dom_error *err)
{
    struct dom_place p;
    unsigned int devid;

    if (dom_disk_devid(vdev, &devid))
        return dom_fail(err, -EINVAL, "not a device's name: '%.40s'", vdev);
    if (!find_place(host, domid, devid, &p)) {
        char *drive = dom_get(host, p.libxl, "dev");

        free(drive);
        if (drive)
            return dom_split_drop(host, &p, err);
    }
    return dom_split_detach(host, &p, vdev, force, err);
}

/* The drive as it was made, without what is in it. */
static int find_drive(struct dom_host *host, hv_domid_t domid, const char *vdev,
                      struct dom_disk *out, bool *full, struct dom_error *err)
{
    struct dom_place p;
    char *type;

    *out = (struct dom_disk){.target = "", .readonly = true, .cdrom = true};
    snprintf(out->vdev, sizeof(out->vdev), "%s", vdev);
    if (dom_disk_devid(vdev, &out->devid))
        return dom_fail(err, -EINVAL, "not a device's name: '%.40s'", vdev);
    *full = find_place(host, domid, out->devid, &p);
    type = dom_get(host, p.libxl, "type");
    if (type && !strcmp(type, "phy"))
        out->backend = DOM_DISK_PHY;
    free(type);
    type = dom_get(host, p.libxl, "device-type");
    if (type && !strcmp(type, "cdrom")) {
        free(type);
        return 0;
    }
    free(type);
    return dom_fail(err, -ESRCH, "domain %u has no CD drive %s", domid, vdev);
}

int dom_cd_change(struct dom_host *host, hv_domid_t domid, const char *vdev,
                  const char *target, struct dom_error *err)
{
    struct dom_disk drive, cd;
    bool full = false;
    int rc = find_drive(host, domid, vdev, &drive, &full, err);

    if (rc)
        return rc;
    if (!*target && !full)
        return dom_fail(err, -ENOENT, "there is nothing in %s", vdev);
    cd = drive;
    cd.target = (char *)target;
    rc = dom_disk_check(&cd, err);
    rc = rc ? rc : dom_disk_detach(host, domid, vdev, false, err);
    if (rc || !*target)
        return rc ? rc : dom_disk_attach(host, domid, &drive, err);
    rc = dom_disk_attach(host, domid, &cd, err);
    if (rc) {
        struct dom_error unused;

        /* The drive stays. */
        dom_disk_attach(host, domid, &drive, &unused);
    }
    return rc;
}

static void read_info(struct dom_host *host, const struct dom_place *p, void *info)
{
    struct dom_disk_info *out = info;
    char *mode = dom_get(host, p->libxl, "mode");
    char *type = dom_get(host, p->libxl, "device-type");

    out->devid = p->devid;
    dom_get_text(host, p->libxl, "dev", out->vdev, sizeof(out->vdev));
    dom_get_text(host, p->libxl, "params", out->target, sizeof(out->target));
    dom_get_text(host, p->libxl, "format", out->format, sizeof(out->format));
    dom_get_text(host, p->libxl, "type", out->backend, sizeof(out->backend));
    out->cdrom = type && !strcmp(type, "cdrom");
    out->readonly = !mode || *mode != 'w';
    out->front_state = dom_get_number(host, p->front, "state");
    out->back_state = dom_get_number(host, p->back, "state");
    out->event_channel = dom_get_number(host, p->front, "event-channel");
    out->ring_ref = dom_get_number(host, p->front, "ring-ref");
    snprintf(out->back, sizeof(out->back), "%s", p->back);
    free(mode);
    free(type);
}

int dom_disk_list(struct dom_host *host, hv_domid_t domid, struct dom_disk_info **out,
                  unsigned int *nr, struct dom_error *err)
{
    void *list;

    if (dom_places_read(host, kinds, NR_KINDS, domid, read_info, sizeof(**out), &list,
                        nr))
        return dom_fail(err, -ENOMEM, "out of memory");
    *out = list;
    return 0;
}

int dom_devices_check(const struct dom_config *cfg, struct dom_error *err)
{
    int rc = 0;

    for (unsigned int i = 0; i < cfg->nr_disks && !rc; i++) {
        if (*cfg->disks[i].target)
            rc = dom_backend_check(kind_of(&cfg->disks[i]), err);
        rc = rc ? rc : dom_disk_check(&cfg->disks[i], err);
    }
    for (unsigned int i = 0; i < cfg->nr_channels && !rc; i++)
        rc = dom_channel_check(&cfg->channels[i], err);
    return rc ? rc : dom_vifs_check(cfg, err);
}

int dom_devices_add(struct dom_host *host, hv_domid_t domid, const struct dom_config *cfg,
                    struct dom_error *err)
{
    int rc = 0;

    for (unsigned int i = 0; i < cfg->nr_disks && !rc; i++)
        rc = dom_disk_attach(host, domid, &cfg->disks[i], err);
    return rc ? rc : dom_vifs_add(host, domid, cfg, err);
}

void dom_devices_remove(struct dom_host *host, hv_domid_t domid)
{
    dom_split_remove(host, &disk_kind, domid);
    dom_split_remove(host, &phy_kind, domid);
    dom_vifs_remove(host, domid);
}
