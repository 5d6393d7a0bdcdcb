/* SPDX-License-Identifier: MIT */
/* Whether memory is all zero: half of Linux is. */
#ifndef DOM_ZEROS_H
#define DOM_ZEROS_H

#include <stdbool.h>
#include <stddef.h>

bool dom_all_zero(const void *at, size_t size);

#endif
