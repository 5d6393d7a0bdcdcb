/* SPDX-License-Identifier: MIT */
/* One line for the administrator: to the system's log, or to standard error. */
#ifndef DAEMON_LOG_H
#define DAEMON_LOG_H

#include <stdbool.h>

/* name is kept by reference. */
void log_start(const char *name, bool to_syslog);
void log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
