/* SPDX-License-Identifier: MIT */
/*
 * What every backend's daemon is: it follows its folder in XenStore, has something open
 * for each device, and starts a process (the worker) that serves it. What the devices are
 * is the class's business.
 *
 *   NEW -> READY -> STARTING -> SERVING -> STOPPING -> DOWN -> CLOSED -> NEW ...
 *   any -> FAILED (-> STARTING, SERVING with errors only) -> CLOSED
 *   NEW -> WAITING (after a crash, until what it has open is free) -> STARTING
 */
#ifndef PV_BACKEND_H
#define PV_BACKEND_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/loop.h"
#include "common/xenbus.h"
#include "hv/door.h"

#define BACKEND_MAX_NODES 24U

enum device_phase {
    DEVICE_NEW,
    DEVICE_WAITING,
    DEVICE_READY,    /* open, and the offer made */
    DEVICE_STARTING, /* the worker has not said yet that it serves */
    DEVICE_SERVING,
    DEVICE_STOPPING, /* the worker was told to end */
    DEVICE_DOWN,     /* it has ended; the front end may not be closed yet */
    DEVICE_FAILED,   /* until the front end closes, or the device is removed */
    DEVICE_CLOSED,
};

struct daemon;
struct device;

/* The nodes that a device is offered with. */
struct offer {
    struct xenbus_node node[BACKEND_MAX_NODES];
    unsigned int nr;
};
void offer_number(struct offer *o, const char *name, uint64_t value);
void offer_text(struct offer *o, const char *name, const char *value);

struct backend_class {
    const char *name;      /* the program's */
    const char *root;      /* the folder in XenStore */
    const char *what;      /* a device is called this in messages */
    size_t own_size;       /* of the class's part of a device, zeroed at first */
    uint64_t capabilities; /* a bit for each CAP_* that the daemon needs */
    /*
     * Opens what the device stands for. On failure (what) and (why) make a line; -EBUSY
     * may pass when the device is taken up again after a crash.
     */
    int (*open)(struct device *dev, char what[200], const char **why);
    /* Closes it. Called only when it is open. */
    void (*close)(struct device *dev);
    void (*offer)(const struct device *dev, struct offer *o);
    /*
     * Reads what the front end wants and starts the worker (worker_spawn). NULL, or why
     * not.
     */
    const char *(*start)(struct device *dev, bool recover);
    /*
     * Starts a worker that answers all requests of a front end that is connected, and of
     * whom an earlier worker was, with errors. NULL, or why not. The device may not be
     * open. May be NULL.
     */
    const char *(*refuse)(struct device *dev);
    /* A node of the front end's that may change while it is served, and what is then
     * called; it may be called without a change. Both may be NULL. */
    const char *watched;
    void (*changed)(struct device *dev);
    /* Forgets what is kept for the next worker. May be NULL. */
    void (*forget)(struct device *dev);
    /* Called once all devices are known. May be NULL. */
    void (*ready)(struct daemon *d);
};

struct daemon {
    const struct backend_class *class;
    struct xs_handle *xs;
    struct loop loop;
    struct device *devices;
    const char *run_dir;
    uid_t user; /* whom workers run as */
};

struct device {
    struct device *next;
    struct daemon *daemon;
    hv_domid_t domid;
    unsigned int devid;
    char back[64], front[XENBUS_PATH], token[40];
    enum device_phase phase;
    bool gone; /* to be freed after this round of events */
    bool is_open;
    bool connected; /* a worker was, to the rings that the front end has now */
    bool owes;      /* has failed, and its front end waits for answers */
    bool refusing;  /* has failed, and the worker gives them */
    pid_t worker;   /* 0: none */
    struct loop_source control;
    unsigned int crashes, tries;
    void *own;
};

/* Looks for devices that are new or gone, and at all of them. */
void backend_scan(struct daemon *d);
/* Looks at the device whose folder DOMID/DEVID the text begins with. */
void backend_look(struct daemon *d, const char *place);
/* What is due by now. Returns the milliseconds until there is more; -1: nothing. */
int backend_tick(struct daemon *d);

void device_check(struct device *dev);

/* The whole program. Returns main's status. */
int backend_main(const struct backend_class *class, int argc, char **argv);

#endif
