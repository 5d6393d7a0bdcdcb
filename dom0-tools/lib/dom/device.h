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

/*
 * Changes the CD in a drive, or takes it out (target ""). A guest without a drive of its
 * own (PV) sees the disk go and another come. -ESRCH: there is no such drive.
 */
int dom_cd_change(struct dom_host *host, hv_domid_t domid, const char *vdev,
                  const char *target, struct dom_error *err);

struct dom_disk_info {
    unsigned int devid;
    char vdev[DOM_MAX_VDEV];
    char target[256];            /* "": an empty CD drive */
    char format[8], backend[12]; /* "raw" or "qcow2"; "hvblk" or "phy" */
    bool readonly, cdrom;
    unsigned int front_state, back_state; /* HV_XENBUS_STATE_* */
    unsigned int event_channel, ring_ref; /* 0: not told, or several */
    char back[80];                        /* the backend's folder */
};
/* Free *out. */
int dom_disk_list(struct dom_host *host, hv_domid_t domid, struct dom_disk_info **out,
                  unsigned int *nr, struct dom_error *err);

/* The same of network interfaces, which detach by their number or their MAC address. */
int dom_vif_attach(struct dom_host *host, hv_domid_t domid, const struct dom_vif *vif,
                   struct dom_error *err);
int dom_vif_detach(struct dom_host *host, hv_domid_t domid, const char *which, bool force,
                   struct dom_error *err);

struct dom_vif_info {
    unsigned int devid;
    char mac[DOM_MAX_MAC], bridge[IFNAMSIZ];
    char name[IFNAMSIZ];                  /* in dom0 */
    unsigned int front_state, back_state; /* HV_XENBUS_STATE_* */
    int event_channel, tx_ref, rx_ref;    /* -1: not told, or several */
    char back[80];                        /* the backend's folder */
};
/* Free *out. */
int dom_vif_list(struct dom_host *host, hv_domid_t domid, struct dom_vif_info **out,
                 unsigned int *nr, struct dom_error *err);

/* The interfaces' part of what follows. */
int dom_vifs_check(const struct dom_config *cfg, struct dom_error *err);
int dom_vifs_add(struct dom_host *host, hv_domid_t domid, const struct dom_config *cfg,
                 struct dom_error *err);
void dom_vifs_remove(struct dom_host *host, hv_domid_t domid);

/* All devices of a configuration: checked, or attached. */
int dom_devices_check(const struct dom_config *cfg, struct dom_error *err);
int dom_devices_add(struct dom_host *host, hv_domid_t domid, const struct dom_config *cfg,
                    struct dom_error *err);
/* For a domain that is gone: waits until backends have let go of what they had open. */
void dom_devices_remove(struct dom_host *host, hv_domid_t domid);

#endif
