/* SPDX-License-Identifier: MIT */
/* Runs in ring 3, for the one who looks at what its CPU could reach: `options`. */
#include "guest.h"

void test_main(void)
{
    events_off();
    printf("@probe\n");
    for (;;)
        ;
}
