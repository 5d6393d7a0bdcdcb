/* SPDX-License-Identifier: MIT */
/* What every unit test's main() does. Each test runs in a process of its own, so the
 * core's static state is fresh each time. */
#ifndef UNIT_H
#define UNIT_H

#include <check.h>
#include <stdlib.h>

/* Runs a suite, in TAP: main()'s answer. */
static inline int unit_run_suite(Suite *s)
{
    SRunner *sr = srunner_create(s);
    int failed;

    srunner_set_tap(sr, "-");
    srunner_run_all(sr, CK_SILENT);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* The cases: a test function each, ended by NULL; prepare runs before each, finish behind
 * it, in the same process; either may be NULL. */
static inline int unit_run_in(const char *name, void (*prepare)(void),
                              void (*finish)(void), double seconds,
                              const TTest *const *tests)
{
    Suite *s = suite_create(name);
    TCase *c = tcase_create(name);

    tcase_add_checked_fixture(c, prepare, finish);
    tcase_set_timeout(c, seconds);
    for (; *tests; tests++)
        tcase_add_test(c, *tests);
    suite_add_tcase(s, c);
    return unit_run_suite(s);
}

static inline int unit_run(const char *name, void (*prepare)(void),
                           const TTest *const *tests)
{
    return unit_run_in(name, prepare, NULL, 60, tests);
}

#endif
