/* SPDX-License-Identifier: MIT */
/* What the compiler calls where a processor without POPCNT is to be served. */
#include "lib/types.h"

int __popcountdi2(int64_t v);
int __popcountdi2(int64_t v)
{
    uint64_t n = (uint64_t)v;

    n -= n >> 1 & 0x5555555555555555;
    n = (n & 0x3333333333333333) + (n >> 2 & 0x3333333333333333);
    n = (n + (n >> 4)) & 0x0f0f0f0f0f0f0f0f;
    return (int)(n * 0x0101010101010101 >> 56);
}
