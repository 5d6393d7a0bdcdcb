/* SPDX-License-Identifier: MIT */
/*
 * What the daemon says: messages for people go to syslog once it is a daemon, to stderr
 * before; the access log, when switched on, gets one line for each request and reply.
 */
#ifndef DAEMON_LOG_H
#define DAEMON_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/conn.h"

extern bool log_tracing;

/*
 * Whether something may be said that a guest can bring about at will: not within ten
 * seconds of the last time, which is kept in *last (0 at first).
 */
bool log_may_say(int64_t *last);
void log_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_to_syslog(void);
/* Starts the access log, or turns it off with NULL. 0 or errno. */
int log_trace(const char *file);
/* Suspends and resumes it. */
void log_switch(bool on);
void log_trace_line(const struct conn *c, const char *direction, uint32_t type,
                    const struct hv_xsd_sockmsg *h, const char *data, size_t len);

static inline void log_request(const struct conn *c, const struct hv_xsd_sockmsg *h,
                               const char *data)
{
    if (log_tracing)
        log_trace_line(c, "IN", h->type, h, data, h->len);
}

static inline void log_reply(const struct conn *c, uint32_t type,
                             const struct hv_xsd_sockmsg *h, const char *data, size_t len)
{
    if (log_tracing)
        log_trace_line(c, "OUT", type, h, data, len);
}

#endif
