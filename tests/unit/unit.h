/* SPDX-License-Identifier: MIT */
/* What every unit test's main() does. Each test runs in a process of its own, so the
 * core's static state is fresh each time. */
#ifndef UNIT_H
#define UNIT_H

#include <check.h>
#include <stdlib.h>

/* The cases: a test function each, ended by NULL; prepare runs before each, finish behind
 * it, in the same process; either may be NULL. */
static inline int unit_run_in(const char *name, void (*prepare)(void),
                              void (*finish)(void), double seconds,
                              const TTest *const *tests)
{
    Suite *s = suite_create(name);
    TCase *c = tcase_create(name);
    SRunner *sr;
    int failed;

    tcase_add_checked_fixture(c, prepare, finish);
    tcase_set_timeout(c, seconds);
    for (; *tests; tests++)
        tcase_add_test(c, *tests);
    suite_add_tcase(s, c);
    sr = srunner_create(s);
    srunner_set_tap(sr, "-");
    srunner_run_all(sr, CK_SILENT);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static inline int unit_run(const char *name, void (*prepare)(void),
                           const TTest *const *tests)
{
    return unit_run_in(name, prepare, NULL, 60, tests);
}

#endif
