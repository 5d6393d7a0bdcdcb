/* SPDX-License-Identifier: MIT */
/* Time that only goes forward, for waiting. */
#ifndef DAEMON_CLOCK_H
#define DAEMON_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static inline long long clock_ms(void)
{
    return (long long)(clock_ns() / 1000000);
}

#endif
