/* SPDX-License-Identifier: MIT */
/* What the platform's other files need of the consoles; the core's side is
 * port/console.h. */
#ifndef HW_PLAT_CONSOLE_H
#define HW_PLAT_CONSOLE_H

void console_init_vga(void); /* once map_io() works */
/* Calls fn for each range of ports that belongs to a serial port in use. */
void console_hidden_ports(void (*fn)(void *arg, unsigned first, unsigned last),
                          void *arg);

#endif
