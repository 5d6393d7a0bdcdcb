/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>

#include "daemon/log.h"

static const char *program = "";
static bool use_syslog;

void log_start(const char *name, bool to_syslog)
{
    program = name;
    use_syslog = to_syslog;
    if (to_syslog)
        openlog(name, LOG_PID, LOG_DAEMON);
}

void log_line(const char *fmt, ...)
{
    char line[1024];
    va_list args;

    va_start(args, fmt);
    vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    if (use_syslog)
        syslog(LOG_NOTICE, "%s", line);
    else
        fprintf(stderr, "%s: %s\n", program, line);
}
