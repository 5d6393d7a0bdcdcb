/* SPDX-License-Identifier: MIT */
/*
 * An image that is in memory, mapped: its bytes are moved without a system call. What
 * cannot be touched (no space is left, the file has shrunk) is left to system calls,
 * which tell why.
 */
#ifndef BLKBACK_WINDOW_H
#define BLKBACK_WINDOW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct window {
    char *base; /* NULL: there is none */
    uint64_t bytes;
    int fd; /* the file's, the caller's */
};

/*
 * Maps the file; leaves it if that is not wise: where it has holes, for to read one
 * through a mapping fills it. One at a time in a process.
 */
void window_open(struct window *w, int fd, bool readonly);
void window_close(struct window *w);
/* Moves all that iov has room for; false: not (all of) it. */
bool window_move(const struct window *w, bool write, const struct iovec *iov,
                 unsigned int nr, uint64_t at);

#endif
