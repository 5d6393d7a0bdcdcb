/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi/io/xenbus.h"
#include "daemon/clock.h"
#include "dom/ports.h"
#include "dom/split.h"

#define BACKENDS  "/local/domain/0/backend"
#define MAX_TRIES 100 /* of a transaction that others disturb */

#define LOOK_MS   20

/* Tests have no time. An image may have to be looked through from a slow disk; libxl
 * gives a device as long to be set up. On a machine that has other things to do a guest
 * may be as slow to let one go. */
#ifndef WAIT_MS
#define WAIT_MS        40000
#define WAIT_FORCED_MS 10000 /* before it is taken away by force, and after */
#define WAIT_GUEST_MS  20000
#endif

struct dom_place dom_place_of(const struct dom_kind *kind, hv_domid_t domid,
                              unsigned int devid)
{
    struct dom_place p = {.kind = kind, .domid = domid, .devid = devid};

    snprintf(p.back, sizeof(p.back), BACKENDS "/%s/%u/%u", kind->back, domid, devid);
    snprintf(p.front, sizeof(p.front), "/local/domain/%u/device/%s/%u", domid,
             kind->front, devid);
    snprintf(p.libxl, sizeof(p.libxl), "/libxl/%u/device/%s/%u", domid, kind->front,
             devid);
    return p;
}

int dom_put(struct xs_handle *xs, xs_transaction_t t, const char *dir, const char *name,
            const char *value)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return xs_write(xs, t, path, value, (unsigned int)strlen(value)) ? 0 : -errno;
}

int dom_put_number(struct xs_handle *xs, xs_transaction_t t, const char *dir,
                   const char *name, unsigned int value)
{
    char text[16];

    snprintf(text, sizeof(text), "%u", value);
    return dom_put(xs, t, dir, name, text);
}

char *dom_get(struct dom_host *host, const char *dir, const char *name)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return xs_read(host->xs, XBT_NULL, path, NULL);
}

unsigned int dom_get_number(struct dom_host *host, const char *dir, const char *name)
{
    char *text = dom_get(host, dir, name);
    unsigned int n = text ? (unsigned int)strtoul(text, NULL, 10) : 0;

    free(text);
    return n;
}

void dom_get_text(struct dom_host *host, const char *dir, const char *name, char *out,
                  size_t size)
{
    char *text = dom_get(host, dir, name);

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
                    const struct dom_place *p, const void *device)
{
    int rc = dom_put(xs, t, dir, "frontend", p->front);

    rc = rc ? rc : dom_put_number(xs, t, dir, "frontend-id", p->domid);
    rc = rc ? rc : dom_put(xs, t, dir, "online", "1");
    rc = rc ? rc : p->kind->put_back(xs, t, dir, device);
    return rc ? rc : dom_put_number(xs, t, dir, "state", HV_XENBUS_STATE_INITIALISING);
}

static int put_front(struct xs_handle *xs, xs_transaction_t t, const struct dom_place *p,
                     const void *device)
{
    int rc = dom_put(xs, t, p->front, "backend", p->back);

    rc = rc ? rc : dom_put_number(xs, t, p->front, "backend-id", 0);
    rc = rc ? rc : p->kind->put_front(xs, t, p->front, device);
    return rc ? rc
              : dom_put_number(xs, t, p->front, "state", HV_XENBUS_STATE_INITIALISING);
}

static int put_all(struct xs_handle *xs, xs_transaction_t t, const struct dom_place *p,
                   const void *device)
{
    char *there = xs_read(xs, t, p->front, NULL);
    int rc;

    free(there);
    if (there)
        return -EEXIST;
    rc = make_top(xs, t, p->back, 0, p->domid);
    rc = rc ? rc : make_top(xs, t, p->front, p->domid, 0);
    rc = rc ? rc : put_back(xs, t, p->back, p, device);
    rc = rc ? rc : put_front(xs, t, p, device);
    rc = rc ? rc : put_back(xs, t, p->libxl, p, device);
    return rc ? rc : dom_put(xs, t, p->libxl, "backend", p->back);
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

static int drop(struct xs_handle *xs, xs_transaction_t t, const struct dom_place *p,
                const void *device)
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

static int ask_close(struct xs_handle *xs, xs_transaction_t t, const struct dom_place *p,
                     const void *device)
{
    char path[96], *frontend;
    int rc;

    snprintf(path, sizeof(path), "%s/frontend", p->back);
    frontend = xs_read(xs, t, path, NULL);
    free(frontend);
    if (!frontend)
        return -ENOENT;
    rc = dom_put(xs, t, p->back, "online", "0");
    /* What is closed already stays so. */
    snprintf(path, sizeof(path), "%s/state", p->back);
    frontend = xs_read(xs, t, path, NULL);
    if (!rc && (!frontend || strtoul(frontend, NULL, 10) != HV_XENBUS_STATE_CLOSED))
        rc = dom_put_number(xs, t, p->back, "state", HV_XENBUS_STATE_CLOSING);
    free(frontend);
    return rc;
}

int dom_transact(struct dom_host *host, const struct dom_place *p, const void *device,
                 int (*what)(struct xs_handle *xs, xs_transaction_t t,
                             const struct dom_place *p, const void *device))
{
    int rc = -EAGAIN;

    for (unsigned int tries = 0; tries < MAX_TRIES && rc == -EAGAIN; tries++) {
        xs_transaction_t t = xs_transaction_start(host->xs);

        if (t == XBT_NULL)
            return -errno;
        rc = what(host->xs, t, p, device);
        if (!xs_transaction_end(host->xs, t, rc != 0) && !rc)
            rc = -errno;
    }
    return rc;
}

bool dom_backend_runs(const struct dom_kind *kind)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = kind->driver ? -1 : open(kind->pid_file, O_RDWR | O_CLOEXEC);
    bool runs = fd >= 0 && !fcntl(fd, F_GETLK, &lock) && lock.l_type != F_UNLCK;

    if (fd >= 0)
        close(fd);
    return kind->driver ? !access(kind->driver, F_OK) : runs;
}

