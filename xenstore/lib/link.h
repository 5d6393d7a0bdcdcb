/* SPDX-License-Identifier: MIT */
/*
 * The connection under a handle: requests out, replies and events in, for any number of
 * threads.
 *
 * No thread of our own: whoever waits for something reads the connection for all. One
 * thread at a time is the reader; what it reads goes to the request it answers or into
 * the event queue, and the others are woken to look.
 *
 * When the daemon behind a socket dies, the reader connects to the one that takes its
 * place and sets all watches again (each then fires once, so nothing is missed). Requests
 * under way are sent again; those in transactions, which died with the connection, fail
 * with EAGAIN.
 */
#ifndef LIB_LINK_H
#define LIB_LINK_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "wire/xs_msg.h"

struct call; /* a request that waits for its reply */

/* A watch that stands: path, NUL, token, NUL. */
struct standing {
    struct standing *next;
    size_t len;
    char data[];
};

struct event {
    struct event *next;
    size_t len;
    char data[]; /* path, NUL, token, NUL */
};

struct link {
    int fd;
    bool is_socket;
    pthread_mutex_t lock;   /* everything below */
    pthread_cond_t changed; /* reading ended, a reply or an event came */
    bool reading;
    bool broken;
    char *path; /* of the socket */
    uint8_t
        generation; /* how often we have connected anew; part of transaction numbers */
    int64_t lost_since; /* ms; 0 while connected */
    struct standing *standing;
    uint32_t next_req;
    struct call *calls;
    struct event *events, **last_event;
    int poll_fd, event_fd;      /* -1 until link_fileno */
    struct hv_xsd_sockmsg head; /* the message being read, by the reader alone */
    char *body;
    size_t got;
    pthread_mutex_t send_lock; /* one request at a time goes out */
};

/* Opens path, a socket or a device. 0 or errno. */
int link_open(struct link *l, const char *path);
void link_close(struct link *l);
/* Leaves the handle with a connection to nowhere, for good. 0, or -1 with errno. */
int link_cut(struct link *l);

/*
 * Sends a request and waits for its answer. Returns the payload (to be freed, with a NUL
 * behind it, *len set) or NULL with errno.
 */
char *link_call(struct link *l, uint32_t type, uint32_t tx, const struct iovec *parts,
                unsigned int count, size_t *len);

/*
 * Sets a watch, or takes it back. With the answer it is noted, to be set again should the
 * daemon change: no other daemon can come in between. 0 or errno.
 */
int link_watch(struct link *l, const char *path, const char *token, bool set);

/* The next event, to be freed; NULL with errno (EAGAIN if there is none and wait is
 * false). */
struct event *link_event(struct link *l, bool wait);
/* Drops queued events for which match says so. */
void link_drop_events(struct link *l, bool (*match)(const struct event *e, void *arg),
                      void *arg);
/* A descriptor that is readable when events may be there; -1 with errno. */
int link_fileno(struct link *l);

#endif
