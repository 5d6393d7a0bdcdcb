/* SPDX-License-Identifier: MIT */
/* Hashes of what is received: what is asked for, and whether it is done. */
#ifndef TESTS_GUEST_REFERENCE_SPREAD_H
#define TESTS_GUEST_REFERENCE_SPREAD_H

#include "front/netfront.h"

extern const struct netfront_hash spread_hash;

/* A packet without IP options has come, whose header is at ip. */
void spread_check(const struct netfront *f, const struct net_packet *p,
                  const uint8_t *ip);
void spread_say(const struct netfront *f);

#endif
