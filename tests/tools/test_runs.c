/* SPDX-License-Identifier: MIT */
/* Which pages of a kernel are copied, and which are cleared. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dom/runs.h"
#include "unit.h"

#define PAGE 4096

static struct dom_image image;
static struct dom_runs runs;

/* A file of so many pages, with data only in those named. */
static void make(unsigned int pages, const unsigned int *data, unsigned int nr)
{
    char path[] = "/tmp/runs-XXXXXX";
    int fd = mkstemp(path);

    unlink(path);
    ck_assert_int_eq(ftruncate(fd, (off_t)pages * PAGE), 0);
    for (unsigned int i = 0; i < nr; i++)
        ck_assert_int_eq(pwrite(fd, "x", 1, (off_t)data[i] * PAGE + 100), 1);
    image = (struct dom_image){.fd = fd, .size = (size_t)pages * PAGE};
}

static void find(const struct dom_elf_segment *s, unsigned int nr)
{
    struct dom_elf elf = {.nr_segments = nr};

    memcpy(elf.segment, s, nr * sizeof(*s));
    dom_runs_find(&runs, &elf, &image);
    close(image.fd);
}

static bool in_run(uint64_t pfn)
{
    for (unsigned int i = 0; i < runs.nr; i++)
        if (pfn >= runs.run[i].first && pfn < runs.run[i].end)
            return true;
    return false;
}

/* File systems tell of holes by blocks of theirs, so a run may be too long, never short.
 */
START_TEST(pages_with_data_are_in_a_run)
{
    const unsigned int data[] = {0, 1, 40, 90};
    const struct dom_elf_segment s = {0x100000, 0, 100 * PAGE, 120 * PAGE};

    make(100, data, 4);
    find(&s, 1);
    for (unsigned int i = 0; i < 4; i++)
        ck_assert(in_run(0x100 + data[i]));
    for (unsigned int i = 1; i < runs.nr; i++)
        ck_assert_uint_gt(runs.run[i].first, runs.run[i - 1].end);
    ck_assert_uint_le(runs.run[runs.nr - 1].end, 0x100 + 100);
}
END_TEST

START_TEST(segments_that_share_a_page_share_a_run)
{
    const unsigned int data[] = {0, 1, 2};
    const struct dom_elf_segment s[] = {{0x100000, 0, PAGE + 50, PAGE + 50},
                                        {0x101080, PAGE + 0x80, PAGE, PAGE}};

    make(3, data, 3);
    find(s, 2);
    ck_assert_uint_eq(runs.nr, 1);
    ck_assert_uint_eq(runs.run[0].first, 0x100);
    ck_assert_uint_eq(runs.run[0].end, 0x103);
}
END_TEST

START_TEST(too_many_runs_become_longer_ones)
{
    unsigned int data[4 * DOM_MAX_RUNS];
    const struct dom_elf_segment s = {0, 0, 160 * DOM_MAX_RUNS * PAGE,
                                      160 * DOM_MAX_RUNS * PAGE};

    for (unsigned int i = 0; i < 4 * DOM_MAX_RUNS; i++)
        data[i] = 40 * i;
    make(160 * DOM_MAX_RUNS, data, 4 * DOM_MAX_RUNS);
    find(&s, 1);
    ck_assert_uint_le(runs.nr, DOM_MAX_RUNS);
    for (unsigned int i = 0; i < 4 * DOM_MAX_RUNS; i++)
        ck_assert(in_run(data[i]));
}
END_TEST

START_TEST(gaps_are_what_is_in_no_run)
{
    uint64_t pfn = 10, to;

    runs = (struct dom_runs){.run = {{12, 14}, {20, 30}}, .nr = 2};
    to = dom_runs_gap(&runs, &pfn, 40);
    ck_assert(pfn == 10 && to == 12);
    pfn = to;
    to = dom_runs_gap(&runs, &pfn, 40);
    ck_assert(pfn == 14 && to == 20);
    pfn = to;
    to = dom_runs_gap(&runs, &pfn, 40);
    ck_assert(pfn == 30 && to == 40);
    pfn = 21;
    to = dom_runs_gap(&runs, &pfn, 29);
    ck_assert(pfn == 29 && to == 29);
    pfn = 15;
    to = dom_runs_gap(&runs, &pfn, 18);
    ck_assert(pfn == 15 && to == 18);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        pages_with_data_are_in_a_run, segments_that_share_a_page_share_a_run,
        too_many_runs_become_longer_ones, gaps_are_what_is_in_no_run, NULL};

    return unit_run("runs", NULL, tests);
}
