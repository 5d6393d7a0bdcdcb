/* SPDX-License-Identifier: MIT */
/*
 * CRC32 in a third of an instruction a byte, with nothing but XOR.
 *
 * A message is a polynomial over GF(2), the CRC its remainder by g. A multiple of g may
 * be added anywhere without changing that. g, CRC32's, divides x^(128*3006) +
 * x^(128*2866) + x^(128*2215) + 1 (search: the remainders of x^(128k), until two of them
 * and 1 add up to a third), so a word of 16 bytes may be taken away where it stands if it
 * is added 140, 791 and 3006 words further on. That is done with every word as it comes.
 * What the last 3006 words then are is kept in a ring, in which a word's place is that of
 * the one 3006 before it. At the end those of them that were taken away in vain, there
 * being nothing behind them, are put back, and the CRC of what is in the ring is the
 * message's.
 *
 * The register's first value of all ones is the same as inverting the message's first
 * four bytes.
 */
#include <emmintrin.h>
#include <lzma.h>
#include <string.h>

#include "xz/xz.h"

#define WORD 16u
#define NEAR 140u /* 3006 - 2866 */
#define FAR  791u /* 3006 - 2215 */

/* n words of the ring take in data, and what lies `near` and `far` words on. */
static void fold(__m128i *at, unsigned n, int near, int far, const uint8_t *data)
{
    const __m128i *a = at + near, *b = at + far, *end = at + n;

#pragma GCC unroll 8
    for (; at < end; at++, a++, b++, data += WORD) {
        __m128i w = _mm_loadu_si128((const __m128i *)data);

        *at = _mm_xor_si128(_mm_xor_si128(w, *at), _mm_xor_si128(*a, *b));
    }
}

static unsigned smaller(uint64_t a, uint64_t b)
{
    return (unsigned)(a < b ? a : b);
}

static void fold_words(struct xz_crc *c, const uint8_t *data, uint64_t words)
{
    static const unsigned ends[] = {NEAR, FAR, XZ_FOLD};
    __m128i *ring = (__m128i *)c->ring;

    while (words) {
        unsigned i = (unsigned)(c->size / WORD % XZ_FOLD), part = 0, n;

        while (i >= ends[part])
            part++;
        n = smaller(words, ends[part] - i);
        fold(ring + i, n, part > 0 ? -(int)NEAR : (int)(XZ_FOLD - NEAR),
             part > 1 ? -(int)FAR : (int)(XZ_FOLD - FAR), data);
        data += n * WORD;
        words -= n;
        c->size += n * WORD;
    }
}

void xz_crc_begin(struct xz_crc *c)
{
    memset(c, 0, sizeof(*c));
    memset(c->ring, 0xff, 4);
}

void xz_crc_add(struct xz_crc *c, const uint8_t *p, size_t n)
{
    size_t have = c->size % WORD;

    if (have) {
        size_t more = smaller(n, WORD - have);

        memcpy(c->part + have, p, more);
        p += more;
        n -= more;
        if (have + more < WORD) {
            c->size += more;
            return;
        }
        c->size -= have;
        fold_words(c, c->part, 1);
    }
    fold_words(c, p, n / WORD);
    memcpy(c->part, p + n / WORD * WORD, n % WORD);
    c->size += n % WORD;
}

/* From the register's value to the next; lzma_crc32() inverts it before and after. */
static uint32_t crc(uint32_t reg, const void *p, size_t n)
{
    return ~lzma_crc32(p, n, ~reg);
}

uint32_t xz_crc_end(struct xz_crc *c)
{
    __m128i *ring = (__m128i *)c->ring;
    unsigned next = (unsigned)(c->size / WORD % XZ_FOLD);
    uint32_t reg = c->size < WORD ? ~0u : 0;

    /* From the last word to the first: each is put back as it is now needed, from others
     * that are still as they were taken away. */
    for (unsigned k = XZ_FOLD; k-- > 0 && c->size >= WORD;) {
        unsigned i = (next + k) % XZ_FOLD;

        if (k >= NEAR)
            ring[i] = _mm_xor_si128(ring[i], ring[(i + XZ_FOLD - NEAR) % XZ_FOLD]);
        if (k >= FAR)
            ring[i] = _mm_xor_si128(ring[i], ring[(i + XZ_FOLD - FAR) % XZ_FOLD]);
    }
    if (c->size >= WORD) {
        reg = crc(reg, ring + next, (XZ_FOLD - next) * WORD);
        reg = crc(reg, ring, next * WORD);
    }
    return ~crc(reg, c->part, c->size % WORD);
}
