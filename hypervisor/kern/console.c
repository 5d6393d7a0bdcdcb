/* SPDX-License-Identifier: MIT */
/*
 * Console input. Characters come in irq context. Those for the control domain wait in a
 * ring until its console_io read; those for the hypervisor are debug keys, which run from
 * a softirq, because they print more than an interrupt handler should.
 *
 * `lock` guards the ring, the switch and the queue of keys. When the ring is full new
 * characters are lost.
 */
#include "kern/console.h"
#include "kern/lock.h"
#include "kern/log.h"
#include "kern/softirq.h"
#include "port/console.h"

#define RING         256u /* power of two */
#define SWITCH_CHAR  0x01
#define SWITCH_COUNT 3

void (*console_input_ready)(void);

static spinlock_t lock = SPINLOCK_INIT(RANK_LEAF);
static char ring[RING];
static uint32_t produced, consumed;
static bool to_hypervisor;
static unsigned switch_seen;

static char pressed[16]; /* under lock: keys that wait for the task */
static unsigned nr_pressed;
static struct task key_task;

size_t console_read(char *buf, size_t n)
{
    irqflags_t f = spin_lock_irq(&lock);
    size_t i = 0;

    while (i < n && consumed != produced)
        buf[i++] = ring[consumed++ % RING];
    spin_unlock_irq(&lock, f);
    return i;
}

static void say_where(void)
{
    log_info("*** Serial input to %s (type 'CTRL-a' three times to switch input)\n",
             to_hypervisor ? "hypervisor; 'h' for help" : "DOM0");
}

/* Under lock: takes the character for the ring, or says that it is a debug key. */
static bool take(char c, bool *ready)
{
    if (c == SWITCH_CHAR && ++switch_seen == SWITCH_COUNT) {
        switch_seen = 0;
        to_hypervisor = !to_hypervisor;
        c = 0;
    } else if (c != SWITCH_CHAR) {
        switch_seen = 0;
    }
    if (to_hypervisor || c == 0)
        return c != SWITCH_CHAR;
    if (produced - consumed < RING)
        ring[produced++ % RING] = c;
    *ready = true;
    return false;
}

static void input(char c)
{
    irqflags_t f = spin_lock_irq(&lock);
    bool before = to_hypervisor, ready = false, is_key = take(c, &ready),
         switched = before != to_hypervisor;

    spin_unlock_irq(&lock, f);
    if (switched)
        debug_key_press('\0');
    else if (is_key)
        debug_key_press(c);
    if (ready && console_input_ready)
        console_input_ready();
}

/* ---- debug keys ---- */

void debug_key_press(char key)
{
    irqflags_t f = spin_lock_irq(&lock);

    if (nr_pressed < sizeof(pressed))
        pressed[nr_pressed++] = key;
    spin_unlock_irq(&lock, f);
    task_kick(&key_task);
}

static void run_key(char key)
{
    if (!key) {
        say_where();
        return;
    }
    if (!debug_key_run(key) && key > ' ')
        log_info("'%c' is no debug key; 'h' lists them\n", key);
}

static void run_keys(void *arg)
{
    char key;

    for (;;) {
        irqflags_t f = spin_lock_irq(&lock);
        bool any = nr_pressed > 0;

        key = pressed[0];
        if (any)
            nr_pressed--;
        for (unsigned i = 0; i < nr_pressed; i++)
            pressed[i] = pressed[i + 1];
        spin_unlock_irq(&lock, f);
        if (!any)
            return;
        run_key(key);
    }
}

void console_input_init(void)
{
    task_init(&key_task, run_keys, NULL);
    keys_init();
    console_set_input(input);
}
