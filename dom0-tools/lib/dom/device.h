/* SPDX-License-Identifier: MIT */
/*
 * Devices of domains: their nodes in XenStore, by which backend and guest find each
 * other. Laid out as libxl does it, so that xl can list them.
 */
#ifndef DOM_DEVICE_H
#define DOM_DEVICE_H

#include "dom/disk.h"
#include "dom/domain.h"

/* Gives a domain a disk, and waits until the backend has taken it. On error nothing
 * stays. */
int dom_disk_attach(struct dom_host *host, hv_domid_t domid, const struct dom_disk *disk,
                    struct dom_error *err);
/*
 * Takes it away again, as soon as the guest lets go; with force, even if it does not.
 * -ESRCH: there is no such disk; -EBUSY: the guest holds it.
 */
int dom_disk_detach(struct dom_host *host, hv_domid_t domid, const char *vdev, bool force,
                    struct dom_error *err);

struct dom_disk_info {
    unsigned int devid;
    char vdev[DOM_MAX_VDEV];
    char target[256];
    bool readonly;
    unsigned int front_state, back_state; /* HV_XENBUS_STATE_* */
    unsigned int event_channel, ring_ref; /* 0: not told, or several */
    char back[80];                        /* the backend's folder */
};
/* Free *out. */
int dom_disk_list(struct dom_host *host, hv_domid_t domid, struct dom_disk_info **out,
                  unsigned int *nr, struct dom_error *err);

/* All disks of a configuration: checked, or attached. */
int dom_devices_check(const struct dom_config *cfg, struct dom_error *err);
int dom_devices_add(struct dom_host *host, hv_domid_t domid, const struct dom_config *cfg,
                    struct dom_error *err);
/* For a domain that is gone: waits until backends have let go of what they had open. */
void dom_devices_remove(struct dom_host *host, hv_domid_t domid);

#endif
