/* SPDX-License-Identifier: MIT */
/*
 * Devices of domains that are split in two: their folders in XenStore, by which backend
 * and guest find each other. Laid out as libxl does it, so that xl can list them. What is
 * in them beside that is each kind's business (device.c, vif.c).
 *
 * Reference: Xen docs, misc/xenstore-paths; what `xl create` leaves behind.
 */
#ifndef DOM_SPLIT_H
#define DOM_SPLIT_H

#include <xenstore.h>

#include "dom/domain.h"

struct dom_place;

struct dom_kind {
    const char *what;     /* in messages: "disk" */
    const char *back;     /* the backend's folder: "hvblk" */
    const char *front;    /* the front end's, and libxl's: "vbd" */
    const char *daemon;   /* the backend's program: "hvblkd" */
    const char *pid_file; /* which it locks while it runs */
    const char *driver;   /* of a backend in dom0's kernel: a file in sysfs */
    const char *hint;     /* why a guest may not let go of one */
    /* Write the kind's own nodes of the backend's and the front end's folder. */
    int (*put_back)(struct xs_handle *xs, xs_transaction_t t, const char *dir,
                    const void *device);
    int (*put_front)(struct xs_handle *xs, xs_transaction_t t, const char *dir,
                     const void *device);
    /* Whether the backend has taken it; NULL: its state says so. */
    bool (*taken)(const struct dom_place *p);
};

/* The three folders of a device. */
struct dom_place {
    const struct dom_kind *kind;
    hv_domid_t domid;
    unsigned int devid;
    char back[80], front[80], libxl[80];
};
struct dom_place dom_place_of(const struct dom_kind *kind, hv_domid_t domid,
                              unsigned int devid);

int dom_put(struct xs_handle *xs, xs_transaction_t t, const char *dir, const char *name,
            const char *value);
int dom_put_number(struct xs_handle *xs, xs_transaction_t t, const char *dir,
                   const char *name, unsigned int value);
/* The text of a node, to be freed; NULL if it is not there. */
char *dom_get(struct dom_host *host, const char *dir, const char *name);
/* 0, or "", if it is not there. */
unsigned int dom_get_number(struct dom_host *host, const char *dir, const char *name);
void dom_get_text(struct dom_host *host, const char *dir, const char *name, char *out,
                  size_t size);

/* Whether the kind's backend runs. -ENODEV: it does not, and err says what to do. */
bool dom_backend_runs(const struct dom_kind *kind);
int dom_backend_check(const struct dom_kind *kind, struct dom_error *err);
/*
 * Makes a device, called `name`, and waits until the backend has taken it. On error
 * nothing stays. -EEXIST: there is one.
 */
int dom_split_attach(struct dom_host *host, const struct dom_place *p, const char *name,
                     const void *device, struct dom_error *err);
/*
 * Takes it away again, as soon as the guest lets go; with force, even if it does not.
 * -ESRCH: there is no such device; -EBUSY: the guest holds it.
 */
int dom_split_detach(struct dom_host *host, const struct dom_place *p, const char *name,
                     bool force, struct dom_error *err);
/* Removes all that XenStore has of a device without a backend. */
int dom_split_drop(struct dom_host *host, const struct dom_place *p,
                   struct dom_error *err);
/* Does something in a transaction. */
int dom_transact(struct dom_host *host, const struct dom_place *p, const void *device,
                 int (*what)(struct xs_handle *xs, xs_transaction_t t,
                             const struct dom_place *p, const void *device));
/*
 * Where a domain's device is, whose backend may be one of some kinds, the first of which
 * it is taken for if libxl's folder names none. False: that one has no backend.
 */
bool dom_place_find(struct dom_host *host, const struct dom_kind *const *kinds,
                    unsigned int nr, hv_domid_t domid, unsigned int devid,
                    struct dom_place *out);
/* The places of a domain's devices, of whatever of these kinds. Free *out. */
int dom_places_list(struct dom_host *host, const struct dom_kind *const *kinds,
                    unsigned int nr_kinds, hv_domid_t domid, struct dom_place **out,
                    unsigned int *nr);
/*
 * What `read` says of each of these, in `size` bytes: an array, to be freed. -ENOMEM.
 */
typedef void dom_place_read_t(struct dom_host *host, const struct dom_place *p,
                              void *out);
int dom_places_read(struct dom_host *host, const struct dom_kind *const *kinds,
                    unsigned int nr_kinds, hv_domid_t domid, dom_place_read_t *read,
                    size_t size, void **out, unsigned int *nr);
/* For a domain that is gone: waits until the backend has let go of what it had open. */
void dom_split_remove(struct dom_host *host, const struct dom_kind *kind,
                      hv_domid_t domid);

#endif
