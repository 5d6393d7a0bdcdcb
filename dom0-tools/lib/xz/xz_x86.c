/* SPDX-License-Identifier: MIT */
/*
 * The filter for x86 code, backwards: xz made the distances of calls and jumps (0xe8 and
 * 0xe9, with 32 bits behind them) absolute positions, which repeat more often.
 *
 * What may be such an instruction is left alone unless the last of its five bytes, the
 * distance's highest, is 0 or 0xff; or if one of the three bytes in front of it was such
 * a beginning that was left alone, with exceptions that make it the same both ways: there
 * is one alone, d bytes in front, and byte 4 - d of this one is not 0 or 0xff. Then the
 * byte of the result in the same place must not be, either, or the bits below it are
 * inverted and it is done again. The result's highest byte repeats its bit 24.
 *
 * Most bytes are no beginning: they are looked through sixteen at a time.
 *
 * Reference: the .xz file format, "Branch/Call/Jump Filters for Executables".
 */
#include <emmintrin.h>
#include <string.h>

#include "xz/xz.h"

#define LENGTH 5u
#define BLOCK  16u

static bool is_edge(uint32_t byte)
{
    return ((byte + 1) & 0xfe) == 0;
}

static uint32_t relative(uint32_t field, uint32_t end, uint32_t skipped)
{
    uint32_t d, v = field - end;

    if (skipped) {
        d = (uint32_t)__builtin_ctz(skipped);
        while (is_edge(v >> (24 - 8 * d) & 0xff))
            v = (v ^ ((1u << (32 - 8 * d)) - 1)) - end;
    }
    return (v & 0x1ffffff) | -(v & 0x1000000);
}

/* The beginning at p, of which five bytes are there. false: it was left alone. */
static bool undo_one(uint8_t *p, uint32_t at, uint32_t skipped)
{
    uint32_t field;

    if (!is_edge(p[4]) || (skipped & (skipped - 1)))
        return false;
    if (skipped && is_edge(p[4 - __builtin_ctz(skipped)]))
        return false;
    memcpy(&field, p + 1, sizeof(field));
    field = relative(field, at + LENGTH, skipped);
    memcpy(p + 1, &field, sizeof(field));
    return true;
}

/* Bit n: byte n is a beginning. */
static unsigned beginnings(const uint8_t *p)
{
    __m128i b = _mm_loadu_si128((const __m128i *)p);

    b = _mm_and_si128(b, _mm_set1_epi8((char)0xfe));
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(b, _mm_set1_epi8((char)0xe8)));
}

/* The filter at a byte of the part that begins at x->at. */
struct place {
    uint8_t *buf;
    size_t last;      /* where the last beginning was that was left alone */
    uint32_t skipped; /* as in struct xz_x86, at that place, which itself is bit 0 */
};

/* Where to go on behind a beginning. */
static size_t step(const struct xz_x86 *x, struct place *p, size_t i)
{
    size_t gap = i - p->last;
    uint32_t skipped = gap > 3 ? 0 : p->skipped << gap & 0xe;

    if (undo_one(p->buf + i, x->at + (uint32_t)i, skipped)) {
        p->skipped = 0;
        return i + LENGTH;
    }
    p->last = i;
    p->skipped = skipped | 1;
    return i + 1;
}

size_t xz_x86_undo(struct xz_x86 *x, uint8_t *buf, size_t n)
{
    struct place p = {buf, 0, x->skipped};
    size_t i = 0, end = n < LENGTH ? 0 : n - XZ_LEFT; /* of beginnings */

    for (size_t base = 0; base + BLOCK <= end; base += BLOCK) {
        unsigned found = beginnings(buf + base);

        while (found) {
            size_t at = base + (unsigned)__builtin_ctz(found);

            found &= found - 1;
            if (at >= i)
                i = step(x, &p, at);
        }
        i = i < base + BLOCK ? base + BLOCK : i;
    }
    while (i < end)
        i = (buf[i] & 0xfe) == 0xe8 ? step(x, &p, i) : i + 1;
    x->at += (uint32_t)i;
    x->skipped = i - p.last > 3 ? 0 : p.skipped << (i - p.last) & 0xe;
    return i;
}
