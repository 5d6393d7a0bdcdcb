/* SPDX-License-Identifier: MIT */
/* The limits that bound what an unprivileged client can make the daemon hold. */
#ifndef DAEMON_QUOTA_H
#define DAEMON_QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum quota {
    QUOTA_NODES,
    QUOTA_WATCHES,
    QUOTA_TRANSACTIONS,
    QUOTA_OUTSTANDING,
    QUOTA_TRANSACTION_NODES,
    QUOTA_MEMORY,
    QUOTA_NODE_SIZE,
    QUOTA_PATH_MAX,
    QUOTA_PERMISSIONS,
    QUOTA_TRANSACTION_AGE,
    QUOTA_COUNT,
};

struct quota_info {
    const char *name; /* as in GET_QUOTA and xenstore-control quota */
    const char *what;
    uint32_t limit;        /* 0: no limit */
    uint32_t soft;         /* above this the log gets a warning; 0: never */
    const char *soft_what; /* NULL if there is no such warning */
};
extern struct quota_info quotas[QUOTA_COUNT];

/* QUOTA_COUNT if there is none of that name. */
enum quota quota_by_name(const char *name);

#endif
