/* SPDX-License-Identifier: MIT */
/*
 * 8250-compatible serial ports. Output is polled: it must work in a panic and before
 * interrupts do. A port that does not drain is given one long wait, then only short ones
 * until it moves again, so that a dead line cannot hang the machine.
 *
 * The callers serialise output (hw/plat/console.c); input is read in the interrupt
 * handler only. Reference: National Semiconductor, PC16550D data sheet, "Registers".
 */
#include "hw/plat/uart.h"
#include "hw/plat/acpi.h"
#include "hw/plat/io.h"
#include "kern/log.h"
#include "lib/errno.h"
#include "port/irq.h"

#define RBR        0 /* receive / transmit data; divisor low while LCR_DLAB */
#define IER        1 /* interrupt enable; divisor high */
#define IIR        2 /* interrupt identification / FIFO control */
#define LCR        3
#define MCR        4
#define LSR        5
#define SCR        7

#define IER_RX     0x01
#define IIR_NONE   0x01
#define FCR_ON     0x07 /* on, both cleared; receive trigger at one byte */
#define LCR_DLAB   0x80
#define MCR_DTR    0x01
#define MCR_RTS    0x02
#define MCR_OUT2   0x08 /* lets the interrupt out of the chip on PCs */
#define LSR_DATA   0x01
#define LSR_THRE   0x20
#define UART_HZ    115200

#define LONG_WAIT  100000u /* port reads, each about a microsecond on a real bus */
#define SHORT_WAIT 16u

static const char *parse_num(const char *s, uint32_t *out)
{
    uint32_t base = 10, v = 0;

    if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
        base = 16;
        s += 2;
    }
    for (;; s++) {
        uint32_t digit;

        if (*s >= '0' && *s <= '9')
            digit = (uint32_t)(*s - '0');
        else if (base == 16 && (*s | 0x20) >= 'a' && (*s | 0x20) <= 'f')
            digit = (uint32_t)((*s | 0x20) - 'a' + 10);
        else
            break;
        v = v * base + digit;
    }
    *out = v;
    return s;
}

/* "8n1" and the like -> LCR. */
static const char *parse_format(const char *s, uint8_t *lcr)
{
    uint8_t v = 3;

    if (*s >= '5' && *s <= '8')
        v = (uint8_t)(*s++ - '5');
    switch (*s) {
    case 'o':
        v |= 0x08;
        break;
    case 'e':
        v |= 0x18;
        break;
    case 'm':
        v |= 0x28;
        break;
    case 's':
        v |= 0x38;
        break;
    default:
        break;
    }
    if (*s >= 'a' && *s <= 'z')
        s++;
    if (*s == '2')
        v |= 0x04;
    if (*s == '1' || *s == '2')
        s++;
    *lcr = v;
    return s;
}

static void parse_spec(struct uart *u, const char *s)
{
    uint32_t v;

    if (*s == 'a') { /* auto */
        while (*s >= 'a' && *s <= 'z')
            s++;
    } else if (*s >= '0' && *s <= '9') {
        s = parse_num(s, &v);
        u->baud = v;
    }
    if (*s == '/') /* clock rate: only the usual one is known */
        s = parse_num(s + 1, &v);
    if (*s == ',')
        s = parse_format(s + 1, &u->lcr);
    if (*s == ',') {
        s = parse_num(s + 1, &v);
        if (v)
            u->port = (uint16_t)v;
    }
    if (*s == ',') {
        parse_num(s + 1, &v);
        u->irq = (uint8_t)v;
    }
}

bool uart_init(struct uart *u, unsigned n, const char *spec)
{
    *u = (struct uart){
        .port = n ? 0x2f8 : 0x3f8,
        .irq = n ? 3 : 4,
        .lcr = 3,
    };
    parse_spec(u, spec);

    /* A chip keeps what is written to its scratch register; an empty bus does not. */
    pio_out8(u->port + SCR, 0x5a);
    if (pio_in8(u->port + SCR) != 0x5a) {
        u->port = 0;
        return false;
    }
    pio_out8(u->port + IER, 0);
    pio_out8(u->port + LCR, u->lcr);
    if (u->baud) {
        uint32_t div = MAX(UART_HZ / u->baud, 1u);

        pio_out8(u->port + LCR, u->lcr | LCR_DLAB);
        pio_out8(u->port + RBR, (uint8_t)div);
        pio_out8(u->port + IER, (uint8_t)(div >> 8));
        pio_out8(u->port + LCR, u->lcr);
    }
    pio_out8(u->port + MCR, MCR_DTR | MCR_RTS);
    pio_out8(u->port + IIR, FCR_ON);
    u->fifo = (pio_in8(u->port + IIR) & 0xc0) == 0xc0;
    return true;
}

void uart_put(struct uart *u, char c)
{
    unsigned wait = u->stuck ? SHORT_WAIT : LONG_WAIT;

    while (!(pio_in8(u->port + LSR) & LSR_THRE)) {
        if (--wait == 0) {
            u->stuck = true;
            return;
        }
    }
    u->stuck = false;
    pio_out8(u->port + RBR, (uint8_t)c);
}

int uart_get(struct uart *u)
{
    uint8_t lsr = pio_in8(u->port + LSR);

    if (lsr == 0xff || !(lsr & LSR_DATA)) /* 0xff: unplugged */
        return -1;
    return pio_in8(u->port + RBR);
}

static void (*rx_fn)(char c);

static void rx_irq(unsigned irq, void *arg)
{
    struct uart *u = arg;
    int budget = 256; /* a stuck chip must not keep the CPU */

    while (!(pio_in8(u->port + IIR) & IIR_NONE) && budget > 0) {
        int c;

        while (budget-- > 0 && (c = uart_get(u)) >= 0)
            rx_fn((char)c);
        if (pio_in8(u->port + IIR) & 0x02) /* some other cause: nothing of ours */
            break;
    }
    irq_eoi(irq);
}

void uart_enable_rx(struct uart *u, void (*fn)(char c))
{
    unsigned gsi = u->irq;
    int rc;

    if (!u->port || !u->irq || u->rx_irq)
        return;
    rx_fn = fn;
    if (gsi < ARRAY_SIZE(acpi.isa)) {
        if (acpi.isa[gsi].present) {
            rc = irq_setup_gsi(acpi.isa[gsi].gsi, acpi.isa[gsi].level, acpi.isa[gsi].low);
            gsi = acpi.isa[gsi].gsi;
        } else {
            rc = irq_setup_gsi(gsi, false, false);
        }
    } else {
        rc = irq_setup_gsi(gsi, true, true);
    }
    if (!rc)
        rc = irq_bind(gsi, rx_irq, u, 0);
    if (rc) {
        log_warn("serial port %#x: no input, irq %u cannot be had (%d)\n", u->port, gsi,
                 rc);
        return;
    }
    u->rx_irq = true;
    while (uart_get(u) >= 0) /* typed before anybody listened */
        ;
    pio_out8(u->port + MCR, MCR_DTR | MCR_RTS | MCR_OUT2);
    pio_out8(u->port + IER, IER_RX);
}
