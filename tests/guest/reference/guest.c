/* SPDX-License-Identifier: MIT */
/*
 * The reference guest's beginning: the command line names the device's folder, and for a
 * network interface, behind a space, the guest's place in it.
 */
#include "reference.h"

#define MAX_FRONT 64

static bool begins(const char *s, const char *with)
{
    return !memcmp(s, with, strlen(with));
}

void test_main(void)
{
    const char *line = (const char *)start_info->cmd_line;
    static char front[MAX_FRONT];
    size_t n = 0;

    for (; line[n] && line[n] != ' ' && n < MAX_FRONT - 1; n++)
        front[n] = line[n];
    console_init();
    port_init();
    store_init();
    say("The reference guest is up.\n");
    if (begins(front, "device/vif/"))
        net_main(front, line + n);
    else if (begins(front, "device/console/"))
        console_main(front);
    else
        disk_main(*front ? front : "device/vbd/51712");
}
