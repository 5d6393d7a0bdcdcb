/* SPDX-License-Identifier: MIT */
/* The 80x25 colour text screen. Off under EFI, in graphics modes, and once the control
 * domain has it. */
#ifndef HW_PLAT_VGA_H
#define HW_PLAT_VGA_H

#include "lib/types.h"

bool vga_init(void); /* false: no text screen */
void vga_put(char c);
void vga_off(void); /* the control domain draws from here on */
bool vga_active(void);
void vga_cursor(uint8_t *row, uint8_t *col);

#endif
