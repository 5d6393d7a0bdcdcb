/* SPDX-License-Identifier: MIT */
/*
 * Reference: Xen docs, misc/xenstore-paths; public interface, io/blkif.h; what `xl
 * create` leaves behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <xenstore.h>

#include "abi/io/xenbus.h"
#include "dom/device.h"

#define BACKENDS   "/local/domain/0/backend"
#define BLOCK_ROOT BACKENDS "/hvblk"
#define MAX_TRIES  100 /* of a transaction that others disturb */

/* Tests have no root's folders, and no time. */
#ifndef BLOCK_PID_FILE
#define BLOCK_PID_FILE "/run/hvblkd/pid" /* locked while the daemon runs */
#endif
#ifndef WAIT_MS
#define WAIT_MS        10000
#define WAIT_FORCED_MS 5000
#endif

/* The three folders of a disk. */
struct place {
    hv_domid_t domid;
    unsigned int devid;
    char back[80], front[80], libxl[80];
};

static struct place place_of(hv_domid_t domid, unsigned int devid)
{
    struct place p = {.domid = domid, .devid = devid};

    snprintf(p.back, sizeof(p.back), BLOCK_ROOT "/%u/%u", domid, devid);
    snprintf(p.front, sizeof(p.front), "/local/domain/%u/device/vbd/%u", domid, devid);
    snprintf(p.libxl, sizeof(p.libxl), "/libxl/%u/device/vbd/%u", domid, devid);
    return p;
}

static int put(struct xs_handle *xs, xs_transaction_t t, const char *dir,
               const char *name, const char *value)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return xs_write(xs, t, path, value, (unsigned int)strlen(value)) ? 0 : -errno;
}

static int put_number(struct xs_handle *xs, xs_transaction_t t, const char *dir,
                      const char *name, unsigned int value)
{
    char text[16];

    snprintf(text, sizeof(text), "%u", value);
    return put(xs, t, dir, name, text);
}

static char *get(struct dom_host *host, const char *dir, const char *name)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return xs_read(host->xs, XBT_NULL, path, NULL);
}

static unsigned int get_number(struct dom_host *host, const char *dir, const char *name)
{
    char *text = get(host, dir, name);
    unsigned int n = text ? (unsigned int)strtoul(text, NULL, 10) : 0;

    free(text);
    return n;
}

static void get_text(struct dom_host *host, const char *dir, const char *name, char *out,
                     size_t size)
{
    char *text = get(host, dir, name);

    snprintf(out, size, "%s", text ? text : "");
    free(text);
}

/* The top of a folder: its owner writes it, the other end reads it. */
static int make_top(struct xs_handle *xs, xs_transaction_t t, const char *dir,
                    unsigned int owner, unsigned int reader)
{
    struct xs_permissions perms[2] = {{.id = owner, .perms = XS_PERM_NONE},
                                      {.id = reader, .perms = XS_PERM_READ}};

    if (!xs_mkdir(xs, t, dir) || !xs_set_permissions(xs, t, dir, perms, 2))
        return -errno;
    return 0;
}

static int put_back(struct xs_handle *xs, xs_transaction_t t, const char *dir,
                    const struct place *p, const struct dom_disk *disk)
{
    int rc = put(xs, t, dir, "frontend", p->front);

    rc = rc ? rc : put_number(xs, t, dir, "frontend-id", p->domid);
    rc = rc ? rc : put(xs, t, dir, "params", disk->target);
    rc = rc ? rc : put(xs, t, dir, "online", "1");
    rc = rc ? rc : put(xs, t, dir, "removable", disk->cdrom ? "1" : "0");
    rc = rc ? rc : put(xs, t, dir, "bootable", "1");
    rc = rc ? rc : put(xs, t, dir, "dev", disk->vdev);
    rc = rc ? rc : put(xs, t, dir, "type", "hvblk");
    rc = rc ? rc : put(xs, t, dir, "mode", disk->readonly ? "r" : "w");
    rc = rc ? rc : put(xs, t, dir, "device-type", disk->cdrom ? "cdrom" : "disk");
    return rc ? rc : put_number(xs, t, dir, "state", HV_XENBUS_STATE_INITIALISING);
}

