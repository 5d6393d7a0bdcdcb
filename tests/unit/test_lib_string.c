/* SPDX-License-Identifier: MIT */
/* The bare machine's string and print functions, beside the C library's. */
#include <stdio.h>
#include <string.h>

/* The library's are used under their own names first, ours under others after. */
static int libc_vsnprintf(char *b, size_t n, const char *f, va_list ap)
{
    return vsnprintf(b, n, f, ap);
}
static int libc_memcmp(const void *a, const void *b, size_t n)
{
    return memcmp(a, b, n);
}
static void *libc_memmove(void *d, const void *s, size_t n)
{
    return memmove(d, s, n);
}

#define memcpy    our_memcpy
#define memmove   our_memmove
#define memset    our_memset
#define memcmp    our_memcmp
#define strlen    our_strlen
#define strnlen   our_strnlen
#define strcmp    our_strcmp
#define strncmp   our_strncmp
#define strchr    our_strchr
#define strstr    our_strstr
#define snprintf  our_snprintf
#define vsnprintf our_vsnprintf
#include "../../hypervisor/lib/string.c"
#include "../../hypervisor/lib/print.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp
#undef strchr
#undef strstr
#undef snprintf
#undef vsnprintf
#include "unit.h"

#define N 96

START_TEST(copies_of_all_lengths_and_offsets_are_exact)
{
    uint8_t src[N + 16], want[N + 16], got[N + 16];

    for (unsigned i = 0; i < sizeof(src); i++)
        src[i] = (uint8_t)(i * 7 + 1);
    for (unsigned n = 0; n < N; n++) {
        for (unsigned off = 0; off < 9; off++) {
            memset(want, 0xee, sizeof(want));
            memset(got, 0xee, sizeof(got));
            memcpy(want + off, src + 3, n);
            ck_assert_ptr_eq(our_memcpy(got + off, src + 3, n), got + off);
            ck_assert_int_eq(memcmp(want, got, sizeof(got)), 0);
        }
    }
}
END_TEST

START_TEST(moves_may_overlap_either_way)
{
    for (unsigned n = 0; n < 64; n++) {
        for (unsigned from = 0; from < 24; from++) {
            for (unsigned to = 0; to < 24; to++) {
                uint8_t a[N], b[N];

                for (unsigned i = 0; i < N; i++)
                    a[i] = b[i] = (uint8_t)i;
                libc_memmove(a + to, a + from, n);
                our_memmove(b + to, b + from, n);
                ck_assert_int_eq(libc_memcmp(a, b, N), 0);
            }
        }
    }
}
END_TEST

START_TEST(sets_touch_nothing_else)
{
    for (unsigned n = 0; n < N - 16; n++) {
        uint8_t a[N];

        memset(a, 1, N);
        our_memset(a + 5, 0x1aa, n);
        for (unsigned i = 0; i < N; i++)
            ck_assert_uint_eq(a[i], i >= 5 && i < 5 + n ? 0xaa : 1);
    }
}
END_TEST

START_TEST(comparisons_find_the_first_difference)
{
    for (unsigned i = 0; i < 40; i++) {
        uint8_t a[40] = {0}, b[40] = {0};

        ck_assert_int_eq(our_memcmp(a, b, 40), 0);
        a[i] = 0x90;
        b[i] = 0x10;
        if (i < 39)
            b[39] = 0xff;
        ck_assert_int_gt(our_memcmp(a, b, 40), 0);
        ck_assert_int_lt(our_memcmp(b, a, 40), 0);
        ck_assert_int_eq(our_memcmp(a, b, i), 0);
    }
}
END_TEST

START_TEST(strings_are_compared_and_found)
{
    ck_assert_uint_eq(our_strlen(""), 0);
    ck_assert_uint_eq(our_strnlen("abcdef", 3), 3);
    ck_assert_int_eq(our_strcmp("abc", "abc"), 0);
    ck_assert_int_lt(our_strcmp("abc", "abcd"), 0);
    ck_assert_int_gt(our_strcmp("\xff", "a"), 0);
    ck_assert_int_eq(our_strncmp("abcx", "abcy", 3), 0);
    ck_assert_str_eq(our_strchr("a=b=c", '='), "=b=c");
    ck_assert_ptr_null(our_strchr("abc", 'x'));
    ck_assert_str_eq(our_strchr("abc", 0), "");
    ck_assert_str_eq(our_strstr("hello world", "o w"), "o world");
    ck_assert_ptr_null(our_strstr("hello", "help"));
    ck_assert_str_eq(our_strstr("abc", ""), "abc");
}
END_TEST

__attribute__((format(printf, 1, 2))) static void same(const char *fmt, ...)
{
    char want[128], got[128];
    va_list a, b;
    int w, g;

    for (size_t size = 0; size <= sizeof(want); size += size < 8 ? 1 : 60) {
        memset(want, 'z', sizeof(want));
        memset(got, 'z', sizeof(got));
        va_start(a, fmt);
        va_copy(b, a);
        w = libc_vsnprintf(want, size, fmt, a);
        g = our_vsnprintf(got, size, fmt, b);
        va_end(a);
        va_end(b);
        ck_assert_int_eq(w, g);
        ck_assert_int_eq(libc_memcmp(want, got, size), 0);
    }
}

START_TEST(formats_read_as_the_c_library_writes_them)
{
    same("plain text, 100%%");
    same("%d %i %u", -5, 2147483647, 4294967295u);
    same("%5d|%-5d|%05d|%+d|% d", 42, 42, 42, 42, 42);
    same("%x %X %#x %#x %08x", 0xbeefu, 0xbeefu, 0xbeefu, 0u, 0xbeefu);
    same("%lx %lld %zu %hhx %hd", ~0ul, -1ll, sizeof(int), 0x123, 70000);
    same("%o %#018lx", 511u, 0xffff830000000000ul);
    same("%s|%10s|%-10s|%.2s|%*s|%-*s|%.*s", "a", "bc", "de", "fgh", 6, "i", 6, "j", 1,
         "klm");
    same("%c%5c%-5cx", 'a', 'b', 'c');
    same("%p", (void *)0x1234);
    same("%.5d|%8.5d|%-8.3u|%.0d", 42, -42, 7u, 0);
    same("%ld %lu", -9223372036854775807l - 1, 18446744073709551615ul);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {copies_of_all_lengths_and_offsets_are_exact,
                                  moves_may_overlap_either_way,
                                  sets_touch_nothing_else,
                                  comparisons_find_the_first_difference,
                                  strings_are_compared_and_found,
                                  formats_read_as_the_c_library_writes_them,
                                  NULL};

    return unit_run("strings", NULL, tests);
}