int dom_backend_check(const struct dom_kind *kind, struct dom_error *err)
{
    if (dom_backend_runs(kind))
        return 0;
    return dom_fail(err, -ENODEV, "no backend for %ss is running: %s %s", kind->what,
                    kind->driver ? "modprobe" : "start", kind->daemon);
}

/*
 * Waits until `done` says so of a backend's folder (1, or a negative errno value).
 * -ETIMEDOUT: it does not come to that.
 */
static int wait_for(struct dom_host *host, const struct dom_place *p, int timeout_ms,
                    int (*done)(struct dom_host *host, const struct dom_place *p))
{
    struct pollfd fd = {.fd = xs_fileno(host->xs), .events = POLLIN};
    long long until = clock_ms() + timeout_ms, left = timeout_ms;
    int rc = 0;

    if (!xs_watch(host->xs, p->back, "device"))
        return -errno;
    while (!rc) {
        char **event;

        while ((event = xs_check_watch(host->xs)))
            free(event);
        rc = done(host, p);
        left = until - clock_ms();
        if (!rc && left <= 0)
            rc = -ETIMEDOUT;
        /* What is not in XenStore has to be looked for. */
        if (p->kind->taken && left > LOOK_MS)
            left = LOOK_MS;
        if (!rc && poll(&fd, 1, (int)left) < 0 && errno != EINTR)
            rc = -errno;
    }
    xs_unwatch(host->xs, p->back, "device");
    return rc > 0 ? 0 : rc;
}

static int is_offered(struct dom_host *host, const struct dom_place *p)
{
    char *error = dom_get(host, p->back, "hotplug-error");

    free(error);
    if (error)
        return -EIO;
    if (p->kind->taken)
        return p->kind->taken(p);
    return dom_get_number(host, p->back, "state") >= HV_XENBUS_STATE_INIT_WAIT;
}

static int is_closed(struct dom_host *host, const struct dom_place *p)
{
    unsigned int state = dom_get_number(host, p->back, "state");

    return state == HV_XENBUS_STATE_CLOSED || state == HV_XENBUS_STATE_UNKNOWN;
}

/* Says what the backend has said. */
static int refused(struct dom_host *host, const struct dom_place *p, const char *name,
                   int rc, struct dom_error *err)
{
    char *error = dom_get(host, p->back, "hotplug-error");

    if (!error && rc == -ETIMEDOUT)
        dom_fail(err, rc, "%s %s: the backend does not answer (%s)", p->kind->what, name,
                 p->kind->daemon);
    else
        dom_fail(err, rc, "%s %s: %s", p->kind->what, name,
                 error ? error : strerror(-rc));
    free(error);
    return rc;
}

int dom_split_attach(struct dom_host *host, const struct dom_place *p, const char *name,
                     const void *device, struct dom_error *err)
{
    const char *what = p->kind->what;
    int rc;

    if (!dom_backend_runs(p->kind))
        return dom_fail(err, -ENODEV, "%s %s: no backend is running: %s %s", what, name,
                        p->kind->driver ? "modprobe" : "start", p->kind->daemon);
    rc = dom_transact(host, p, device, put_all);
    if (rc == -EEXIST)
        return dom_fail(err, rc, "domain %u has a %s %s already", p->domid, what, name);
    if (rc)
        return dom_fail(err, rc, "cannot write %s %s to XenStore: %s", what, name,
                        strerror(-rc));
    rc = wait_for(host, p, WAIT_MS, is_offered);
    if (rc) {
        refused(host, p, name, rc, err);
        dom_transact(host, p, NULL, drop);
    }
    return rc;
}

/* Takes the guest's folder away: to the backend that is as if the guest had gone. */
static int close_by_force(struct dom_host *host, const struct dom_place *p)
{
    xs_rm(host->xs, XBT_NULL, p->front);
    return wait_for(host, p, WAIT_FORCED_MS, is_closed);
}

