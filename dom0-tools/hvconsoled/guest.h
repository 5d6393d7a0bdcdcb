/* SPDX-License-Identifier: MIT */
/* Guests and their consoles: rings, event channels, terminals and sockets. */
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
    const char *run_dir; /* of backlogs */
    struct guest *guests;
    struct console *leaving; /* their guests are gone, but the last words are not read */
};

struct guest {
    struct guest *next;
    hv_domid_t domid;
    bool seen; /* while going through the list of domains */
    struct console *consoles;
};

struct console {
    struct console *next;
    hv_domid_t domid;
    unsigned int devid; /* 0: the one the guest boots with */
    bool seen;          /* while going through the guest's consoles */
    bool opened;        /* end, backlog and log are valid; users may join */
    struct end end;
    struct backlog backlog;
    struct guest_log log;
    unsigned int failures;
    bool failed;    /* until its driver begins anew */
    bool connected; /* what follows is valid, too */
    struct hv_console_interface *ring;
    bool granted; /* the ring is mapped by grant, not by frame */
    uint64_t grant_index;
    uint32_t remote_port;
    int port;
    uint32_t polled; /* what epoll was last told to look for ... */
    int polled_fd;   /* ... and where; -1: nothing, nowhere */
    long long
        look_at; /* ms of the monotonic clock: when to see what was read; 0: never */
    int look_after;
    long long until; /* leaving */
};

/* --- guests (guest.c) --- */
struct guest *guest_find(struct daemon *d, hv_domid_t domid);
struct console *console_by_port(struct daemon *d, int port);
/* Whether it has not gone meanwhile. */
bool console_is_there(const struct daemon *d, const struct console *c);
/* Starts to watch a domain; its consoles follow when XenStore has them. */
void guest_add(struct daemon *d, hv_domid_t domid);
/* Looks again which consoles there are and whether they can be connected. */
void guest_check(struct daemon *d, struct guest *g);
void guest_remove(struct daemon *d, struct guest *g);
/* Logs that were moved away begin anew. */
void guests_reopen_logs(struct daemon *d);
/* Removes what is kept of guests that are gone. */
void guests_tidy(struct daemon *d);

/* --- one console (console.c) --- */
struct console *console_new(hv_domid_t domid, unsigned int devid);
/* Opens it and connects it as far as the guest has come. */
void console_check(struct daemon *d, struct console *c);
/* Moves bytes both ways as far as they go. */
void console_work(struct daemon *d, struct console *c);
/* The guest or the device is gone: what has not been read may be, for a while. Frees it,
 * or puts it among those that are leaving. */
void console_leave(struct daemon *d, struct console *c);
/* Does what is due by time. Returns in how many ms to come again, -1: never. */
int consoles_due(struct daemon *d);

#endif
