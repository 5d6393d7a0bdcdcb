/* SPDX-License-Identifier: MIT */
/* The table of limits with the values that Debian's xenstored 4.17 starts with. */
#include "daemon/quota.h"

#include <string.h>

struct quota_info quotas[QUOTA_COUNT] = {
    [QUOTA_NODES] = {"nodes", "Nodes per domain", 1000},
    [QUOTA_WATCHES] = {"watches", "Watches per domain", 128},
    [QUOTA_TRANSACTIONS] = {"transactions", "Transactions per domain", 10},
    [QUOTA_OUTSTANDING] = {"outstanding", "Outstanding requests per domain", 20},
    [QUOTA_TRANSACTION_NODES] = {"transaction-nodes",
                                 "Max. number of accessed nodes per transaction", 1024},
    [QUOTA_MEMORY] = {"memory", "Total Xenstore memory per domain (error level)", 2621440,
                      2097152, "Total Xenstore memory per domain (warning level)"},
    [QUOTA_NODE_SIZE] = {"node-size", "Max. size of a node", 2048},
    [QUOTA_PATH_MAX] = {"path-max", "Max. length of a node path", 2048},
    [QUOTA_PERMISSIONS] = {"permissions", "Max. number of permissions per node", 5},
    [QUOTA_TRANSACTION_AGE] = {"transaction-age",
                               "Seconds a transaction keeps its view of the store", 60},
};

enum quota quota_by_name(const char *name)
{
    int q = 0;

    while (q < QUOTA_COUNT && strcmp(quotas[q].name, name) != 0)
        q++;
    return (enum quota)q;
}
