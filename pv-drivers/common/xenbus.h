/* SPDX-License-Identifier: MIT */
/*
 * A device's two folders in XenStore, and the states by which its two ends find together.
 * What the other end writes is text by anybody: numbers are checked here for being
 * numbers, by the caller for making sense.
 *
 * Reference: Xen public interface, io/xenbus.h.
 */
#ifndef PV_XENBUS_H
#define PV_XENBUS_H

#include <stdbool.h>
#include <stdint.h>

#include <xenstore.h>

#include "abi/io/xenbus.h"

#define XENBUS_PATH 256

/* The text of DIR/NAME, to be freed; NULL if it is not there. */
char *xenbus_read(struct xs_handle *xs, const char *dir, const char *name);
/* A decimal number of at most max. False: not there, or nothing of the kind. */
bool xenbus_number(struct xs_handle *xs, const char *dir, const char *name, uint64_t max,
                   uint64_t *out);
/* HV_XENBUS_STATE_*; UNKNOWN when there is no folder or no state. */
unsigned int xenbus_state(struct xs_handle *xs, const char *dir);

struct xenbus_node {
    const char *name;
    char value[200];
};

/*
 * Writes nodes below dir, all or none; none (-ENOENT) when the device was removed: what
 * has gone must not come back to life in pieces.
 */
int xenbus_write(struct xs_handle *xs, const char *dir, const struct xenbus_node *nodes,
                 unsigned int nr);
/*
 * The same for what leads on to a connection; none (-ECANCELED) when the tools have asked
 * for the device's end in the meantime: their word must not be written over.
 */
int xenbus_write_on(struct xs_handle *xs, const char *dir,
                    const struct xenbus_node *nodes, unsigned int nr);
int xenbus_switch(struct xs_handle *xs, const char *dir, unsigned int state);

#endif
