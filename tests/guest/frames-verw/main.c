/* SPDX-License-Identifier: MIT */
/* frames, with the ways in and out of a CPU that leaks by all that there is. */
#include "../frames/main.c"
