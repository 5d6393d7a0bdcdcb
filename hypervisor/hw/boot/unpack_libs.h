/* SPDX-License-Identifier: MIT */
/* The seam to the decompression libraries; unpack_libs.c is the only file compiled with
 * SSE and their headers. */
#ifndef HW_BOOT_UNPACK_LIBS_H
#define HW_BOOT_UNPACK_LIBS_H

#include "lib/types.h"

/* Unpacks src into dst of *out bytes; sets *out to what came out. 0 or -1. */
typedef int (*unpack_fn)(const void *src, size_t n, void *dst, size_t *out);
unpack_fn unpack_find(const void *src, size_t n); /* by the magic number; NULL: none */

#endif
