/* SPDX-License-Identifier: MIT */
/* The list of devices: what XenStore has, and what is due. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/backend.h"

#define RETRY_MS 50

static struct device *find(struct daemon *d, unsigned int domid, unsigned int devid)
{
    for (struct device *dev = d->devices; dev; dev = dev->next)
        if (dev->domid == domid && dev->devid == devid && !dev->gone)
            return dev;
    return NULL;
}

/* What of a front end's is followed: its state, and what the class wants to hear of. */
static void follow(struct daemon *d, struct device *dev,
                   bool (*how)(struct xs_handle *xs, const char *path, const char *token))
{
    const char *nodes[] = {"state", d->class->watched};
    char path[XENBUS_PATH + 40], token[sizeof(dev->token) + 2];

    for (unsigned int i = 0; i < 2 && nodes[i]; i++) {
        snprintf(path, sizeof(path), "%s/%s", dev->front, nodes[i]);
        snprintf(token, sizeof(token), "%s/%u", dev->token, i);
        how(d->xs, path, token);
    }
}

static struct device *add(struct daemon *d, unsigned int domid, unsigned int devid)
{
    struct device *dev = calloc(1, sizeof(*dev) + d->class->own_size);
    static unsigned int serial;
    char *front;

    if (!dev)
        return NULL;
    dev->daemon = d;
    dev->own = dev + 1;
    dev->domid = (hv_domid_t)domid;
    dev->devid = devid;
    snprintf(dev->back, sizeof(dev->back), "%s/%u/%u", d->class->root, domid, devid);
    /* Never the same twice: an old device's watch may end after the new one's began. */
    snprintf(dev->token, sizeof(dev->token), "%u/%u/%u", domid, devid, serial++);
    front = xenbus_read(d->xs, dev->back, "frontend");
    if (!front || strlen(front) >= sizeof(dev->front)) {
        /* Not written yet, or gone again. */
        free(front);
        free(dev);
        return NULL;
    }
    strcpy(dev->front, front);
    free(front);
    dev->next = d->devices;
    d->devices = dev;
    /* Fires at once, which is when the device is looked at for the first time. */
    follow(d, dev, xs_watch);
    return dev;
}

void backend_look(struct daemon *d, const char *place)
{
    unsigned int domid, devid;
    struct device *dev;

    if (sscanf(place, "%u/%u", &domid, &devid) != 2 || domid >= HV_DOMID_FIRST_RESERVED)
        return;
    dev = find(d, domid, devid);
    if (dev)
        device_check(dev);
    else
        add(d, domid, devid);
}

static void scan_domain(struct daemon *d, const char *domid)
{
    char path[128], place[64];
    unsigned int nr = 0;
    char **list;

    snprintf(path, sizeof(path), "%s/%.20s", d->class->root, domid);
    list = xs_directory(d->xs, XBT_NULL, path, &nr);
    for (unsigned int i = 0; list && i < nr; i++) {
        snprintf(place, sizeof(place), "%.20s/%.20s", domid, list[i]);
        backend_look(d, place);
    }
    free(list);
}

void backend_scan(struct daemon *d)
{
    unsigned int nr = 0;
    char **list = xs_directory(d->xs, XBT_NULL, d->class->root, &nr);

    for (unsigned int i = 0; list && i < nr; i++)
        scan_domain(d, list[i]);
    free(list);
    /* Those whose folders went with a folder above. */
    for (struct device *dev = d->devices; dev; dev = dev->next)
        if (!dev->gone)
            device_check(dev);
}

static void release(struct daemon *d, struct device *dev)
{
    follow(d, dev, xs_unwatch);
    free(dev);
}

int backend_tick(struct daemon *d)
{
    int again = -1;

    for (struct device **at = &d->devices; *at;) {
        struct device *dev = *at;

        if (dev->phase == DEVICE_WAITING && !dev->gone)
            device_check(dev);
        if (dev->phase == DEVICE_WAITING)
            again = RETRY_MS;
        if (dev->gone) {
            *at = dev->next;
            release(d, dev);
        } else {
            at = &dev->next;
        }
    }
    return again;
}