int dom_split_detach(struct dom_host *host, const struct dom_place *p, const char *name,
                     bool force, struct dom_error *err)
{
    int rc = dom_transact(host, p, NULL, ask_close);
    struct dom_ports ports;

    if (rc == -ENOENT)
        return dom_fail(err, -ESRCH, "domain %u has no %s %s", p->domid, p->kind->what,
                        name);
    if (!rc && dom_backend_runs(p->kind)) {
        rc = wait_for(host, p, force ? WAIT_FORCED_MS : WAIT_MS, is_closed);
        if (rc == -ETIMEDOUT && force)
            rc = close_by_force(host, p);
    }
    if (rc == -ETIMEDOUT)
        return dom_fail(err, -EBUSY,
                        "domain %u does not let go of %s %s%s; --force takes it away all "
                        "the same",
                        p->domid, p->kind->what, name, p->kind->hint);
    if (rc)
        return dom_fail(err, rc, "cannot detach %s %s of domain %u: XenStore: %s",
                        p->kind->what, name, p->domid, strerror(-rc));
    dom_ports_read(host, p->front, &ports);
    rc = dom_split_drop(host, p, err);
    /*
     * Linux looks whether the folder is there when it gets to it. If there is a new one
     * by then, it takes that for the old one, whose driver is closed, for good.
     */
    if (!rc)
        dom_ports_wait(host, p->domid, &ports, WAIT_GUEST_MS);
    return rc;
}

int dom_split_drop(struct dom_host *host, const struct dom_place *p,
                   struct dom_error *err)
{
    int rc = dom_transact(host, p, NULL, drop);

    return rc ? dom_fail(err, rc, "cannot remove %s from XenStore: %s", p->back,
                         strerror(-rc))
              : 0;
}

bool dom_place_find(struct dom_host *host, const struct dom_kind *const *kinds,
                    unsigned int nr, hv_domid_t domid, unsigned int devid,
                    struct dom_place *out)
{
    char *back;

    *out = dom_place_of(kinds[0], domid, devid);
    back = dom_get(host, out->libxl, "backend");
    for (unsigned int i = 0; back && i < nr; i++) {
        struct dom_place p = dom_place_of(kinds[i], domid, devid);

        if (!strcmp(back, p.back))
            *out = p;
    }
    free(back);
    return back;
}

int dom_places_list(struct dom_host *host, const struct dom_kind *const *kinds,
                    unsigned int nr_kinds, hv_domid_t domid, struct dom_place **out,
                    unsigned int *nr)
{
    char path[64], **list;

    *nr = 0;
    snprintf(path, sizeof(path), "/libxl/%u/device/%s", domid, kinds[0]->front);
    list = xs_directory(host->xs, XBT_NULL, path, nr);
    *out = calloc(*nr + 1, sizeof(**out));
    for (unsigned int i = 0; *out && i < *nr; i++)
        dom_place_find(host, kinds, nr_kinds, domid,
                       (unsigned int)strtoul(list[i], NULL, 10), &(*out)[i]);
    free(list);
    return *out ? 0 : -ENOMEM;
}

int dom_places_read(struct dom_host *host, const struct dom_kind *const *kinds,
                    unsigned int nr_kinds, hv_domid_t domid, dom_place_read_t *read,
                    size_t size, void **out, unsigned int *nr)
{
    struct dom_place *places;
    int rc = dom_places_list(host, kinds, nr_kinds, domid, &places, nr);

    if (rc)
        return rc;
    *out = calloc(*nr + 1, size);
    for (unsigned int i = 0; *out && i < *nr; i++)
        read(host, &places[i], (char *)*out + i * size);
    free(places);
    return *out ? 0 : -ENOMEM;
}

/* The places of a domain's devices that have a backend of this kind. Free *out. */
static int places_served(struct dom_host *host, const struct dom_kind *kind,
                         hv_domid_t domid, struct dom_place **out, unsigned int *nr)
{
    char path[64], **list;

    *nr = 0;
    snprintf(path, sizeof(path), BACKENDS "/%s/%u", kind->back, domid);
    list = xs_directory(host->xs, XBT_NULL, path, nr);
    *out = calloc(*nr + 1, sizeof(**out));
    for (unsigned int i = 0; *out && i < *nr; i++)
        (*out)[i] = dom_place_of(kind, domid, (unsigned int)strtoul(list[i], NULL, 10));
    free(list);
    return *out ? 0 : -ENOMEM;
}

void dom_split_remove(struct dom_host *host, const struct dom_kind *kind,
                      hv_domid_t domid)
{
    bool runs = dom_backend_runs(kind);
    struct dom_place *list;
    unsigned int nr;

    if (places_served(host, kind, domid, &list, &nr))
        return;
    for (unsigned int i = 0; i < nr; i++) {
        if (!dom_transact(host, &list[i], NULL, ask_close) && runs)
            close_by_force(host, &list[i]);
        dom_transact(host, &list[i], NULL, drop);
    }
    free(list);
}
