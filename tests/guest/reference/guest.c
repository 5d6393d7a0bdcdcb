/* SPDX-License-Identifier: MIT */
/* The reference guest's beginning: the command line names the device's folder. */
#include "reference.h"

void test_main(void)
{
    const char *front = (const char *)start_info->cmd_line;

    port_init();
    store_init();
    say("The reference guest is up.\n");
    disk_main(*front ? front : "device/vbd/51712");
}
