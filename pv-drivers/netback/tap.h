/* SPDX-License-Identifier: MIT */
/*
 * A tap device: the end of a guest's network interface in dom0, and a port of a bridge.
 * It is there as long as a file is open that stands for one of its queues.
 *
 * Reference: Linux Documentation/networking/tuntap.rst, bridge.rst; netdevice(7).
 */
#ifndef NETBACK_TAP_H
#define NETBACK_TAP_H

#include <net/if.h>
#include <stdbool.h>

#define TAP_BACKLOG 256 /* packets that wait for a guest; more are dropped */

/*
 * Makes it, puts it into the bridge (NULL: none) and starts it without a carrier; mtu 0:
 * the bridge's. Its first queue, or a negative errno value and *why. -EBUSY: there is an
 * interface of that name.
 */
int tap_open(const char *name, const char *bridge, unsigned int mtu, const char **why);
/* One more queue. */
int tap_add_queue(const char *name);
/* What of TUN_F_* the other end takes. */
int tap_offload(int tap, unsigned int flags);
int tap_carrier(int tap, bool on);

#endif
