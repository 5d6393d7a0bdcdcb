/* SPDX-License-Identifier: MIT */
/*
 * The 80x25 colour text screen at 0xb8000. We go on where the firmware's cursor stands.
 * The callers serialise (hw/plat/console.c).
 *
 * Reference: IBM VGA, "CRT Controller Registers", "Graphics Controller: Miscellaneous
 * Register".
 */
#include "hw/plat/vga.h"
#include "hw/plat/io.h"
#include "lib/string.h"
#include "port/map.h"

#define COLS  80u
#define ROWS  25u
#define BLANK 0x0720 /* grey on black, space */
#define CRTC  0x3d4
#define GFX   0x3ce

static volatile uint16_t *screen;
static unsigned col, row;

static uint8_t crtc_get(uint8_t reg)
{
    pio_out8(CRTC, reg);
    return pio_in8(CRTC + 1);
}

static void crtc_set(uint8_t reg, uint8_t v)
{
    pio_out8(CRTC, reg);
    pio_out8(CRTC + 1, v);
}

bool vga_init(void)
{
    unsigned pos;

    if (!(pio_in8(0x3cc) & 1)) /* colour registers not at 0x3dx, or no adapter... */
        return false;
    if (pio_in8(0x3cc) == 0xff)
        return false;
    pio_out8(GFX, 6);
    if (pio_in8(GFX + 1) & 1) /* a graphics mode */
        return false;
    pos = (unsigned)crtc_get(0x0e) << 8 | crtc_get(0x0f);
    screen = map_io(0xb8000, COLS * ROWS * 2);
    if (!screen)
        return false;
    row = MIN(pos / COLS, ROWS - 1);
    col = 0;
    return true;
}

static void newline(void)
{
    col = 0;
    if (row + 1 < ROWS) {
        row++;
        return;
    }
    for (unsigned i = 0; i < COLS * (ROWS - 1); i++)
        screen[i] = screen[i + COLS];
    for (unsigned i = 0; i < COLS; i++)
        screen[COLS * (ROWS - 1) + i] = BLANK;
}

void vga_put(char c)
{
    if (!screen)
        return;
    if (c == '\n') {
        newline();
    } else if (c == '\r') {
        col = 0;
    } else if (c == '\b') {
        col -= col > 0;
    } else {
        screen[row * COLS + col] = (uint16_t)(0x0700 | (uint8_t)c);
        if (++col == COLS)
            newline();
    }
    if (c == '\n') { /* the cursor follows line by line: two slow ports a character would
                        hurt */
        crtc_set(0x0e, (uint8_t)(row * COLS >> 8));
        crtc_set(0x0f, (uint8_t)(row * COLS));
    }
}

void vga_off(void)
{
    screen = NULL;
}

bool vga_active(void)
{
    return screen != NULL;
}

void vga_cursor(uint8_t *r, uint8_t *c)
{
    *r = (uint8_t)row;
    *c = (uint8_t)col;
}
