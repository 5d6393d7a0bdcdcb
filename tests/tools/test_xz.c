/* SPDX-License-Identifier: MIT */
/* Unpacking xz with a filter and a checksum of our own: held against liblzma and zlib. */
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "xz/xz.h"
#include "unit.h"

#define SIZE   (300 * 1024u)
#define PACKED (SIZE + 4096)

static uint8_t data[SIZE], packed[PACKED], got[SIZE + 1];

/* Much that looks like a branch, so that every rule of the filter is met. */
static void fill(size_t n, unsigned dense)
{
    static const uint8_t byte[] = {0xe8, 0xe9, 0, 0xff, 1, 0xfe, 0xe7, 0xea};

    for (size_t i = 0; i < n; i++)
        data[i] = (unsigned)rand() % 16 < dense ? byte[rand() % 8] : (uint8_t)rand();
}

struct gathered {
    struct xz_out o;
    size_t n;
};

static bool keep(struct xz_out *o, size_t n, size_t left)
{
    ((struct gathered *)o)->n += n;
    ck_assert_uint_le(left, XZ_LEFT);
    o->at += n;
    o->room -= n;
    return true;
}

static bool unpack(const uint8_t *p, size_t n, size_t room)
{
    struct gathered g = {{got, room, keep}, 0};

    return xz_unpack(p, n, UINT64_MAX, &g.o) && g.n == room;
}

/* Packs data[0, n) in that many blocks. */
static size_t pack(size_t n, lzma_vli filter, lzma_check check, unsigned blocks)
{
    lzma_options_lzma o;
    lzma_options_delta delta = {.type = LZMA_DELTA_TYPE_BYTE, .dist = 4};
    lzma_filter chain[] = {{filter, filter == LZMA_FILTER_DELTA ? &delta : NULL},
                           {LZMA_FILTER_LZMA2, &o},
                           {LZMA_VLI_UNKNOWN, NULL}};
    lzma_stream z = LZMA_STREAM_INIT;

    lzma_lzma_preset(&o, 0);
    ck_assert_int_eq(
        lzma_stream_encoder(&z, filter == LZMA_FILTER_LZMA2 ? chain + 1 : chain, check),
        LZMA_OK);
    z.next_in = data;
    z.next_out = packed;
    z.avail_out = PACKED;
    for (unsigned i = 0; i < blocks; i++) {
        z.avail_in = i + 1 < blocks ? n / blocks : n - n / blocks * i;
        ck_assert_int_eq(lzma_code(&z, i + 1 < blocks ? LZMA_FULL_FLUSH : LZMA_FINISH),
                         LZMA_STREAM_END);
    }
    n = z.total_out;
    lzma_end(&z);
    return n;
}

START_TEST(the_checksum_is_crc32_of_any_length)
{
    static struct xz_crc c;

    for (size_t i = 0; i < SIZE; i++)
        data[i] = (uint8_t)rand();
    for (size_t n = 0; n < SIZE; n += n < 300 ? 1 : 16 * 137 + 5) {
        xz_crc_begin(&c);
        xz_crc_add(&c, data, n);
        ck_assert_uint_eq(xz_crc_end(&c), crc32(0, data, (uInt)n));
    }
}
END_TEST

START_TEST(the_checksum_comes_in_parts)
{
    static struct xz_crc c;

    for (unsigned round = 0; round < 40; round++) {
        xz_crc_begin(&c);
        for (size_t at = 0, n; at < SIZE; at += n) {
            n = (size_t)rand() % (round & 1 ? 40 : 70000);
            n = n < SIZE - at ? n : SIZE - at;
            xz_crc_add(&c, data + at, n);
        }
        ck_assert_uint_eq(xz_crc_end(&c), crc32(0, data, SIZE));
        fill(SIZE, round % 16);
    }
}
END_TEST

START_TEST(code_is_what_it_was)
{
    for (unsigned dense = 0; dense <= 16; dense++) {
        size_t n = SIZE - (unsigned)rand() % 100;

        fill(n, dense);
        ck_assert(unpack(packed, pack(n, LZMA_FILTER_X86, LZMA_CHECK_CRC32, 1), n));
        ck_assert(!memcmp(got, data, n));
    }
}
END_TEST

