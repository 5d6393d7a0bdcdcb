/* SPDX-License-Identifier: MIT */
/*
 * The end of a guest's network interface in dom0, as a port of a bridge.
 *
 * Reference: netdevice(7); Linux Documentation/networking/bridge.rst.
 */
#ifndef DOM_BRIDGE_PORT_H
#define DOM_BRIDGE_PORT_H

/*
 * Starts an interface as a port of a bridge (NULL: of none) on which dom0 itself does not
 * speak. mtu 0: the bridge's. A negative errno value and *why.
 */
int bridge_port_start(const char *name, const char *bridge, unsigned int mtu,
                      const char **why);
/* Gives an interface that is not started another name. A negative errno value. */
int bridge_port_rename(const char *from, const char *to);

#endif
