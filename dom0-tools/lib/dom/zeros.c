/* SPDX-License-Identifier: MIT */
/* See zeros.h. By vectors, 512 bytes at a time, which mostly tell at once; an address
 * that is aligned saves half of the instructions. */
#include <stdint.h>

#include "dom/zeros.h"

#define ROUND 512U

typedef uint64_t vector __attribute__((vector_size(16), may_alias));
typedef uint64_t anywhere __attribute__((vector_size(16), may_alias, aligned(1)));

#define ROUND_ZERO(type, p)                                                              \
    ({                                                                                   \
        const type *v = (const void *)(p);                                               \
        vector sum = v[0];                                                               \
        _Pragma("GCC unroll 32") for (unsigned int i = 1; i < ROUND / sizeof(*v); i++)   \
            sum |= v[i];                                                                 \
        !(sum[0] | sum[1]);                                                              \
    })

bool dom_all_zero(const void *at, size_t size)
{
    const uint8_t *p = at, *end = p + size, *rounds = p + size / ROUND * ROUND;

    if ((uintptr_t)p % sizeof(vector) == 0)
        while (p < rounds && ROUND_ZERO(vector, p))
            p += ROUND;
    else
        while (p < rounds && ROUND_ZERO(anywhere, p))
            p += ROUND;
    if (p < rounds)
        return false;
    while (p < end && !*p)
        p++;
    return p == end;
}
