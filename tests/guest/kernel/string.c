/* SPDX-License-Identifier: MIT */
/* What the compiler may call. */
#include "guest.h"

void *memset(void *p, int c, size_t n)
{
    char *b = p;

    while (n--)
        *b++ = (char)c;
    return p;
}

void *memcpy(void *to, const void *from, size_t n)
{
    char *t = to;
    const char *f = from;

    while (n--)
        *t++ = *f++;
    return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const unsigned char *x = a, *y = b;

    for (; n; n--, x++, y++)
        if (*x != *y)
            return *x - *y;
    return 0;
}

size_t strlen(const char *s)
{
    size_t n = 0;

    while (s[n])
        n++;
    return n;
}
