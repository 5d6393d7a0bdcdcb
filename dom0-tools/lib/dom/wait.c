/* SPDX-License-Identifier: MIT */
/*
 * Waiting for guests: until one has taken up a request, until one has ended, until one
 * is gone. All sleep on XenStore watches. Only the last also looks by itself now and
 * then: nobody is told when the hypervisor has given a dead domain's last page back.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenstore.h>

#include "abi/sched.h"
#include "daemon/clock.h"
#include "dom/domain.h"

#define ASK_TIMEOUT_MS  60000
#define GONE_TIMEOUT_MS 60000
#define LOOK_AGAIN_MS   100

/* Waits for one event of any watch. -ETIMEDOUT after `until` (0: no end). */
static int next_event(struct dom_host *host, long long until)
{
    struct pollfd fd = {.fd = xs_fileno(host->xs), .events = POLLIN};
    char **event;

    for (;;) {
        long long left = until ? until - clock_ms() : -1;

        event = xs_check_watch(host->xs);
        if (event) {
            free(event);
            return 0;
        }
        if (errno != EAGAIN)
            return -errno;
        if (until && left <= 0)
            return -ETIMEDOUT;
        if (poll(&fd, 1, (int)left) < 0 && errno != EINTR)
            return -errno;
    }
}

/* Whether the guest has emptied the request's node, as it does when it takes it. */
static int taken(struct dom_host *host, const char *path)
{
    unsigned int len = 0;
    char *value = xs_read(host->xs, XBT_NULL, path, &len);
    int rc = value ? !len : -errno;

    free(value);
    return rc;
}

int dom_ask(struct dom_host *host, hv_domid_t domid, const char *request,
            struct dom_error *err)
{
    struct hv_domctl_getdomaininfo info;
    char path[48];
    long long until = clock_ms() + ASK_TIMEOUT_MS;
    int rc = dom_info(host, domid, &info, err);

    if (rc)
        return rc;
    if (info.flags & (HV_DOMINF_SHUTDOWN | HV_DOMINF_DYING))
        return dom_fail(err, -ESHUTDOWN, "domain %u has already ended", domid);
    snprintf(path, sizeof(path), "/local/domain/%u/control/shutdown", domid);
    if (!xs_watch(host->xs, path, "ask") || !xs_watch(host->xs, "@releaseDomain", "ask"))
        return dom_fail(err, -errno, "cannot ask domain %u for its %s: XenStore: %s",
                        domid, request, strerror(errno));
    if (!xs_write(host->xs, XBT_NULL, path, request, (unsigned int)strlen(request)))
        rc = -errno;
    while (!rc) {
        rc = taken(host, path);
        /* No node, or an ended domain: it went without a word, which is an answer. */
        if (rc || dom_info(host, domid, &info, &(struct dom_error){{0}}) ||
            (info.flags & (HV_DOMINF_SHUTDOWN | HV_DOMINF_DYING)))
            break;
        rc = next_event(host, until);
    }
    xs_unwatch(host->xs, path, "ask");
    xs_unwatch(host->xs, "@releaseDomain", "ask");
    if (rc == -ETIMEDOUT)
        return dom_fail(err, rc,
                        "domain %u does not react to '%s'; 'hvtool destroy' "
                        "ends it by force",
                        domid, request);
    if (rc < 0 && rc != -ENOENT)
        return dom_fail(err, rc, "cannot ask domain %u for its %s: XenStore: %s", domid,
                        request, strerror(-rc));
    return 0;
}

int dom_wait_end(struct dom_host *host, hv_domid_t domid, const uint8_t uuid[16],
                 int *reason, struct dom_error *err)
{
    struct hv_domctl_getdomaininfo info;
    int rc = 0;

    if (!xs_watch(host->xs, "@releaseDomain", "end"))
        return dom_fail(err, -errno, "cannot wait for domain %u: XenStore: %s", domid,
                        strerror(errno));
    while (!rc) {
        rc = dom_info(host, domid, &info, &(struct dom_error){{0}});
        if (rc == -ESRCH || (!rc && memcmp(info.handle, uuid, 16)) ||
            (!rc && (info.flags & HV_DOMINF_DYING))) {
            *reason = -1;
            rc = 0;
            break;
        }
        if (!rc && (info.flags & HV_DOMINF_SHUTDOWN)) {
            *reason = info.flags >> HV_DOMINF_SHUTDOWNSHIFT & HV_DOMINF_SHUTDOWNMASK;
            break;
        }
        if (!rc)
            rc = next_event(host, 0);
    }
    xs_unwatch(host->xs, "@releaseDomain", "end");
    return rc ? dom_fail(err, rc, "waiting for domain %u: %s", domid, strerror(-rc)) : 0;
}

/* Whether the domain stays when it has ended so: then a node says it (store.c). */
static bool is_kept(struct dom_host *host, const uint8_t uuid[16], int reason)
{
    const char *key = reason == HV_SHUTDOWN_POWEROFF ? "on_poweroff"
                      : reason == HV_SHUTDOWN_REBOOT ? "on_reboot"
                                                     : "on_crash";
    char text[37], path[64], *value;

    dom_uuid_format(uuid, text);
    snprintf(path, sizeof(path), "/vm/%s/%s", text, key);
    value = xs_read(host->xs, XBT_NULL, path, NULL);
    free(value);
    return value != NULL;
}

/* Neither the hypervisor nor XenStore knows it any more under this number. */
static bool is_gone(struct dom_host *host, hv_domid_t domid, const uint8_t uuid[16])
{
    struct hv_domctl_getdomaininfo info;
    char vm[48] = "/vm/", path[40], *value;
    int rc = dom_info(host, domid, &info, &(struct dom_error){{0}});
    bool gone;

    if (rc != -ESRCH && (rc || !memcmp(info.handle, uuid, 16)))
        return false;
    dom_uuid_format(uuid, vm + strlen(vm));
    snprintf(path, sizeof(path), "/local/domain/%u/vm", domid);
    value = xs_read(host->xs, XBT_NULL, path, NULL);
    gone = !value || strcmp(value, vm);
    free(value);
    return gone;
}

int dom_wait_gone(struct dom_host *host, hv_domid_t domid, const uint8_t uuid[16],
                  struct dom_error *err)
{
    long long until = clock_ms() + GONE_TIMEOUT_MS;
    int reason, rc = dom_wait_end(host, domid, uuid, &reason, err);

    if (rc || (reason >= 0 && is_kept(host, uuid, reason)))
        return rc;
    if (!xs_watch(host->xs, "@releaseDomain", "gone"))
        return dom_fail(err, -errno, "cannot wait for domain %u: XenStore: %s", domid,
                        strerror(errno));
    while (!rc && !is_gone(host, domid, uuid)) {
        if (clock_ms() >= until)
            rc = dom_fail(err, -ETIMEDOUT,
                          "domain %u has ended, but nobody destroys it; 'hvtool destroy' "
                          "does",
                          domid);
        else if (next_event(host, clock_ms() + LOOK_AGAIN_MS) == -EIO)
            rc = dom_fail(err, -EIO,
                          "cannot wait for domain %u: XenStore does not answer", domid);
    }
    xs_unwatch(host->xs, "@releaseDomain", "gone");
    return rc;
}
