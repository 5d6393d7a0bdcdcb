/* SPDX-License-Identifier: MIT */
/*
 * Reference: Xen public interface, io/blkif.h; what `xl create` leaves behind.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dom/device.h"
#include "dom/split.h"

/* Tests have no root's folders. */
#ifndef BLOCK_PID_FILE
#define BLOCK_PID_FILE "/run/hvblkd/pid"
#endif

static int put_back(struct xs_handle *xs, xs_transaction_t t, const char *dir,
                    const void *device)
{
    const struct dom_disk *disk = device;
    int rc = dom_put(xs, t, dir, "params", disk->target);

    rc = rc ? rc : dom_put(xs, t, dir, "removable", disk->cdrom ? "1" : "0");
    rc = rc ? rc : dom_put(xs, t, dir, "bootable", "1");
    rc = rc ? rc : dom_put(xs, t, dir, "dev", disk->vdev);
    rc = rc ? rc : dom_put(xs, t, dir, "type", "hvblk");
    rc = rc ? rc : dom_put(xs, t, dir, "direct-io-safe", disk->direct ? "1" : "0");
    rc = rc ? rc : dom_put(xs, t, dir, "mode", disk->readonly ? "r" : "w");
    return rc ? rc : dom_put(xs, t, dir, "device-type", disk->cdrom ? "cdrom" : "disk");
}

static int put_front(struct xs_handle *xs, xs_transaction_t t, const char *dir,
                     const void *device)
{
    const struct dom_disk *disk = device;
    int rc = dom_put_number(xs, t, dir, "virtual-device", disk->devid);

    return rc ? rc : dom_put(xs, t, dir, "device-type", disk->cdrom ? "cdrom" : "disk");
}

static const struct dom_kind disk_kind = {.what = "disk",
                                          .back = "hvblk",
                                          .front = "vbd",
                                          .daemon = "hvblkd",
                                          .pid_file = BLOCK_PID_FILE,
                                          .hint = " (mounted?)",
                                          .put_back = put_back,
                                          .put_front = put_front};

int dom_disk_attach(struct dom_host *host, hv_domid_t domid, const struct dom_disk *disk,
                    struct dom_error *err)
{
    struct dom_place p = dom_place_of(&disk_kind, domid, disk->devid);
    int rc = dom_disk_check(disk, err);

    return rc ? rc : dom_split_attach(host, &p, disk->vdev, disk, err);
}

int dom_disk_detach(struct dom_host *host, hv_domid_t domid, const char *vdev, bool force,
                    struct dom_error *err)
{
    struct dom_place p;
    unsigned int devid;

    if (dom_disk_devid(vdev, &devid))
        return dom_fail(err, -EINVAL, "not a device's name: '%.40s'", vdev);
    p = dom_place_of(&disk_kind, domid, devid);
    return dom_split_detach(host, &p, vdev, force, err);
}

static void read_info(struct dom_host *host, const struct dom_place *p,
                      struct dom_disk_info *out)
{
    char *mode = dom_get(host, p->back, "mode");

    out->devid = p->devid;
    dom_get_text(host, p->back, "dev", out->vdev, sizeof(out->vdev));
    dom_get_text(host, p->back, "params", out->target, sizeof(out->target));
    out->readonly = !mode || *mode != 'w';
    out->front_state = dom_get_number(host, p->front, "state");
    out->back_state = dom_get_number(host, p->back, "state");
    out->event_channel = dom_get_number(host, p->front, "event-channel");
    out->ring_ref = dom_get_number(host, p->front, "ring-ref");
    snprintf(out->back, sizeof(out->back), "%s", p->back);
    free(mode);
}

int dom_disk_list(struct dom_host *host, hv_domid_t domid, struct dom_disk_info **out,
                  unsigned int *nr, struct dom_error *err)
{
    struct dom_place *places;

    *out = NULL;
    if (!dom_split_list(host, &disk_kind, domid, &places, nr)) {
        *out = calloc(*nr + 1, sizeof(**out));
        for (unsigned int i = 0; *out && i < *nr; i++)
            read_info(host, &places[i], &(*out)[i]);
        free(places);
    }
    return *out ? 0 : dom_fail(err, -ENOMEM, "out of memory");
}

int dom_devices_check(const struct dom_config *cfg, struct dom_error *err)
{
    int rc = 0;

    if (cfg->nr_disks && !dom_backend_runs(&disk_kind))
        return dom_fail(err, -ENODEV, "no backend for disks is running: start hvblkd");
    for (unsigned int i = 0; i < cfg->nr_disks && !rc; i++)
        rc = dom_disk_check(&cfg->disks[i], err);
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
    dom_vifs_remove(host, domid);
}
