/* SPDX-License-Identifier: MIT */
/*
 * The event channels that a guest's driver has made for a device: when it has closed
 * them, the guest knows that the device has gone.
 */
#ifndef DOM_PORTS_H
#define DOM_PORTS_H

#include "dom/domain.h"

#define DOM_MAX_PORTS 64U

struct dom_ports {
    uint32_t port[DOM_MAX_PORTS];
    unsigned int nr;
};

/* As the front end's folder names them. */
void dom_ports_read(struct dom_host *host, const char *front, struct dom_ports *out);
/* Waits until none of them waits for another back end; no longer than timeout_ms. */
void dom_ports_wait(struct dom_host *host, hv_domid_t domid,
                    const struct dom_ports *ports, int timeout_ms);

#endif
