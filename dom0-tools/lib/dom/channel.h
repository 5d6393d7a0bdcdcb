/* SPDX-License-Identifier: MIT */
/*
 * A guest's further console with a name, as a user writes it in a configuration's
 * `channel` list.
 *
 * Reference: xl.cfg(5), xen-pv-channel(7).
 */
#ifndef DOM_CHANNEL_H
#define DOM_CHANNEL_H

#include "dom/error.h"

struct dom_channel {
    char *name;
    char *path; /* of the socket in dom0; NULL: a pseudo-terminal */
};

/* "KEY=VALUE, ...". -EINVAL: err says what is wrong with it. Free with dom_channel_free,
 * also on error. */
int dom_channel_parse(struct dom_channel *out, const char *text, struct dom_error *err);
void dom_channel_free(struct dom_channel *channel);

/* Whether its socket can be had now: to say no before a domain is built. */
int dom_channel_check(const struct dom_channel *channel, struct dom_error *err);

#endif
