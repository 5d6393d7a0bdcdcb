/* SPDX-License-Identifier: MIT */
/* Copying whole pieces of frames: one instruction, which processors do by cache lines. */
#include "port/map.h"

void map_copy(void *to, const void *from, size_t n)
{
    size_t words = n / 8, rest = n % 8;

    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(rest) : : "memory");
}
