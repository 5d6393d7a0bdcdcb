/* SPDX-License-Identifier: MIT */
/*
 * The reference guest's beginning: the command line names the device's folder. Behind a
 * space there is, for a network interface, the guest's place in it; for a disk that is to
 * be misused, how often.
 */
#include "reference.h"

#define MAX_FRONT 64

static bool begins(const char *s, const char *with)
{
    return !memcmp(s, with, strlen(with));
}

static unsigned int number(const char *s)
{
    unsigned int n = 0;

    for (; *s >= '0' && *s <= '9'; s++)
        n = n * 10 + (unsigned int)(*s - '0');
    return n;
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
    else if (line[n])
        hostile_main(front, number(line + n + 1));
    else
        disk_main(*front ? front : "device/vbd/51712");
}
