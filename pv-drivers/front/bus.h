/* SPDX-License-Identifier: MIT */
/* A front end's two folders in XenStore: reading and writing them. */
#ifndef PV_FRONT_BUS_H
#define PV_FRONT_BUS_H

#include "port.h"

#define BUS_PATH_MAX 128

struct bus_device {
    char front[BUS_PATH_MAX]; /* our folder, "device/vbd/51712" */
    char back[BUS_PATH_MAX];  /* the other end's */
    uint16_t dom;             /* whose it is */
    unsigned int state;       /* what we last wrote: HV_XENBUS_STATE_* */
};

/* Reads where the back end is. 0 or a negative errno. */
int bus_find(struct bus_device *d, const char *front);
/* A number in either folder, or otherwise. */
uint64_t bus_front(const struct bus_device *d, const char *name, uint64_t otherwise);
uint64_t bus_back(const struct bus_device *d, const char *name, uint64_t otherwise);
/* A text in our folder, as front_read(). */
int bus_front_text(const struct bus_device *d, const char *name, char *text, size_t size);
/* Writes a number, or a text, in our folder. */
int bus_write(const struct bus_device *d, const char *name, uint64_t value);
int bus_write_text(const struct bus_device *d, const char *name, const char *value);
/* Says which state we are in, if that is new. */
int bus_say(struct bus_device *d, unsigned int state);

#endif
