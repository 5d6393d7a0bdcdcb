/* SPDX-License-Identifier: MIT */
/*
 * The journal: all that must outlive the daemon's death, in two equal files in memory
 * (tmpfs), DIR/journal and DIR/journal.copy. What is damaged in one of them is taken from
 * the other.
 *
 * Records are appended by storing into a shared mapping, so they cost no system call and
 * are kept by the kernel whatever becomes of this process. A record counts once the
 * committed length in a file's head covers it; journal_commit moves that with one
 * aligned store, before any reply leaves. When much of it is out of date, or more records
 * have come than a restart would read in a moment, it is written anew, in slices between
 * rounds, from a root of the tree that is held meanwhile.
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

enum journal_type {
    JOURNAL_NODE = 1, /* a node's whole state, by path; missing parents are made */
    JOURNAL_REMOVED,  /* a node and all below it */
    JOURNAL_TREE,     /* the same, by its place in the tree behind the one before it */
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

/* Before the name in string a of JOURNAL_TREE; number is the depth, flags the shape. */
struct journal_tree {
    uint64_t born;
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

/* What was found in the journal. */
struct recovered {
    uint64_t tail; /* records that are not those of the tree as it was last written */
    bool damaged;  /* something is lost: it should be written anew */
};

/* Goes on behind what recover has read, or, with NULL, begins anew. 0 or errno. */
int journal_open(const char *dir, const struct recovered *r);
void journal_close(void);
/* Makes all records so far count. */
void journal_commit(void);
/* One slice of writing it anew, if that is due; true while there is more to do. */
bool journal_tidy(void);
/* A restart would be faster if it were written anew, which is done if journal_renew says
 * so: when nobody needs us. */
bool journal_stale(void);
void journal_renew(void);

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

/* True while state goes into it. */
bool journal_active(void);

/*
 * Rebuilds everything from the journal in DIR (recover.c, recover_file.c). True if there
 * was one to go on with. Guests' rings are connected again by recover_rings, once the
 * hypervisor's door is open; bare means without what the journal knows of their clients.
 */
bool recover(const char *dir, struct recovered *r);
void recover_rings(bool bare);
/* One record's payload, whose sum is right; false if it makes no sense. */
bool recover_record(const char *payload, uint32_t len);
/* Records between the last one and the next are lost: count, or 0 if nobody knows. */
void recover_gap(uint64_t count);
/* The last record was read. */
void recover_done(void);

#endif
