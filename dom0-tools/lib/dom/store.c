/* SPDX-License-Identifier: MIT */
/*
 * A domain's nodes in XenStore. Permissions are inherited from the parent node, so
 * each tree's top gets them and only exceptions follow: nodes the guest may write are
 * its own, all others are dom0's and the guest may read them.
 *
 * Reference: Xen docs, misc/xenstore-paths; what `xl create` leaves behind.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <xenstore.h>

#include "dom/store.h"

#define CONSOLE_LIMIT "1048576" /* bytes a console backend keeps of unread output */

/* Writes into one transaction until something fails. */
struct writer {
    struct xs_handle *xs;
    xs_transaction_t t;
    hv_domid_t domid;
    int rc;
};

static void put(struct writer *w, const char *path, const char *value)
{
    if (!w->rc && !xs_write(w->xs, w->t, path, value, (unsigned int)strlen(value)))
        w->rc = -errno;
}

__attribute__((format(printf, 3, 4))) static void
putf(struct writer *w, const char *value, const char *path_fmt, ...)
{
    char path[256];
    va_list args;

    va_start(args, path_fmt);
    vsnprintf(path, sizeof(path), path_fmt, args);
    va_end(args);
    put(w, path, value);
}

/* Owner and one other reader; the owner also has all rights. */
static void permit(struct writer *w, const char *path, unsigned int owner,
                   unsigned int reader)
{
    struct xs_permissions perms[2] = {{.id = owner, .perms = XS_PERM_NONE},
                                      {.id = reader, .perms = XS_PERM_READ}};

    if (!w->rc && !xs_set_permissions(w->xs, w->t, path, perms, owner == reader ? 1 : 2))
        w->rc = -errno;
}

/* The top of a tree that the guest may read. */
static void put_top(struct writer *w, const char *path)
{
    put(w, path, "");
    permit(w, path, 0, w->domid);
}

/* A node that the guest may write. */
static void put_guests(struct writer *w, const char *dom, const char *name)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", dom, name);
    put(w, path, "");
    permit(w, path, w->domid, w->domid);
}

static void put_number(struct writer *w, const char *dom, const char *name,
                       unsigned long long value)
{
    char text[24];

    snprintf(text, sizeof(text), "%llu", value);
    putf(w, text, "%s/%s", dom, name);
}

static void put_domain(struct writer *w, const char *dom, const char *vm,
                       const struct dom_config *cfg)
{
    static const char *const guests[] = {"control/shutdown",
                                         "control/feature-poweroff",
                                         "control/feature-reboot",
                                         "control/feature-suspend",
                                         "control/sysrq",
                                         "device/suspend/event-channel",
                                         "data",
                                         "drivers",
                                         "feature",
                                         "attr",
                                         "error"};

    put_top(w, dom);
    putf(w, vm, "%s/vm", dom);
    putf(w, cfg->name, "%s/name", dom);
    put_number(w, dom, "domid", w->domid);
    for (unsigned int i = 0; i < cfg->maxvcpus; i++)
        putf(w, i < cfg->vcpus ? "online" : "offline", "%s/cpu/%u/availability", dom, i);
    put_number(w, dom, "memory/static-max", cfg->maxmem_kib);
    put_number(w, dom, "memory/target", cfg->memory_kib);
    put_number(w, dom, "memory/videoram", 0);
    for (size_t i = 0; i < sizeof(guests) / sizeof(guests[0]); i++)
        put_guests(w, dom, guests[i]);
    putf(w, "1", "%s/control/platform-feature-multiprocessor-suspend", dom);
    putf(w, "1", "%s/control/platform-feature-xs_reset_watches", dom);
}

/* Whoever waits for a domain to go (wait.c) is told when it will not. */
static void put_kept(struct writer *w, const char *vm, const char *key,
                     enum dom_action action)
{
    if (action == DOM_ACTION_PRESERVE)
        putf(w, "preserve", "%s/%s", vm, key);
    else if (action == DOM_ACTION_RENAME_RESTART)
        putf(w, "rename-restart", "%s/%s", vm, key);
}

