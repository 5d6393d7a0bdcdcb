/* SPDX-License-Identifier: MIT */
/* Messages and the access log. See log.h. */
#include "daemon/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>
#include <time.h>

#define SAY_AGAIN_S 10

bool log_tracing;

static bool use_syslog;
static FILE *trace;

void log_say(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    if (use_syslog) {
        vsyslog(LOG_NOTICE, format, ap);
    } else {
        fputs("xenstored: ", stderr);
        vfprintf(stderr, format, ap);
        fputc('\n', stderr);
    }
    va_end(ap);
}

bool log_may_say(int64_t *last)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    if (*last && now.tv_sec - *last < SAY_AGAIN_S)
        return false;
    *last = now.tv_sec;
    return true;
}

void log_to_syslog(void)
{
    openlog("xenstored", LOG_PID, LOG_DAEMON);
    use_syslog = true;
}

int log_trace(const char *file)
{
    FILE *f = NULL;

    if (file) {
        f = fopen(file, "ae");
        if (!f)
            return errno;
        setvbuf(f, NULL, _IOLBF, 0);
    }
    if (trace)
        fclose(trace);
    trace = f;
    log_tracing = f != NULL;
    return 0;
}

void log_switch(bool on)
{
    log_tracing = on && trace;
}

void log_trace_line(const struct conn *c, const char *direction, uint32_t type,
                    const struct hv_xsd_sockmsg *h, const char *data, size_t len)
{
    struct timespec now;
    struct tm tm;
    char when[32];

    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &tm);
    strftime(when, sizeof(when), "%Y%m%d %H:%M:%S", &tm);
    fprintf(trace, "%s.%06ld %s dom%u conn%u tx%u %s (", when, now.tv_nsec / 1000,
            direction, c->id, c->serial, h->tx_id, xs_type_name(type));
    for (size_t i = 0; i < len; i++) {
        unsigned char ch = (unsigned char)data[i];

        if (ch == 0)
            fputc(' ', trace);
        else if (ch >= 0x20 && ch < 0x7f)
            fputc(ch, trace);
        else
            fprintf(trace, "\\x%02x", ch);
    }
    fputs(")\n", trace);
}
