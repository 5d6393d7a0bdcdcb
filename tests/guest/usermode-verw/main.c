/* SPDX-License-Identifier: MIT */
/* usermode, with the ways in and out of a CPU whose buffers and branch history leak. */
#include "../usermode/main.c"
