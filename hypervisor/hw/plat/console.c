/* SPDX-License-Identifier: MIT */
/*
 * Which consoles there are: `console=` is a list of com1, com2, vga, none; the default is
 * com1,vga. A serial port is used when `com1=`/`com2=` sets it up or console= names it,
 * else it is left to the control domain.
 *
 * Output may come from any context, a panic or an NMI included, so the lock is only tried
 * for a while: a garbled line is better than none.
 */
#include "hw/plat/console.h"
#include "hw/plat/irq_msi.h"
#include "hw/plat/acpi.h"
#include "hw/plat/plat.h"
#include "hw/plat/uart.h"
#include "hw/plat/vga.h"
#include "kern/lock.h"
#include "lib/string.h"
#include "port/console.h"
#include "port/platform.h"
#include "port/upcall.h"

#define LFB_NOT_VGA 2 /* VBE's capabilities: its controller has no VGA registers */

static struct uart uarts[2];
static bool want_vga;
static bool vga_forced_off;
static bool vga_keep;
static spinlock_t out_lock = SPINLOCK_INIT(RANK_LEAF);
static void (*input_fn)(char c);

/* The value of option `name=` on the command line, NULL if it is not there. */
static const char *find_opt(const char *cmdline, const char *name)
{
    size_t n = strlen(name);
    const char *last = NULL;

    for (const char *s = cmdline; *s;) {
        if (!strncmp(s, name, n) && s[n] == '=')
            last = s + n + 1;
        while (*s && *s != ' ')
            s++;
        while (*s == ' ')
            s++;
    }
    return last;
}

static bool list_has(const char *list, const char *item)
{
    size_t n = strlen(item);

    for (const char *s = list; *s && *s != ' ';) {
        if (!strncmp(s, item, n) && (s[n] == ',' || s[n] == ' ' || s[n] == '\0'))
            return true;
        while (*s && *s != ' ' && *s != ',')
            s++;
        if (*s == ',')
            s++;
    }
    return false;
}

void console_early_init(const char *cmdline)
{
    static const char *const names[2] = {"com1", "com2"};
    static bool done;
    const char *list, *vga;

    if (done)
        return;
    done = true;
    list = find_opt(cmdline, "console");
    for (unsigned i = 0; i < 2; i++) {
        const char *spec = find_opt(cmdline, names[i]);
        bool named = list && list_has(list, names[i]);

        if (named || (spec && !list && i == 0))
            uart_init(&uarts[i], i, spec ? spec : "115200,8n1");
    }
    want_vga = !list || list_has(list, "vga");
    vga = find_opt(cmdline, "vga");
    vga_keep = vga && list_has(vga, "keep");
}

void plat_init_early(const struct boot_info *bi)
{
    console_early_init(bi->cmdline ? bi->cmdline : "");
    vga_forced_off = bi->efi;
}

void console_init_vga(void)
{
    if (want_vga && !vga_forced_off)
        vga_init();
}

static void put_serial(struct uart *u, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '\n')
            uart_put(u, '\r');
        uart_put(u, s[i]);
    }
}

void console_write(const char *s, size_t n)
{
    irqflags_t f = irq_save();
    bool locked = false;

    for (unsigned i = 0; i < 1000000 && !locked; i++) {
        locked = spin_trylock(&out_lock);
        if (!locked)
            cpu_relax();
    }
    for (unsigned i = 0; i < ARRAY_SIZE(uarts); i++)
        if (uarts[i].port)
            put_serial(&uarts[i], s, n);
    for (size_t i = 0; i < n && vga_active(); i++)
        vga_put(s[i]);
    if (locked)
        spin_unlock(&out_lock);
    irq_restore(f);
}

static void on_input(char c)
{
    if (input_fn)
        input_fn(c);
}

void console_set_input(void (*fn)(char c))
{
    input_fn = fn;
}

void console_late_init(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(uarts); i++)
        if (uarts[i].port)
            uart_enable_rx(&uarts[i], on_input);
    plat_init_late();
}

void platform_vga_handover(void)
{
    if (!vga_keep)
        vga_off();
}

/* The bits of a pixel that no colour has, when they are its uppermost. */
static struct boot_colour unused_bits(const struct boot_screen *s)
{
    unsigned used = s->red.size + s->green.size + s->blue.size;

    return used < s->bpp ? (struct boot_colour){(uint8_t)used, (uint8_t)(s->bpp - used)}
                         : (struct boot_colour){0, 0};
}

static size_t screen_info(const struct boot_screen *s, bool efi,
                          struct hv_dom0_vga_console_info *info)
{
    struct boot_colour unused = unused_bits(s);

    info->video_type = efi ? HV_VGATYPE_EFI_LFB : HV_VGATYPE_VESA_LFB;
    info->u.vesa_lfb.width = (uint16_t)s->width;
    info->u.vesa_lfb.height = (uint16_t)s->height;
    info->u.vesa_lfb.bytes_per_line = (uint16_t)s->pitch;
    info->u.vesa_lfb.bits_per_pixel = s->bpp;
    info->u.vesa_lfb.lfb_base = (uint32_t)s->base;
    info->u.vesa_lfb.ext_lfb_base = (uint32_t)(s->base >> 32);
    info->u.vesa_lfb.lfb_size =
        (uint32_t)(ROUND_UP((uint64_t)s->pitch * s->height, 0x10000) >> 16);
    info->u.vesa_lfb.red_pos = s->red.pos;
    info->u.vesa_lfb.red_size = s->red.size;
    info->u.vesa_lfb.green_pos = s->green.pos;
    info->u.vesa_lfb.green_size = s->green.size;
    info->u.vesa_lfb.blue_pos = s->blue.pos;
    info->u.vesa_lfb.blue_size = s->blue.size;
    info->u.vesa_lfb.rsvd_pos = unused.pos;
    info->u.vesa_lfb.rsvd_size = unused.size;
    info->u.vesa_lfb.gbl_caps = efi ? LFB_NOT_VGA : 0;
    return sizeof(*info);
}

size_t platform_vga_info(struct hv_dom0_vga_console_info *info)
{
    const struct boot_info *bi = boot_info_get();
    uint8_t r, c;

    memset(info, 0, sizeof(*info));
    if (bi->screen.width)
        return screen_info(&bi->screen, bi->efi, info);
    if (!vga_active())
        return 0;
    vga_cursor(&r, &c);
    info->video_type = HV_VGATYPE_TEXT_MODE_3;
    info->u.text_mode_3.font_height = 16;
    info->u.text_mode_3.cursor_x = c;
    info->u.text_mode_3.cursor_y = r;
    info->u.text_mode_3.rows = 25;
    info->u.text_mode_3.columns = 80;
    return sizeof(*info);
}

void console_hidden_ports(void (*fn)(void *arg, unsigned first, unsigned last), void *arg)
{
    for (unsigned i = 0; i < ARRAY_SIZE(uarts); i++)
        if (uarts[i].port)
            fn(arg, uarts[i].port, uarts[i].port + 7u);
}

bool irq_is_uart(unsigned gsi)
{
    for (unsigned i = 0; i < ARRAY_SIZE(uarts); i++) {
        unsigned n = uarts[i].irq;

        if (!uarts[i].port || !uarts[i].rx_irq)
            continue;
        if (n < ARRAY_SIZE(acpi.isa) && acpi.isa[n].present)
            n = acpi.isa[n].gsi;
        if (n == gsi)
            return true;
    }
    return false;
}
