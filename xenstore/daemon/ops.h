/* SPDX-License-Identifier: MIT */
/*
 * Requests: one table says for each message type who may send it and which function
 * answers. A handler gets checked framing and a reply buffer, and returns 0 or an errno
 * value.
 */
#ifndef DAEMON_OPS_H
#define DAEMON_OPS_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/conn.h"
#include "daemon/txn.h"
#include "daemon/watch.h"
#include "wire/xs_msg.h"

struct request {
    struct conn *c;
    struct txn *t; /* NULL outside transactions */
    const struct hv_xsd_sockmsg *h;
    struct xs_args args; /* the payload, strings not yet taken */
    char *out;           /* HV_STORE_PAYLOAD_MAX bytes for the reply */
    size_t out_len;
    bool answered;           /* out_len counts; else the reply is "OK" */
    bool later;              /* the reply will come by itself */
    struct watch *new_watch; /* gets its first event behind the reply */
};

/* Serves one message: exactly one reply is queued, unless the connection dies. */
void ops_serve(struct conn *c, const struct hv_xsd_sockmsg *h, const char *payload);

/* Appends to the reply; E2BIG when it gets too long. */
int reply_add(struct request *rq, const void *data, size_t len);
/* A terminated string as the whole reply. */
int reply_text(struct request *rq, const char *text);

/* The only, or the next, string of the payload as a path. EINVAL if there is none. */
int arg_path(struct request *rq, bool special, struct xs_path *out);
int arg_only_path(struct request *rq, struct xs_path *out);
/* What does not look like a number is 0, as clients have always known it. */
int arg_domid(struct request *rq, uint32_t *out);
int arg_number(struct request *rq, uint64_t max, uint64_t *out);

int op_directory(struct request *rq);
int op_directory_part(struct request *rq);
int op_read(struct request *rq);
int op_write(struct request *rq);
int op_mkdir(struct request *rq);
int op_rm(struct request *rq);
int op_get_perms(struct request *rq);
int op_set_perms(struct request *rq);

int op_watch(struct request *rq);
int op_unwatch(struct request *rq);
int op_reset_watches(struct request *rq);
int op_transaction_start(struct request *rq);
int op_transaction_end(struct request *rq);

int op_introduce(struct request *rq);
int op_release(struct request *rq);
int op_resume(struct request *rq);
int op_set_target(struct request *rq);
int op_get_domain_path(struct request *rq);
int op_is_domain_introduced(struct request *rq);
int op_get_feature(struct request *rq);
int op_set_feature(struct request *rq);
int op_get_quota(struct request *rq);
int op_set_quota(struct request *rq);

int op_control(struct request *rq);

#endif
