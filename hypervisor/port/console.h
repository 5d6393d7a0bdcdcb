/* SPDX-License-Identifier: MIT */
/* What a machine owes the core: consoles (serial, VGA text) and their input. */
#ifndef PORT_CONSOLE_H
#define PORT_CONSOLE_H

#include "lib/types.h"

void console_early_init(
    const char *cmdline);     /* console= com1= vga, before the heap exists */
void console_late_init(void); /* interrupt-driven input, once irqs work */
void console_write(const char *s,
                   size_t n); /* polled, any context; \n becomes \r\n on serial */
/* Characters typed on the serial line arrive here (irq context); kern/console.c sets it.
 */
void console_set_input(void (*fn)(char c));

#endif
