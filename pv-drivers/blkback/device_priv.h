/* SPDX-License-Identifier: MIT */
/* What the files that make up a device share; see device.h. */
#ifndef BLKBACK_DEVICE_PRIV_H
#define BLKBACK_DEVICE_PRIV_H

#include "blkback/device.h"
#include "blkback/worker.h"

enum device_phase {
    DEVICE_NEW,
    DEVICE_WAITING,  /* for the image's lock, to go on after a crash */
    DEVICE_READY,    /* the image is open, the offer made */
    DEVICE_STARTING, /* the worker has not said yet that it serves */
    DEVICE_SERVING,
    DEVICE_STOPPING, /* the worker was told to end */
    DEVICE_DOWN,     /* it has ended; the front end may not be closed yet */
    DEVICE_FAILED,   /* until the front end closes, or the device is removed */
    DEVICE_CLOSED,
};

struct device {
    struct device *next;
    struct daemon *daemon;
    hv_domid_t domid;
    unsigned int devid;
    char back[64], front[XENBUS_PATH], token[40];
    enum device_phase phase;
    bool gone; /* to be freed after this round of events */
    struct image image;
    pid_t worker; /* 0: none */
    struct loop_source control;
    unsigned int crashes, lock_tries;
    char journal[64]; /* the file's name; empty: none */
};

void device_check(struct device *dev);
void device_start(struct device *dev, bool recover);

/* Writes what we offer, and that we wait for the front end. */
int back_offer(struct device *dev);
/* Reads what the front end wants. NULL, or why it cannot be had. */
const char *front_read(const struct device *dev, struct worker_config *cfg);

/* The open file, new or (recover) the one that the last worker had. */
int journal_open(struct device *dev, bool recover);
void journal_remove(struct device *dev);
/* Removes those that belong to no device. */
void journal_sweep(const struct daemon *d);

#endif
