/* SPDX-License-Identifier: MIT */
/*
 * The journal: all that must outlive the daemon's death, in a file in memory (tmpfs).
 *
 * Records are appended by storing into a shared mapping, so they cost no system call and
 * are kept by the kernel whatever becomes of this process. A record counts once the
 * committed length in the file's head covers it; journal_commit moves that with one
 * aligned store, before any reply leaves. When the file has grown to a multiple of what
 * is in it, it is written anew, in slices between rounds, from a root of the tree that is
 * held meanwhile.
 *
 * Sockets' watches and transactions are not kept: such a client sees its connection end.
 * Guests do not, so their rings, watches, and the numbers of their transactions are.
 */
#ifndef DAEMON_JOURNAL_H
#define DAEMON_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/store.h"
#include "wire/xs_path.h"

struct domain;

/* The file: a head of one page, then records. */
#define JOURNAL_MAGIC 0x326a6e72756f6a78u
#define JOURNAL_HEAD  4096u

struct journal_head {
    uint64_t magic;
    char boot_id[40];   /* a journal from before a reboot says nothing */
    uint64_t committed; /* end of the last record that counts */
};

struct journal_record {
    uint32_t len; /* of the payload that follows */
    uint32_t sum; /* of the payload: journal_sum */
};

enum journal_type {
    JOURNAL_NODE = 1, /* a node's whole state, by path; missing parents are made */
    JOURNAL_REMOVED,  /* a node and all below it */
    JOURNAL_TREE,     /* a node's whole state, by its depth behind the node before it */
    JOURNAL_WATCH,
    JOURNAL_UNWATCH,
    JOURNAL_RESET, /* a guest's watches and transactions are gone */
    JOURNAL_TXN_START,
    JOURNAL_TXN_END,
    JOURNAL_DOMAIN, /* a domain's whole state */
    JOURNAL_DOMAIN_GONE,
    JOURNAL_SPECIAL, /* permissions of a special path */
    JOURNAL_QUOTAS,
    JOURNAL_INPUT,  /* part of a request that was taken off a ring */
    JOURNAL_OUTPUT, /* a reply that goes into a ring in parts */
};

/*
 * Limits of one quota, as many as the writing daemon had, in the order of enum quota; and
 * a domain's whole state, which may grow at its end.
 */
struct journal_quota {
    uint32_t limit, soft;
};

struct journal_domain {
    uint64_t gfn;
    uint32_t port, target, features;
    uint8_t introduced, shutdown, has_target;
    uint8_t quotas; /* entries in string b: struct journal_domain_quota */
};

struct journal_domain_quota {
    uint32_t quota, limit;
};

/* The fixed part of every payload; what the fields mean for each type is said in
 * journal.c. */
struct journal_entry {
    uint8_t type;
    uint8_t flags;
    uint16_t a_len, b_len; /* strings behind this: path or name; value, token or bytes */
    uint16_t perms;        /* permission entries behind those */
    uint32_t domid;
    uint32_t number;
};

/* DIR/journal. resume: go on behind what is in it (recover.c has read it). 0 or errno. */
int journal_open(const char *dir, bool resume);
void journal_close(void);
/* Makes all records so far count. */
void journal_commit(void);
/* One slice of writing the file anew, if that is due; true while there is more to do. */
bool journal_tidy(void);

void journal_node(const char *path, size_t len); /* as it is in store.root now */
void journal_removed(const char *path, size_t len);
void journal_watch(uint32_t domid, const struct xs_path *p, const char *token, int depth);
void journal_unwatch(uint32_t domid, const struct xs_path *p, const char *token);
void journal_reset(uint32_t domid);
void journal_txn(uint32_t domid, uint32_t id, bool start);
void journal_domain(const struct domain *d);
void journal_domain_gone(uint32_t domid);
void journal_special(uint32_t which, const struct perms *perms);
void journal_quotas(void);
void journal_input(uint32_t domid, uint32_t cons, const void *data, size_t len);
void journal_output(uint32_t domid, uint32_t prod, const void *data, size_t len);

uint32_t journal_sum(const void *data, size_t len);
void journal_boot_id(char *out); /* 40 bytes */

/* True while state goes into it. */
bool journal_active(void);

/*
 * Rebuilds everything from DIR/journal (recover.c). True if there was one to go on with.
 * Guests' rings are connected again by recover_rings, once the hypervisor's door is open;
 * bare means without what the journal knows of their clients.
 */
bool recover(const char *dir);
void recover_rings(bool bare);
/* One record's payload, whose sum is right; false if it makes no sense. */
bool recover_record(const char *payload, uint32_t len);

#endif
