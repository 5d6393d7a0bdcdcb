/* SPDX-License-Identifier: MIT */
/*
 * A console's front end: the one a guest is built with, whose page and event channel
 * start-info tells, or a further one, a device of XenBus.
 *
 *   STARTING -> RUNNING   the back end's Connected
 *   any -> GONE           it closes, or its indices cannot be
 *
 * The back end of a console may go and come again unnoticed: it goes on with the page.
 *
 * Reference: Xen public interface, io/console.h; Xen docs, misc/console.txt.
 */
#ifndef PV_FRONT_CONSFRONT_H
#define PV_FRONT_CONSFRONT_H

#include "abi/io/console.h"
#include "front/bus.h"

enum consfront_state { CONSFRONT_STARTING, CONSFRONT_RUNNING, CONSFRONT_GONE };

struct consfront {
    struct bus_device bus; /* of a further console */
    enum consfront_state state;
    struct hv_console_interface *page;
    int port; /* -1: none */
    uint32_t ref;

    uint32_t out_prod, in_cons; /* ours: what the page says of them is not believed */
    bool moved;                 /* since the back end was told */
};

/* Takes up the console that the guest was built with; c is all zeroes. */
void consfront_boot(struct consfront *c, struct hv_console_interface *page,
                    uint32_t port);
/*
 * Takes up the device at front, "device/console/1"; c is all zeroes. woken(arg) is called
 * when the back end has read or written. 0 or a negative errno.
 */
int consfront_start(struct consfront *c, const char *front, void (*woken)(void *arg),
                    void *arg);
/* The back end's state may have changed (a watch on its folder said so). */
void consfront_look(struct consfront *c);
/* What of `size` bytes finds room in the ring, or of what is there in `data`; 0: not now.
 */
size_t consfront_write(struct consfront *c, const char *data, size_t size);
size_t consfront_read(struct consfront *c, char *data, size_t size);
/* Tells the back end of what was written and read since. */
void consfront_kick(struct consfront *c);

#endif
