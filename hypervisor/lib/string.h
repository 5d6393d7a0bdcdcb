/* SPDX-License-Identifier: MIT */
/* The C library's string functions: libc's on the host, string.c on the bare machine. */
#ifndef LIB_STRING_H
#define LIB_STRING_H

#include <stdarg.h>
#include "lib/types.h"

void *memcpy(void *restrict d, const void *restrict s, size_t n);
void *memmove(void *d, const void *s, size_t n);
void *memset(void *d, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t n);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strstr(const char *s, const char *what);
int snprintf(char *buf, size_t n, const char *fmt, ...) printf_like(3, 4);
int vsnprintf(char *buf, size_t n, const char *fmt, va_list ap);

#endif
