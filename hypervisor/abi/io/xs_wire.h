/* SPDX-License-Identifier: MIT */
/*
 * XenStore's wire format, over a socket or over the shared page: a 16-byte header,
 * then len bytes. A reply repeats type and req_id, or is of type HV_XS_ERROR and holds
 * the name of an errno.
 *
 * Reference: Xen public interface, io/xs_wire.h; xenstore.txt, xenstore-ring.txt.
 */
#ifndef HV_ABI_IO_XS_WIRE_H
#define HV_ABI_IO_XS_WIRE_H

#include <stdint.h>

#define HV_XS_CONTROL 0
#define HV_XS_DEBUG HV_XS_CONTROL
#define HV_XS_DIRECTORY 1
#define HV_XS_READ 2
#define HV_XS_GET_PERMS 3
#define HV_XS_WATCH 4
#define HV_XS_UNWATCH 5
#define HV_XS_TRANSACTION_START 6
#define HV_XS_TRANSACTION_END 7
#define HV_XS_INTRODUCE 8
#define HV_XS_RELEASE 9
#define HV_XS_GET_DOMAIN_PATH 10
#define HV_XS_WRITE 11
#define HV_XS_MKDIR 12
#define HV_XS_RM 13
#define HV_XS_SET_PERMS 14
#define HV_XS_WATCH_EVENT 15
#define HV_XS_ERROR 16
#define HV_XS_IS_DOMAIN_INTRODUCED 17
#define HV_XS_RESUME 18
#define HV_XS_SET_TARGET 19
#define HV_XS_RESET_WATCHES 21
#define HV_XS_DIRECTORY_PART 22
#define HV_XS_TYPE_COUNT 23
#define HV_XS_INVALID 0xffff

#define HV_XS_WRITE_NONE "NONE"
#define HV_XS_WRITE_CREATE "CREATE"
#define HV_XS_WRITE_CREATE_EXCL "CREATE|EXCL"

/* Order of the strings in a watch event. */
#define HV_XS_WATCH_PATH 0
#define HV_XS_WATCH_TOKEN 1

#define HV_STORE_RING_SIZE 1024
#define HV_STORE_PAYLOAD_MAX 4096 /* more breaks the connection */
#define HV_STORE_ABS_PATH_MAX 3072
#define HV_STORE_REL_PATH_MAX 2048

/* server_features */
#define HV_STORE_SERVER_FEATURE_RECONNECTION 1
#define HV_STORE_SERVER_FEATURE_ERROR 2
/* connection */
#define HV_STORE_CONNECTED 0
#define HV_STORE_RECONNECT 1 /* set by the client, cleared by the server */
/* error */
#define HV_STORE_ERROR_NONE 0
#define HV_STORE_ERROR_COMM 1
#define HV_STORE_ERROR_RINGIDX 2
#define HV_STORE_ERROR_PROTO 3

struct hv_xsd_sockmsg {
    uint32_t type;   /* HV_XS_* */
    uint32_t req_id; /* chosen by the client */
    uint32_t tx_id;  /* 0: no transaction */
    uint32_t len;    /* of what follows */
};

/* The page shared with a domain; indices run freely, modulo HV_STORE_RING_SIZE. */
struct hv_store_domain_interface {
    char req[HV_STORE_RING_SIZE]; /* to the server */
    char rsp[HV_STORE_RING_SIZE]; /* replies and watch events */
    uint32_t req_cons, req_prod;
    uint32_t rsp_cons, rsp_prod;
    uint32_t server_features; /* HV_STORE_SERVER_FEATURE_* */
    uint32_t connection;      /* HV_STORE_CONNECTED or RECONNECT */
    uint32_t error;           /* HV_STORE_ERROR_* */
};

#endif
