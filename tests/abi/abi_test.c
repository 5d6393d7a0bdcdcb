/* SPDX-License-Identifier: MIT */
/*
 * Reports in TAP what check.c proved at compile time. That this program exists means
 * that all assertions hold; a list that went empty is still an error.
 */
#include <stdio.h>
#include <string.h>
#include "counts.h"

static struct counts *all;

/* Keeps the list in order of names, so that the output does not depend on the linker. */
void counts_add(struct counts *c)
{
    struct counts **p = &all;

    while (*p && strcmp((*p)->header, c->header) < 0)
        p = &(*p)->next;
    c->next = *p;
    *p = c;
}

int main(void)
{
    int n = 0, bad = 0;

    for (struct counts *c = all; c; c = c->next) {
        int empty = c->numbers + c->sizes + c->offsets == 0;

        printf("%sok %d - abi: %s: %d numbers, %d sizes, ", empty ? "not " : "", ++n,
               c->header, c->numbers, c->sizes);
        printf("%d offsets agree with Xen 4.17's\n", c->offsets);
        bad |= empty;
    }
    printf("1..%d\n", n);
    return bad;
}
