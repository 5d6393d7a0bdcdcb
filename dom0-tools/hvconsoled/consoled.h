/* SPDX-License-Identifier: MIT */
/* The parts of the console daemon: rings, what is kept of them, terminals, logs. */
#ifndef CONSOLED_H
#define CONSOLED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "abi/io/console.h"
#include "daemon/log.h"

/*
 * The ring (ring.c). Everything the guest writes there is hostile: indices are read
 * once and a pair that cannot be is treated as an empty ring.
 */
/* Copies what the guest has written, at most HV_CONSOLE_OUT_SIZE bytes, and leaves it
 * there; *at is its place, for ring_free(). */
size_t ring_peek(struct hv_console_interface *ring, char *to, uint32_t *at);
/* What is before `to` is the guest's to write over. */
void ring_free(struct hv_console_interface *ring, uint32_t to);
/* The same, when a killed daemon may have done it: only what the guest has written. */
void ring_free_again(struct hv_console_interface *ring, uint32_t to);
/* How many bytes the guest's input ring has room for. */
size_t ring_room(struct hv_console_interface *ring);
/* Gives input to the guest; len must be within ring_room(). */
void ring_give(struct hv_console_interface *ring, const char *from, size_t len);

/*
 * What a guest has written, as far as it may be needed again (backlog.c), in a file that
 * outlives the daemon. All counts are of bytes since the console's beginning. Beyond the
 * file's size the oldest bytes are lost: a guest nobody looks at must neither stop nor
 * fill our memory.
 */
struct backlog_head {
    uint32_t magic;
    uint32_t size;  /* of the data behind this page, a ring */
    char whose[64]; /* the console's name, never used again */
    uint64_t end;   /* what the guest has written and we have here */
    uint64_t seen;  /* what has been read, or is lost */
    uint32_t base;  /* the guest's index of byte 0: with `end`, what to free */
    uint32_t pad;
    uint64_t logged;   /* what has gone to the log, times 2; + 1: its last line is open */
    uint64_t log_size; /* how large the log was then */
    int64_t log_time; /* of what goes there now: seconds of the day's clock; 0: nothing */
};
struct backlog {
    int fd;
    struct backlog_head *head;
    uint64_t given; /* to the terminal, that may not have been read */
};
/* Takes up the file of a killed daemon if it is of the same console, else makes one; if
 * that cannot be, one in memory. Path is NULL for that, too. 0 or -errno. */
int backlog_open(struct backlog *b, const char *path, const char *whose, uint32_t size);
void backlog_close(struct backlog *b);
/* Bytes from the guest's index `at` on, which is `len` further then. */
void backlog_add(struct backlog *b, const char *data, size_t len, uint32_t at);
/* Copies up to `max` bytes from `from` on, if they are still there. */
size_t backlog_copy(const struct backlog *b, uint64_t from, char *to, size_t max);

/*
 * What users join (end.c): a pseudo-terminal in raw mode of which both ends are kept
 * open, or a socket that listens for one peer at a time.
 */
struct end {
    bool is_socket;
    int fd;       /* the terminal's master, or the peer; -1: there is none */
    int slave;    /* of a terminal */
    int listener; /* of a socket, while it takes peers */
    char name[108];
};
int end_open_pty(struct end *e);
/* A socket that nobody listens at any more is replaced. -EADDRINUSE: somebody does. */
int end_open_socket(struct end *e, const char *path);
void end_close(struct end *e);
/* Takes no peers any more, and leaves its name to another. */
void end_stop_listening(struct end *e);
/* Takes a peer if there is none; false: none came. */
bool end_accept(struct end *e);
void end_hang_up(struct end *e);
/* Whether what was written to it has not been read. */
bool end_unread(const struct end *e);

/*
 * Copies of what guests say (log.c). How far a guest's has come stands in its backlog, so
 * that a daemon that is killed anywhere is followed by one that writes each byte once.
 */
struct log_options {
    const char *dir; /* kept by reference; NULL: none */
    bool timestamps;
    uint64_t max_size; /* of a file; 0: any */
    unsigned int keep; /* older files beside it */
};
void log_guests(const struct log_options *options);
struct guest_log {
    int fd; /* -1: none is wanted */
    char path[320];
};
/* Opens the log of the guest `name`, and writes what a killed daemon had no time for. */
void log_guest_open(struct guest_log *l, const char *name, struct backlog *b);
/* Writes the last bytes of the backlog, all that are not there yet. */
void log_guest_write(struct guest_log *l, struct backlog *b, const char *data,
                     size_t len);
/* After somebody else has moved the file away. */
void log_guest_reopen(struct guest_log *l);
void log_guest_close(struct guest_log *l);

#endif
