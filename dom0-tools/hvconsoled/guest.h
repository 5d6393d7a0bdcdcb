/* SPDX-License-Identifier: MIT */
/* One guest's console: its ring, its event channel, its pseudo-terminal. */
#ifndef CONSOLED_GUEST_H
#define CONSOLED_GUEST_H

#include "consoled.h"
#include "hv/door.h"

struct xs_handle;

/* What the daemon has open; one of these exists. */
struct daemon {
    struct door *door;
    struct door_events *events;
    struct door_grants *grants;
    struct xs_handle *xs;
    int epoll;
    struct guest *guests;
    struct guest *leaving; /* gone, but their last words are not read yet */
};

struct guest {
    struct guest *next;
    hv_domid_t domid;
    bool seen;      /* while going through the list of domains */
    bool connected; /* everything below is valid */
    struct hv_console_interface *ring;
    bool granted; /* the ring is mapped by grant, not by frame */
    uint64_t grant_index;
    uint32_t remote_port;
    int port;
    struct pty pty;
    struct buffer out;
    int log;
    uint32_t polled; /* what epoll was last told to look for */
    long long until; /* leaving: ms of the monotonic clock */
};

struct guest *guest_find(struct daemon *d, hv_domid_t domid);
struct guest *guest_by_port(struct daemon *d, int port);
/* Starts to watch a domain; connects now if its console is there. */
void guest_add(struct daemon *d, hv_domid_t domid);
/* Looks again whether the console can be connected, or has changed. */
void guest_check(struct daemon *d, struct guest *g);
void guest_remove(struct daemon *d, struct guest *g);
/* Closes the terminals of those that have left, once they are read or after a while. In
 * how many ms to look again, -1: never. */
int guest_leaving(struct daemon *d);

/* Moves bytes both ways as far as they go. */
void guest_work(struct daemon *d, struct guest *g);

#endif
