/* SPDX-License-Identifier: MIT */
/* 8250-compatible serial ports COM1 and COM2. */
#ifndef HW_PLAT_UART_H
#define HW_PLAT_UART_H

#include "lib/types.h"

struct uart {
    uint16_t port; /* 0: not there */
    uint8_t irq;   /* ISA irq */
    uint32_t baud;
    uint8_t lcr;
    bool fifo;
    bool rx_irq; /* input comes by interrupt */
    bool stuck;  /* output timed out once: waits are short until it moves again */
};

/* spec: BAUD[,FORMAT[,PORT[,IRQ]]], FORMAT such as 8n1; BAUD "auto" keeps the rate.
 * false: no chip there. */
bool uart_init(struct uart *u, unsigned n, const char *spec);
void uart_put(struct uart *u, char c);                   /* polled, bounded wait */
int uart_get(struct uart *u);                            /* -1: nothing */
void uart_enable_rx(struct uart *u, void (*fn)(char c)); /* binds the irq */

#endif