static int put_front(struct xs_handle *xs, xs_transaction_t t, const struct place *p,
                     const struct dom_disk *disk)
{
    int rc = put(xs, t, p->front, "backend", p->back);

    rc = rc ? rc : put_number(xs, t, p->front, "backend-id", 0);
    rc = rc ? rc : put_number(xs, t, p->front, "virtual-device", p->devid);
    rc = rc ? rc : put(xs, t, p->front, "device-type", disk->cdrom ? "cdrom" : "disk");
    return rc ? rc : put_number(xs, t, p->front, "state", HV_XENBUS_STATE_INITIALISING);
}

static int put_disk(struct xs_handle *xs, xs_transaction_t t, const struct place *p,
                    const struct dom_disk *disk)
{
    char *there = xs_read(xs, t, p->front, NULL);
    int rc;

    free(there);
    if (there)
        return -EEXIST;
    rc = make_top(xs, t, p->back, 0, p->domid);
    rc = rc ? rc : make_top(xs, t, p->front, p->domid, 0);
    rc = rc ? rc : put_back(xs, t, p->back, p, disk);
    rc = rc ? rc : put_front(xs, t, p, disk);
    rc = rc ? rc : put_back(xs, t, p->libxl, p, disk);
    return rc ? rc : put(xs, t, p->libxl, "backend", p->back);
}

static int is_empty(struct xs_handle *xs, xs_transaction_t t, const char *path)
{
    unsigned int nr = 1;
    char **list = xs_directory(xs, t, path, &nr);

    free(list);
    return list && !nr;
}

/* Removes a folder, and those above it that are left empty, as far up as top. */
static void prune(struct xs_handle *xs, xs_transaction_t t, const char *path,
                  const char *top)
{
    char at[128], *slash;

    snprintf(at, sizeof(at), "%s", path);
    xs_rm(xs, t, at);
    while ((slash = strrchr(at, '/')) && strlen(top) < (size_t)(slash - at)) {
        *slash = 0;
        if (!is_empty(xs, t, at))
            return;
        xs_rm(xs, t, at);
    }
}

static int drop_disk(struct xs_handle *xs, xs_transaction_t t, const struct place *p,
                     const struct dom_disk *disk)
{
    char top[48];

    prune(xs, t, p->back, "/local/domain/0");
    /* Folders that a domain is created with stay; so do those of a domain that has gone.
     */
    snprintf(top, sizeof(top), "/local/domain/%u/device", p->domid);
    prune(xs, t, p->front, top);
    snprintf(top, sizeof(top), "/libxl/%u/device", p->domid);
    prune(xs, t, p->libxl, top);
    return 0;
}

static int ask_close(struct xs_handle *xs, xs_transaction_t t, const struct place *p,
                     const struct dom_disk *disk)
{
    char path[96], *frontend;
    int rc;

    snprintf(path, sizeof(path), "%s/frontend", p->back);
    frontend = xs_read(xs, t, path, NULL);
    free(frontend);
    if (!frontend)
        return -ENOENT;
    rc = put(xs, t, p->back, "online", "0");
    /* What is closed already stays so. */
    snprintf(path, sizeof(path), "%s/state", p->back);
    frontend = xs_read(xs, t, path, NULL);
    if (!rc && (!frontend || strtoul(frontend, NULL, 10) != HV_XENBUS_STATE_CLOSED))
        rc = put_number(xs, t, p->back, "state", HV_XENBUS_STATE_CLOSING);
    free(frontend);
    return rc;
}

