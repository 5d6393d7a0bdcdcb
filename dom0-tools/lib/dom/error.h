/* SPDX-License-Identifier: MIT */
/*
 * What went wrong, in one line for a person. Functions that can fail for reasons a
 * user can mend take one of these, and return a negative errno value.
 */
#ifndef DOM_ERROR_H
#define DOM_ERROR_H

struct dom_error {
    char text[512];
};

/* Writes the line (unless there is one already: the first cause counts). Returns rc. */
int dom_fail(struct dom_error *err, int rc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
