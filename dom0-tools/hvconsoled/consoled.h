/* SPDX-License-Identifier: MIT */
/* The parts of the console daemon: rings, pseudo-terminals, logs. */
#ifndef CONSOLED_H
#define CONSOLED_H

#include <stdbool.h>
#include <stddef.h>

#include "abi/io/console.h"
#include "daemon/log.h"

/*
 * The ring (ring.c). Everything the guest writes there is hostile: indices are read
 * once and a pair that cannot be is treated as an empty ring.
 */
/* Takes what the guest has written; at most HV_CONSOLE_OUT_SIZE bytes. */
size_t ring_take(struct hv_console_interface *ring, char *to);
/* How many bytes the guest's input ring has room for. */
size_t ring_room(struct hv_console_interface *ring);
/* Gives input to the guest; len must be within ring_room(). */
void ring_give(struct hv_console_interface *ring, const char *from, size_t len);

/*
 * Output that the terminal has not taken yet (buffer.c). Beyond `limit` the oldest
 * bytes are lost: a guest nobody looks at must neither stop nor fill our memory.
 */
struct buffer {
    char *data;
    size_t start, len, room, limit;
};
void buffer_add(struct buffer *b, const char *data, size_t len);
void buffer_drop(struct buffer *b, size_t len);
void buffer_free(struct buffer *b);

/* A pseudo-terminal in raw mode (pty.c); both ends are kept open. */
struct pty {
    int master, slave;
    char name[64];
};
int pty_open(struct pty *pty);
void pty_close(struct pty *pty);

/* Copies of what guests say (log.c), in dir, which is kept by reference; NULL: none. */
void log_guests_in(const char *dir);
/* A file that takes a guest's output, or -1 when none is wanted. */
int log_guest_open(const char *name);
void log_guest_write(int fd, const char *data, size_t len);

#endif
