/* SPDX-License-Identifier: MIT */
/* Input from the serial line: to the control domain, or to the debug keys. Three times
 * Ctrl-a switches. */
#ifndef KERN_CONSOLE_H
#define KERN_CONSOLE_H

#include "lib/types.h"

void console_input_init(
    void); /* from main, once softirqs work; input goes to the control domain */
size_t console_read(char *buf,
                    size_t n); /* what was typed for the control domain; 0: nothing */
/* Called in irq context when console_read() has something new: raises VIRQ_CONSOLE. Set
 * by main. */
extern void (*console_input_ready)(void);

/* Debug keys: a row each. fn runs in softirq context, irqs on, and logs what it finds. */
void debug_key_add(char key, const char *help, void (*fn)(void));
void keys_init(void);           /* keys.c: those of the kernel and the rooms */
bool debug_key_run(char key);   /* now, here; false: no such key */
void debug_key_press(char key); /* any context; runs soon on this CPU */

#endif
