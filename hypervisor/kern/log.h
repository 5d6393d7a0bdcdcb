/* SPDX-License-Identifier: MIT */
/* The log: a ring that tools read (sysctl readconsole) and that consoles print, and the
 * ways to die. */
#ifndef KERN_LOG_H
#define KERN_LOG_H

#include <stdarg.h>
#include "lib/types.h"

enum log_level { LOG_ERR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* adds "(XEN) "-like prefix */
void log_print(enum log_level level, const char *fmt, ...) printf_like(2, 3);
/* a guest's console_io output, raw */
void log_guest(unsigned domid, const char *s, size_t n);
/* About what a guest did: printed up to guest_loglvl, and only so much in a time. */
void log_print_guest(enum log_level level, const char *fmt, ...) printf_like(2, 3);
#define log_err(...)   log_print(LOG_ERR, __VA_ARGS__)
#define log_warn(...)  log_print(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_print(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_print(LOG_DEBUG, __VA_ARGS__)
/* Copies what the ring holds from *index on (sequence number; set to what was read up
 * to); clear drops it. */
size_t log_read(char *buf, size_t n, uint32_t *index, bool clear);

_Noreturn void panic(const char *fmt, ...) printf_like(1, 2);
_Noreturn void assert_failed(const char *what, const char *file, int line);
/* For what only the hypervisor's own mistakes can break: never reachable from a guest. */
#define ASSERT(x) ((x) ? (void)0 : assert_failed(#x, __FILE__, __LINE__))
#define BUG()     assert_failed("unreachable", __FILE__, __LINE__)

#endif