static void put_vm(struct writer *w, const char *vm, const struct dom_config *cfg,
                   const struct dom_built *built)
{
    struct timespec now;
    char text[40];

    put_top(w, vm);
    putf(w, cfg->name, "%s/name", vm);
    putf(w, vm + strlen("/vm/"), "%s/uuid", vm);
    putf(w, built->ostype[0] ? built->ostype : "unknown", "%s/image/ostype", vm);
    putf(w, cfg->kernel, "%s/image/kernel", vm);
    if (cfg->ramdisk)
        putf(w, cfg->ramdisk, "%s/image/ramdisk", vm);
    putf(w, cfg->cmdline, "%s/image/cmdline", vm);
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(text, sizeof(text), "%lld.%02ld", (long long)now.tv_sec,
             now.tv_nsec / 10000000);
    putf(w, text, "%s/start_time", vm);
    put_kept(w, vm, "on_poweroff", cfg->on_poweroff);
    put_kept(w, vm, "on_reboot", cfg->on_reboot);
    put_kept(w, vm, "on_crash", cfg->on_crash);
}

static void put_console_device(struct writer *w, const char *at, const char *dom,
                               const char *back)
{
    char text[16];

    putf(w, dom, "%s/frontend", at);
    if (back)
        putf(w, back, "%s/backend", at);
    snprintf(text, sizeof(text), "%u", w->domid);
    putf(w, text, "%s/frontend-id", at);
    putf(w, "1", "%s/online", at);
    putf(w, "1", "%s/state", at);
    putf(w, "vt100", "%s/protocol", at);
}

static void put_console(struct writer *w, const char *dom, const struct dom_built *built)
{
    char back[64], console[64], libxl[64], id[80];

    snprintf(back, sizeof(back), "/local/domain/0/backend/console/%u/0", w->domid);
    snprintf(console, sizeof(console), "%s/console", dom);
    snprintf(libxl, sizeof(libxl), "/libxl/%u/device/console/0", w->domid);
    snprintf(id, sizeof(id), "%s/backend-id", console);
    put_top(w, back);
    put_console_device(w, back, console, NULL);
    put_console_device(w, libxl, console, back);
    putf(w, back, "%s/backend", console);
    put(w, id, "0");
    permit(w, id, w->domid, 0);
    putf(w, CONSOLE_LIMIT, "%s/limit", console);
    putf(w, "xenconsoled", "%s/type", console);
    putf(w, "pty", "%s/output", console);
    putf(w, "", "%s/tty", console);
    put_number(w, dom, "console/port", built->console_port);
    /* Last: console daemons take the domain up when they see this one. */
    put_number(w, dom, "console/ring-ref", built->console_mfn);
}

/* What the guest may read of it, but not change. */
static void put_fixed(struct writer *w, const char *dir, const char *name,
                      const char *value)
{
    char path[160];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    put(w, path, value);
    permit(w, path, 0, w->domid);
}

/* Its connection is for the daemon, which believes only what the guest cannot write. */
static void put_channel_back(struct writer *w, const char *at, const char *front,
                             const char *back, const struct dom_channel *channel)
{
    put_console_device(w, at, front, back);
    putf(w, "xenconsoled", "%s/type", at);
    putf(w, channel->name, "%s/name", at);
    putf(w, channel->path ? "socket" : "pty", "%s/connection", at);
    if (channel->path)
        putf(w, channel->path, "%s/path", at);
}

