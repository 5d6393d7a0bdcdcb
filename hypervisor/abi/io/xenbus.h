/* SPDX-License-Identifier: MIT */
/*
 * States of a device's two ends, written as decimal text to the "state" node of each.
 *
 * Reference: Xen public interface, io/xenbus.h.
 */
#ifndef HV_ABI_IO_XENBUS_H
#define HV_ABI_IO_XENBUS_H

#define HV_XENBUS_STATE_UNKNOWN 0
#define HV_XENBUS_STATE_INITIALISING 1 /* being set up by the toolstack */
#define HV_XENBUS_STATE_INIT_WAIT 2    /* back end: waits for the front end's details */
#define HV_XENBUS_STATE_INITIALISED 3  /* details are written */
#define HV_XENBUS_STATE_CONNECTED 4
#define HV_XENBUS_STATE_CLOSING 5
#define HV_XENBUS_STATE_CLOSED 6
#define HV_XENBUS_STATE_RECONFIGURING 7
#define HV_XENBUS_STATE_RECONFIGURED 8

#endif
