/* SPDX-License-Identifier: MIT */
/* What the compiler proved about one ABI header. */
#ifndef TESTS_ABI_COUNTS_H
#define TESTS_ABI_COUNTS_H

struct counts {
    const char *header;
    int numbers, sizes, offsets;
    struct counts *next;
};

void counts_add(struct counts *c);

#endif