/* Does one of the above, in a transaction. */
static int transact(struct dom_host *host, const struct place *p,
                    const struct dom_disk *disk,
                    int (*what)(struct xs_handle *xs, xs_transaction_t t,
                                const struct place *p, const struct dom_disk *disk))
{
    int rc = -EAGAIN;

    for (unsigned int tries = 0; tries < MAX_TRIES && rc == -EAGAIN; tries++) {
        xs_transaction_t t = xs_transaction_start(host->xs);

        if (t == XBT_NULL)
            return -errno;
        rc = what(host->xs, t, p, disk);
        if (!xs_transaction_end(host->xs, t, rc != 0) && !rc)
            rc = -errno;
    }
    return rc;
}

static bool backend_runs(void)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open(BLOCK_PID_FILE, O_RDWR | O_CLOEXEC);
    bool runs = fd >= 0 && !fcntl(fd, F_GETLK, &lock) && lock.l_type != F_UNLCK;

    if (fd >= 0)
        close(fd);
    return runs;
}

static long long now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/*
 * Waits until `done` says so of a backend's folder (1, or a negative errno value).
 * -ETIMEDOUT: it does not come to that.
 */
static int wait_for(struct dom_host *host, const struct place *p, int timeout_ms,
                    int (*done)(struct dom_host *host, const struct place *p))
{
    struct pollfd fd = {.fd = xs_fileno(host->xs), .events = POLLIN};
    long long until = now_ms() + timeout_ms, left = timeout_ms;
    int rc = 0;

    if (!xs_watch(host->xs, p->back, "device"))
        return -errno;
    while (!rc) {
        char **event;

        while ((event = xs_check_watch(host->xs)))
            free(event);
        rc = done(host, p);
        left = until - now_ms();
        if (!rc && left <= 0)
            rc = -ETIMEDOUT;
        if (!rc && poll(&fd, 1, (int)left) < 0 && errno != EINTR)
            rc = -errno;
    }
    xs_unwatch(host->xs, p->back, "device");
    return rc > 0 ? 0 : rc;
}

static int is_offered(struct dom_host *host, const struct place *p)
{
    char *error = get(host, p->back, "hotplug-error");

    free(error);
    if (error)
        return -EIO;
    return get_number(host, p->back, "state") >= HV_XENBUS_STATE_INIT_WAIT;
}

static int is_closed(struct dom_host *host, const struct place *p)
{
    unsigned int state = get_number(host, p->back, "state");

    return state == HV_XENBUS_STATE_CLOSED || state == HV_XENBUS_STATE_UNKNOWN;
}

/* Says what the backend has said. */
static int refused(struct dom_host *host, const struct place *p,
                   const struct dom_disk *disk, int rc, struct dom_error *err)
{
    char *error = get(host, p->back, "hotplug-error");

    dom_fail(err, rc, "disk %s: %s", disk->vdev,
             error              ? error
             : rc == -ETIMEDOUT ? "the backend does not answer (hvblkd)"
                                : strerror(-rc));
    free(error);
    return rc;
}

int dom_disk_attach(struct dom_host *host, hv_domid_t domid, const struct dom_disk *disk,
                    struct dom_error *err)
{
    struct place p = place_of(domid, disk->devid);
    int rc = dom_disk_check(disk, err);

    if (rc)
        return rc;
    if (!backend_runs())
        return dom_fail(err, -ENODEV, "disk %s: no backend is running: start hvblkd",
                        disk->vdev);
    rc = transact(host, &p, disk, put_disk);
    if (rc == -EEXIST)
        return dom_fail(err, rc, "domain %u has a disk %s already", domid, disk->vdev);
    if (rc)
        return dom_fail(err, rc, "cannot write disk %s to XenStore: %s", disk->vdev,
                        strerror(-rc));
    rc = wait_for(host, &p, WAIT_MS, is_offered);
    if (rc) {
        refused(host, &p, disk, rc, err);
        transact(host, &p, disk, drop_disk);
    }
    return rc;
}

/* Takes the guest's folder away: to the backend that is as if the guest had gone. */
static int close_by_force(struct dom_host *host, const struct place *p)
{
    xs_rm(host->xs, XBT_NULL, p->front);
    return wait_for(host, p, WAIT_FORCED_MS, is_closed);
}

