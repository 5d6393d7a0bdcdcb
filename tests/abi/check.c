/* SPDX-License-Identifier: MIT */
/*
 * Compiled once per ABI header: asserts that each number, size and offset listed in LIST
 * is the same in our header (OURS) and in Xen's, and counts them for abi_test.c.
 *
 *   NUM(ours, xen)         two constant expressions are equal
 *   SIZE(ours, xen)        two types have one size
 *   OFF(ours, xen, member) the member has one offset and one size
 *   POS(ours, xen, member) the member has one offset (flexible arrays have no size)
 */
#include <stddef.h>
#include "xen_headers.h"
#include OURS
#include "counts.h"

#define MEMBER_SIZE(t, m) sizeof(((t *)0)->m)

#define NUM(ours, xen)    _Static_assert((ours) == (xen), #ours);
#define SIZE(ours, xen)   _Static_assert(sizeof(ours) == sizeof(xen), "sizeof " #ours);
#define POS(ours, xen, member)                                                           \
    _Static_assert(offsetof(ours, member) == offsetof(xen, member), #ours "." #member);
#define OFF(ours, xen, member)                                                           \
    POS(ours, xen, member)                                                               \
    _Static_assert(MEMBER_SIZE(ours, member) == MEMBER_SIZE(xen, member),                \
                   "sizeof " #ours "." #member);
#include LIST
#undef NUM
#undef SIZE
#undef POS
#undef OFF

/* Each list again, counting one kind of line. */
#define NUM(ours, xen) +1
#define SIZE(ours, xen)
#define POS(ours, xen, member)
#define OFF(ours, xen, member)
static const int numbers = 0
#include LIST
    ;
#undef NUM
#undef SIZE
#define NUM(ours, xen)
#define SIZE(ours, xen) +1
static const int sizes = 0
#include LIST
    ;
#undef SIZE
#undef POS
#undef OFF
#define SIZE(ours, xen)
#define POS(ours, xen, member) +1
#define OFF(ours, xen, member) +1
static const int offsets = 0
#include LIST
    ;

static struct counts counts = {OURS, 0, 0, 0, NULL};

__attribute__((constructor)) static void add(void)
{
    counts.numbers = numbers;
    counts.sizes = sizes;
    counts.offsets = offsets;
    counts_add(&counts);
}
