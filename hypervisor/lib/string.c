/* SPDX-License-Identifier: MIT */
/*
 * The C library's memory and string functions for the bare machine; a hosted build uses
 * libc's.
 *
 * Long copies go by words: x86 allows unaligned ones. The compiler must not recognise the
 * loops as memcpy or memset and call the function it is compiling, hence the pragma.
 */
#include "lib/string.h"

#pragma GCC optimize("no-tree-loop-distribute-patterns")

typedef uint64_t __attribute__((may_alias, aligned(1))) word_t;
typedef uint32_t __attribute__((may_alias, aligned(1))) half_t;
#define WORD sizeof(word_t)
#define HALF sizeof(half_t)

/* Less than a word. */
static inline void copy_short(uint8_t *to, const uint8_t *from, size_t n)
{
    if (n >= HALF) {
        *(half_t *)to = *(const half_t *)from;
        *(half_t *)(to + n - HALF) = *(const half_t *)(from + n - HALF);
        return;
    }
    while (n--)
        *to++ = *from++;
}

void *memcpy(void *restrict d, const void *restrict s, size_t n)
{
    const size_t whole = n;
    uint8_t *to = d;
    const uint8_t *from = s;

    for (; n >= 4 * WORD; n -= 4 * WORD, to += 4 * WORD, from += 4 * WORD) {
        word_t a = ((const word_t *)from)[0], b = ((const word_t *)from)[1];
        word_t c = ((const word_t *)from)[2], e = ((const word_t *)from)[3];

        ((word_t *)to)[0] = a;
        ((word_t *)to)[1] = b;
        ((word_t *)to)[2] = c;
        ((word_t *)to)[3] = e;
    }
    for (; n >= WORD; n -= WORD, to += WORD, from += WORD)
        *(word_t *)to = *(const word_t *)from;
    if (whole >= WORD) /* the last word, some of it again */
        *(word_t *)(to + n - WORD) = *(const word_t *)(from + n - WORD);
    else
        copy_short(to, from, n);
    return d;
}

/* Forward when the target lies below the source: every word is read before it is
 * overwritten. */
void *memmove(void *d, const void *s, size_t n)
{
    uint8_t *to = d;
    const uint8_t *from = s;

    if ((uintptr_t)to - (uintptr_t)from >= n) {
        for (; n >= WORD; n -= WORD, to += WORD, from += WORD)
            *(word_t *)to = *(const word_t *)from;
        while (n--)
            *to++ = *from++;
        return d;
    }
    to += n;
    from += n;
    for (; n >= WORD; n -= WORD) {
        to -= WORD;
        from -= WORD;
        *(word_t *)to = *(const word_t *)from;
    }
    while (n--)
        *--to = *--from;
    return d;
}

void *memset(void *d, int c, size_t n)
{
    uint8_t *to = d;
    uint64_t w = (uint8_t)c * 0x0101010101010101ull;

    for (; n >= 4 * WORD; n -= 4 * WORD, to += 4 * WORD) {
        ((word_t *)to)[0] = w;
        ((word_t *)to)[1] = w;
        ((word_t *)to)[2] = w;
        ((word_t *)to)[3] = w;
    }
    while (n--)
        *to++ = (uint8_t)c;
    return d;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *p = a, *q = b;

    for (; n >= WORD && *(const word_t *)p == *(const word_t *)q; n -= WORD) {
        p += WORD;
        q += WORD;
    }
    for (; n; n--, p++, q++)
        if (*p != *q)
            return *p < *q ? -1 : 1;
    return 0;
}

size_t strlen(const char *s)
{
    const char *e = s;

    while (*e)
        e++;
    return (size_t)(e - s);
}

size_t strnlen(const char *s, size_t n)
{
    size_t i = 0;

    while (i < n && s[i])
        i++;
    return i;
}

int strcmp(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
    for (; n && *a && *a == *b; n--) {
        a++;
        b++;
    }
    return n ? (unsigned char)*a - (unsigned char)*b : 0;
}

char *strchr(const char *s, int c)
{
    for (;; s++) {
        if (*s == (char)c)
            return (char *)(uintptr_t)s;
        if (!*s)
            return NULL;
    }
}

char *strstr(const char *s, const char *what)
{
    size_t n = strlen(what);

    for (;; s++) {
        if (!strncmp(s, what, n))
            return (char *)(uintptr_t)s;
        if (!*s)
            return NULL;
    }
}
