/* SPDX-License-Identifier: MIT */
/*
 * The special paths: events that the daemon itself invents. Their permissions say which
 * unprivileged clients may hear of them.
 */
#ifndef DAEMON_SPECIAL_H
#define DAEMON_SPECIAL_H

#include "daemon/store.h"
#include "wire/xs_path.h"

enum special {
    SPECIAL_INTRODUCE_DOMAIN,
    SPECIAL_RELEASE_DOMAIN,
    SPECIAL_COUNT,
};

void special_init(void);
const struct perms *special_perms(enum special s);
/* From the journal; false if there is no such path. */
bool special_restore(uint32_t which, struct perms *perms);
int special_set_perms(const struct xs_path *p, struct perms *perms); /* 0 or EINVAL */
void special_fire(enum special s, uint32_t domid);

#endif