static void put_channel(struct writer *w, unsigned int devid,
                        const struct dom_channel *channel)
{
    char back[64], front[64], libxl[64];

    snprintf(back, sizeof(back), "/local/domain/0/backend/console/%u/%u", w->domid,
             devid);
    snprintf(front, sizeof(front), "/local/domain/%u/device/console/%u", w->domid, devid);
    snprintf(libxl, sizeof(libxl), "/libxl/%u/device/console/%u", w->domid, devid);
    put_top(w, back);
    put_channel_back(w, back, front, NULL, channel);
    put_channel_back(w, libxl, front, back, channel);
    put(w, front, "");
    permit(w, front, w->domid, 0);
    putf(w, back, "%s/backend", front);
    putf(w, "0", "%s/backend-id", front);
    putf(w, "vt100", "%s/protocol", front);
    put_fixed(w, front, "limit", CONSOLE_LIMIT);
    put_fixed(w, front, "type", "xenconsoled");
    put_fixed(w, front, "output", "pty");
    put_fixed(w, front, "tty", "");
    put_fixed(w, front, "name", channel->name);
    putf(w, "1", "%s/state", front);
}

static void put_all(struct writer *w, const struct dom_config *cfg,
                    const struct dom_built *built)
{
    char dom[32], vm[48] = "/vm/", type[40];

    snprintf(dom, sizeof(dom), "/local/domain/%u", w->domid);
    dom_uuid_format(cfg->uuid, vm + strlen(vm));
    put_domain(w, dom, vm, cfg);
    put_vm(w, vm, cfg, built);
    put_number(w, dom, "store/port", built->store_port);
    put_number(w, dom, "store/ring-ref", built->store_mfn);
    put_console(w, dom, built);
    for (unsigned int i = 0; i < cfg->nr_channels; i++)
        put_channel(w, i + 1, &cfg->channels[i]);
    snprintf(type, sizeof(type), "/libxl/%u/type", w->domid);
    put(w, type, "pv");
}

int dom_store_add(struct dom_host *host, hv_domid_t domid, const struct dom_config *cfg,
                  const struct dom_built *built, struct dom_error *err)
{
    struct writer w = {.xs = host->xs, .domid = domid};

    for (unsigned int tries = 0; tries < 100; tries++) {
        w.rc = 0;
        w.t = xs_transaction_start(w.xs);
        if (w.t == XBT_NULL)
            return dom_fail(err, -errno, "cannot write the domain to XenStore: %s",
                            strerror(errno));
        put_all(&w, cfg, built);
        if (xs_transaction_end(w.xs, w.t, w.rc != 0))
            break;
        w.rc = w.rc ? w.rc : -errno;
        if (w.rc != -EAGAIN)
            break;
    }
    if (!w.rc && !xs_introduce_domain(w.xs, domid, built->store_mfn, built->store_port))
        w.rc = -errno;
    if (w.rc)
        return dom_fail(err, w.rc, "cannot write the domain to XenStore: %s",
                        strerror(-w.rc));
    return 0;
}

/* Removes a folder if nothing is in it any more. */
static void remove_empty(struct dom_host *host, const char *path)
{
    unsigned int nr = 1;
    char **list = xs_directory(host->xs, XBT_NULL, path, &nr);

    if (list && !nr)
        xs_rm(host->xs, XBT_NULL, path);
    free(list);
}

void dom_store_remove(struct dom_host *host, hv_domid_t domid)
{
    char path[64], *vm;

    snprintf(path, sizeof(path), "/local/domain/%u/vm", domid);
    vm = xs_read(host->xs, XBT_NULL, path, NULL);
    xs_release_domain(host->xs, domid);
    /* Nothing but a path of ours may be removed, whatever the node said. */
    if (vm && !strncmp(vm, "/vm/", 4) && vm[4])
        xs_rm(host->xs, XBT_NULL, vm);
    free(vm);
    snprintf(path, sizeof(path), "/local/domain/%u", domid);
    xs_rm(host->xs, XBT_NULL, path);
    snprintf(path, sizeof(path), "/local/domain/0/backend/console/%u", domid);
    xs_rm(host->xs, XBT_NULL, path);
    remove_empty(host, "/local/domain/0/backend/console");
    remove_empty(host, "/local/domain/0/backend");
    snprintf(path, sizeof(path), "/libxl/%u", domid);
    xs_rm(host->xs, XBT_NULL, path);
}