START_TEST(short_code_is_what_it_was)
{
    for (size_t n = 1; n < 64; n++)
        for (unsigned round = 0; round < 8; round++) {
            fill(n, 14);
            ck_assert(unpack(packed, pack(n, LZMA_FILTER_X86, LZMA_CHECK_CRC32, 1), n));
            ck_assert(!memcmp(got, data, n));
        }
}
END_TEST

/* The filter alone: in parts as in one. */
START_TEST(the_filter_works_in_parts)
{
    for (unsigned round = 0; round < 200; round++) {
        struct xz_x86 whole = {0, 0}, parts = {0, 0};
        const size_t n = 5000;
        size_t final, at = 0, end = 0;

        fill(n, 13);
        memcpy(got, data, n);
        final = xz_x86_undo(&whole, got, n);
        ck_assert_uint_ge(final + XZ_LEFT, n);
        while (end < n) {
            end += (size_t)rand() % 60;
            end = end < n ? end : n;
            at += xz_x86_undo(&parts, data + at, end - at);
        }
        ck_assert_uint_eq(at, final);
        ck_assert(!memcmp(got, data, n));
    }
}
END_TEST

START_TEST(other_filters_checks_and_blocks_are_unpacked)
{
    static const lzma_vli filter[] = {LZMA_FILTER_LZMA2, LZMA_FILTER_X86, LZMA_FILTER_ARM,
                                      LZMA_FILTER_DELTA};
    static const lzma_check check[] = {LZMA_CHECK_NONE, LZMA_CHECK_CRC32,
                                       LZMA_CHECK_CRC64, LZMA_CHECK_SHA256};

    fill(SIZE, 8);
    for (unsigned i = 0; i < 4; i++)
        for (unsigned j = 0; j < 4; j++)
            for (unsigned blocks = 1; blocks <= 3; blocks++) {
                size_t n = pack(SIZE, filter[i], check[j], blocks);

                ck_assert(unpack(packed, n, SIZE));
                ck_assert(!memcmp(got, data, SIZE));
                memset(packed + n, 0xa5, 16);
                ck_assert(unpack(packed, n + 16, SIZE)); /* something behind it */
            }
}
END_TEST

START_TEST(every_flipped_bit_is_found)
{
    for (unsigned blocks = 1; blocks <= 2; blocks++) {
        size_t n;

        fill(600, 4);
        n = pack(600, LZMA_FILTER_X86, LZMA_CHECK_CRC32, blocks);
        for (size_t bit = 0; bit < 8 * n; bit++) {
            packed[bit / 8] ^= (uint8_t)(1 << bit % 8);
            ck_assert_msg(!unpack(packed, n, 600), "bit %zu", bit);
            packed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        ck_assert(unpack(packed, n, 600));
    }
}
END_TEST

START_TEST(a_stream_cut_short_is_refused)
{
    size_t n;

    fill(600, 4);
    n = pack(600, LZMA_FILTER_X86, LZMA_CHECK_CRC32, 1);
    for (size_t cut = 0; cut < n; cut++) {
        uint8_t *exact = malloc(cut ? cut : 1); /* so that reading beyond is seen */

        memcpy(exact, packed, cut);
        ck_assert(!unpack(exact, cut, 600));
        free(exact);
    }
}
END_TEST

START_TEST(more_than_there_is_room_for_is_refused)
{
    size_t n;

    fill(5000, 4);
    n = pack(5000, LZMA_FILTER_X86, LZMA_CHECK_CRC32, 1);
    for (size_t room = 0; room < 5000; room += 7)
        ck_assert(!unpack(packed, n, room));
}
END_TEST

START_TEST(a_limit_of_memory_is_kept)
{
    struct gathered g = {{got, SIZE, keep}, 0};
    size_t n;

    fill(5000, 4);
    n = pack(5000, LZMA_FILTER_X86, LZMA_CHECK_CRC32, 1);
    ck_assert(!xz_unpack(packed, n, 1000, &g.o));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {the_checksum_is_crc32_of_any_length,
                                  the_checksum_comes_in_parts,
                                  code_is_what_it_was,
                                  short_code_is_what_it_was,
                                  the_filter_works_in_parts,
                                  other_filters_checks_and_blocks_are_unpacked,
                                  every_flipped_bit_is_found,
                                  a_stream_cut_short_is_refused,
                                  more_than_there_is_room_for_is_refused,
                                  a_limit_of_memory_is_kept,
                                  NULL};

    return unit_run("xz", NULL, tests);
}