int dom_disk_detach(struct dom_host *host, hv_domid_t domid, const char *vdev, bool force,
                    struct dom_error *err)
{
    struct place p;
    unsigned int devid;
    int rc;

    if (dom_disk_devid(vdev, &devid))
        return dom_fail(err, -EINVAL, "not a device's name: '%.40s'", vdev);
    p = place_of(domid, devid);
    rc = transact(host, &p, NULL, ask_close);
    if (rc == -ENOENT)
        return dom_fail(err, -ESRCH, "domain %u has no disk %s", domid, vdev);
    if (!rc && backend_runs()) {
        rc = wait_for(host, &p, WAIT_MS, is_closed);
        if (rc == -ETIMEDOUT && force)
            rc = close_by_force(host, &p);
    }
    if (rc == -ETIMEDOUT)
        return dom_fail(err, -EBUSY,
                        "domain %u does not let go of %s (mounted?); --force takes it "
                        "away all the same",
                        domid, vdev);
    rc = rc ? rc : transact(host, &p, NULL, drop_disk);
    return rc ? dom_fail(err, rc, "XenStore: %s", strerror(-rc)) : 0;
}

static void read_info(struct dom_host *host, const struct place *p,
                      struct dom_disk_info *out)
{
    char *mode = get(host, p->back, "mode");

    out->devid = p->devid;
    get_text(host, p->back, "dev", out->vdev, sizeof(out->vdev));
    get_text(host, p->back, "params", out->target, sizeof(out->target));
    out->readonly = !mode || *mode != 'w';
    out->front_state = get_number(host, p->front, "state");
    out->back_state = get_number(host, p->back, "state");
    out->event_channel = get_number(host, p->front, "event-channel");
    out->ring_ref = get_number(host, p->front, "ring-ref");
    snprintf(out->back, sizeof(out->back), "%s", p->back);
    free(mode);
}

static char **list_disks(struct dom_host *host, hv_domid_t domid, unsigned int *nr)
{
    char path[64];

    *nr = 0;
    snprintf(path, sizeof(path), BLOCK_ROOT "/%u", domid);
    return xs_directory(host->xs, XBT_NULL, path, nr);
}

int dom_disk_list(struct dom_host *host, hv_domid_t domid, struct dom_disk_info **out,
                  unsigned int *nr, struct dom_error *err)
{
    char **list = list_disks(host, domid, nr);

    *out = calloc(*nr + 1, sizeof(**out));
    for (unsigned int i = 0; *out && i < *nr; i++) {
        struct place p = place_of(domid, (unsigned int)strtoul(list[i], NULL, 10));

        read_info(host, &p, &(*out)[i]);
    }
    free(list);
    return *out ? 0 : dom_fail(err, -ENOMEM, "out of memory");
}

int dom_devices_check(const struct dom_config *cfg, struct dom_error *err)
{
    int rc = 0;

    if (cfg->nr_disks && !backend_runs())
        return dom_fail(err, -ENODEV, "no backend for disks is running: start hvblkd");
    for (unsigned int i = 0; i < cfg->nr_disks && !rc; i++)
        rc = dom_disk_check(&cfg->disks[i], err);
    return rc;
}

int dom_devices_add(struct dom_host *host, hv_domid_t domid, const struct dom_config *cfg,
                    struct dom_error *err)
{
    int rc = 0;

    for (unsigned int i = 0; i < cfg->nr_disks && !rc; i++)
        rc = dom_disk_attach(host, domid, &cfg->disks[i], err);
    return rc;
}

void dom_devices_remove(struct dom_host *host, hv_domid_t domid)
{
    bool runs = backend_runs();
    unsigned int nr;
    char **list = list_disks(host, domid, &nr);

    for (unsigned int i = 0; list && i < nr; i++) {
        struct place p = place_of(domid, (unsigned int)strtoul(list[i], NULL, 10));

        if (!transact(host, &p, NULL, ask_close) && runs)
            close_by_force(host, &p);
        transact(host, &p, NULL, drop_disk);
    }
    free(list);
}
