/* SPDX-License-Identifier: MIT */
/*
 * A network interface as a user writes it, in a configuration's `vif` list or to
 * network-attach.
 *
 * Reference: xl-network-configuration(5).
 */
#ifndef DOM_VIF_H
#define DOM_VIF_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "dom/error.h"

#define DOM_MAX_MAC 18U /* with its NUL */

struct dom_vif {
    int devid; /* what its nodes are named by; -1: the first that is free */
    char mac[DOM_MAX_MAC];
    char bridge[IFNAMSIZ];
    char name[IFNAMSIZ]; /* in dom0; empty: vifDOMID.DEVID */
    char *script, *ip;   /* NULL: none */
    uint64_t rate_bytes; /* what it may send in an interval; 0: any number */
    unsigned int rate_us, mtu;
    bool untrusted;
    bool phy;          /* served by the kernel's backend, not by hvnetd */
    char warning[160]; /* what is not done that was asked for; empty: nothing */
};

/*
 * "KEY=VALUE, ...", may be empty. -EINVAL: err says what is wrong with it. Free with
 * dom_vif_free, but not on error.
 */
int dom_vif_parse(struct dom_vif *out, const char *text, struct dom_error *err);
void dom_vif_free(struct dom_vif *vif);

/* "00:16:3e:01:02:03", of one host, in small letters. -EINVAL: it is not. */
int dom_mac_parse(char out[DOM_MAX_MAC], const char *text);

/* Whether it can be had now: to say no before a domain is built. */
int dom_vif_check(const struct dom_vif *vif, struct dom_error *err);

#endif
