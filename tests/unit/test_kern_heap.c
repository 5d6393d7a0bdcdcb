/* SPDX-License-Identifier: MIT */
/* Small blocks of the hypervisor's own memory. */
#include "host/host.h"
#include "kern/heap.h"
#include "kern/page_alloc.h"
#include "lib/string.h"
#include "unit.h"

static uint64_t before;

static void prepare(void)
{
    host_boot(1, 16);
    before = page_alloc_free_count();
}

START_TEST(blocks_are_zeroed_aligned_and_do_not_overlap)
{
    static const size_t sizes[] = {1,   15,   16,   33,   100,  200,  500,
                                   641, 1000, 1344, 2000, 2017, 5000, 70000};
    static uint8_t *p[ARRAY_SIZE(sizes) * 20];
    unsigned n = 0;

    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
            uint8_t *b = heap_alloc(sizes[i]);

            ck_assert_ptr_nonnull(b);
            ck_assert_uint_eq((uintptr_t)b % 16, 0);
            for (size_t at = 0; at < sizes[i]; at++)
                ck_assert_uint_eq(b[at], 0);
            memset(b, (int)n + 1, sizes[i]);
            p[n++] = b;
        }
    }
    for (unsigned i = 0; i < n; i++) {
        for (size_t at = 0; at < sizes[i % ARRAY_SIZE(sizes)]; at++)
            ck_assert_uint_eq(p[i][at], (uint8_t)(i + 1));
        heap_free(p[i]);
    }
}
END_TEST

START_TEST(any_alignment_up_to_a_page_is_kept)
{
    for (size_t align = 1; align <= PAGE_SIZE; align *= 2) {
        for (size_t n = 1; n < 10000; n = n * 2 + 5) {
            void *a = heap_alloc_aligned(n, align), *b = heap_alloc_aligned(n, align);

            ck_assert(a && b && a != b);
            ck_assert_uint_eq((uintptr_t)a % align, 0);
            ck_assert_uint_eq((uintptr_t)b % align, 0);
            memset(a, 1, n);
            memset(b, 2, n);
            heap_free(a);
            heap_free(b);
        }
    }
}
END_TEST

START_TEST(what_is_freed_comes_back)
{
    static void *p[3000];

    for (unsigned i = 0; i < ARRAY_SIZE(p); i++)
        p[i] = heap_alloc(i % 2500 + 1);
    for (unsigned i = 0; i < ARRAY_SIZE(p); i++)
        heap_free(p[i]);
    ck_assert_uint_eq(page_alloc_free_count(), before);
    for (unsigned i = 0; i < ARRAY_SIZE(p); i++)
        p[i] = heap_alloc(i % 2500 + 1);
    for (unsigned i = ARRAY_SIZE(p); i-- > 0;)
        heap_free(p[i]);
    ck_assert_uint_eq(page_alloc_free_count(), before);
    heap_free(NULL);
}
END_TEST

START_TEST(no_memory_is_a_null_and_no_harm)
{
    static void *p[20000];
    unsigned n = 0;

    while (n < ARRAY_SIZE(p) && (p[n] = heap_alloc(2000)))
        n++;
    ck_assert_uint_gt(n, 4000);
    ck_assert_ptr_null(heap_alloc(3000));
    ck_assert_ptr_null(heap_alloc(1ull << 40));
    while (n > 0)
        heap_free(p[--n]);
    ck_assert_ptr_nonnull(heap_alloc(100000));
}
END_TEST

static void free_twice(void *arg)
{
    void *keep = heap_alloc(64);

    heap_free(arg);
    heap_free(keep);
    heap_free(arg);
    heap_free(arg);
}

START_TEST(freeing_what_was_never_allocated_is_caught)
{
    uint8_t *page = page_alloc_mapped(0);

    ck_assert_int_ne(host_catch((void (*)(void *))heap_free, page + 128), HOST_RETURNED);
    ck_assert_int_ne(host_catch(free_twice, heap_alloc(64)), HOST_RETURNED);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {blocks_are_zeroed_aligned_and_do_not_overlap,
                                  any_alignment_up_to_a_page_is_kept,
                                  what_is_freed_comes_back,
                                  no_memory_is_a_null_and_no_harm,
                                  freeing_what_was_never_allocated_is_caught,
                                  NULL};

    return unit_run("heap", prepare, tests);
}
